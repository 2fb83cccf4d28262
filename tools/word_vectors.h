// --glove: the word vectors that an embedding starts from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/glove.h"
#include "nn/module.h"
#include "tools/config.h"
#include "tools/text_encoder.h"

namespace octet::tools {

struct WordVectors {
  GloveVectors glove;       // a row for each id of the vocabulary
  int64_t words = 0;        // of the vocabulary, without its specials
  int64_t as_written = 0;   // of them that have a vector
  int64_t lower_cased = 0;  // further ones that have one in lower case
  double token_share = 0;   // of the training tokens, those of words with a vector
};

// The vectors of config.glove for the encoder's tokens; `sequences` are the ids of the training texts. Errors
// (Data): those of read_glove, and another dimension than config.embedding.
WordVectors load_word_vectors(const TrainConfig& config, const TextEncoder& encoder,
                              const std::vector<std::vector<int32_t>>& sequences);

// Overwrites embedding.weight.
void put_word_vectors(const WordVectors& vectors, const Module& model);

// "glove: 1,604 of 1,749 words have a vector ...", and what the reader noted.
std::vector<std::string> lines_about(const WordVectors& vectors);

}  // namespace octet::tools
