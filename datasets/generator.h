// The corpora of last resort: made-up texts of the shape of the real ones, so that every command can be tried
// on a machine without data. Whoever uses one must say "generated"; its results mean nothing outside octet.
//
// Words are invented from syllables and follow Zipf's law. Integer arithmetic on core/rng.h throughout: the
// same seed gives the same bytes on every machine.
#pragma once

#include <cstdint>

#include "datasets/text_corpus.h"

namespace octet {

// `rows` messages, `spam` of them spam, by default as many as in the SMS collection, of similar lengths
// (about 18 tokens; spam longer than ham). Spam leans on words of its own, some of it faintly, and a little
// ham sounds like spam, so a model has to learn and never gets everything right. Errors (Usage): unless 0 <
// spam < rows.
TextCorpus generate_sms(uint64_t seed = 2021, int64_t rows = 5574, int64_t spam = 747);

// `rows` film reviews, half of them positive, of the lengths of the IMDB reviews (a mean of 230 words), half
// of whose words are English stop words, as there. Words of praise and of blame are found in both kinds of
// review, in their own more often than in the other. Errors (Usage): rows < 2.
TextCorpus generate_imdb(uint64_t seed = 2021, int64_t rows = 50'000);

}  // namespace octet
