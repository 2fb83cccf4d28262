// Bytes of the experiments' models and of their optimizer state, from the shapes of their parameters.
#pragma once

#include <cstdint>
#include <vector>

#include "core/shape.h"

namespace octet::tools {

constexpr double kMiB = 1 << 20;

std::vector<Shape> sms_model();                 // 19 tensors, 1,751 words
std::vector<Shape> imdb_model(int64_t layers);  // 1,001 words, one direction, one logit
std::vector<Shape> bert_model();                // BERT-base with a linear layer to 6 classes

// Adam's two states of a model in fp32: 8 bytes an element.
int64_t fp32_state_bytes(const std::vector<Shape>& model);
// In 8 bits, as the report's library kept them: tensors of fewer than 4,096 elements in fp32, of the others
// two codes an element and two fp32 absmax a block of 2,048.
int64_t coded_state_bytes(const std::vector<Shape>& model);

}  // namespace octet::tools
