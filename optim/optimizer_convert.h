// State as it lies in a checkpoint, and its conversion to another codec. Private to the optimizer.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "optim/optimizer.h"

namespace octet::optim {

constexpr const char* kAbsmaxSuffix = ".absmax";
constexpr const char* kCodecSuffix = ".codec";
constexpr const char* kBlockSizeSuffix = ".block_size";

// The tensors of a checkpoint by name, each to be taken once.
class SavedTensors {
 public:
  explicit SavedTensors(const NamedTensors& tensors);
  // Errors of kind Checkpoint: there is none.
  const Tensor& take(const std::string& name);
  const Tensor* take_if_there(const std::string& name);
  // Errors of kind Checkpoint: one was not taken.
  void check_all_taken() const;

 private:
  std::map<std::string_view, const Tensor*> left_;
};

// How values are kept: a codec and, where it has an absmax a block, the size of those.
struct StateFormat {
  int codec, block_size;  // place in Codecs; elements
  bool operator==(const StateFormat& other) const;
  std::string text() const;  // blockwise8 in blocks of 128
};

// The state of one parameter.
struct SavedState {
  StateFormat format;
  std::vector<const Tensor*> values, absmax;  // by slot; no absmax where the codec has none
};
// Errors of kind Checkpoint: a tensor is missing, of another type or shape than the codec has for such a
// parameter, or holds what is not finite or must not be negative.
SavedState take_state(SavedTensors& tensors, const std::string& parameter, const Tensor& weight,
                      std::span<const Slot> slots);
// The same for the rule's form for matrices, whose state is never coded and of the shapes of `own`.
SavedState take_matrix_state(SavedTensors& tensors, const std::string& parameter, std::span<const Slot> slots,
                             std::span<const Tensor> own, const StateFormat& format);

// One slot into the tensors of another format, on their device.
struct SlotTensors {
  const Tensor& values;
  const Tensor* absmax;  // null where the codec has none
};
void convert_slot(Book book, int64_t count, const StateFormat& from, const SlotTensors& source,
                  const StateFormat& to, const SlotTensors& target, const Encoding& how);

// A name as bytes, and a whole number, as tensors.
Tensor text_tensor(std::string_view text);
Tensor count_tensor(int64_t value);
// Errors of kind Checkpoint: not one i64, or below 0.
int64_t read_count(const std::string& name, const Tensor& tensor);

}  // namespace octet::optim
