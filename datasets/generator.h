// The corpus of last resort: made-up messages of the shape of the SMS collection, so that every command can
// be tried on a machine without data. Whoever uses it must say "generated"; its results mean nothing outside
// octet.
#pragma once

#include <cstdint>

#include "datasets/text_corpus.h"

namespace octet {

// `rows` messages, `spam` of them spam, by default as many as in the SMS collection, of similar lengths
// (about 18 tokens; spam longer than ham). Words are invented from syllables and follow Zipf's law. Spam
// leans on words of its own, some of it faintly, and a little ham sounds like spam, so a model has to learn
// and never gets everything right. Integer arithmetic on core/rng.h throughout: the same seed gives the same
// bytes on every machine. Errors (Usage): unless 0 < spam < rows.
TextCorpus generate_sms(uint64_t seed = 2021, int64_t rows = 5574, int64_t spam = 747);

}  // namespace octet
