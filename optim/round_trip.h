// A state slot stored and read back: for looking into what a codec does, not for training.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "optim/registry.h"
#include "optim/step.h"

namespace octet::optim {

// Evenly spaced values with one absmax for the whole tensor, nearest codes: the baseline of Dettmers et al.,
// "8-bit Optimizers via Block-wise Quantization", ICLR 2022. No codec, as nobody should train with it.
inline constexpr std::string_view kTensorwiseLinear = "linear, tensor-wise";

// A way to keep a slot. What a codec fixes (its own block size, nearest codes) overrides the rest.
struct Storage {
  std::string_view name = "blockwise8";  // a codec, or kTensorwiseLinear
  int block_size = kDefaultBlock;
  SecondMoment second_moment = SecondMoment::Plain;
  Rounding rounding = Rounding::Nearest;
};

struct StoredSlot {
  std::vector<float> values;  // as a step reads them
  std::vector<uint8_t>
      codes;                  // one a value, two to a byte or not; none where values are converted one by one
  std::vector<float> absmax;  // one for each `block` values, perhaps with a sign; none likewise
  int64_t block = kDefaultBlock;  // values that share an absmax, the last block may be short
  int64_t bytes = 0;              // stored, absmax included
  Book book = Book::Signed;
  Map map = Map::Dynamic;  // with `book` the code book, where there are codes

  bool coded() const { return !codes.empty(); }
  const Codebook& codebook() const { return optim::codebook(book, map); }
  float absmax_of(int64_t element) const { return absmax[static_cast<size_t>(element / block)]; }
};

// Stores `values` and reads them back. `slot` and `step` choose the noise of dithered rounding. Errors: kind
// Usage for an unknown codec or one of another type than float32.
StoredSlot store(const Storage& how, Book book, std::span<const float> values, int slot = 0,
                 int64_t step = 1);

// What a checkpoint holds for `count` values: `absmax` is null where the codec has none. Errors: kind Usage
// for tensors that are not of that codec, block size and count.
StoredSlot read_back(std::string_view codec, Book book, int block_size, int64_t count, const Tensor& stored,
                     const Tensor* absmax);

}  // namespace octet::optim
