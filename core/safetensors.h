// Named tensors in a file, in the safetensors format (github.com/huggingface/safetensors): eight bytes of
// header length, a JSON header, then the bytes of the tensors.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace octet {

struct TensorFile {
  std::vector<std::pair<std::string, Tensor>> tensors;  // in the order written; on the CPU
  std::map<std::string, std::string> metadata;

  const Tensor* find(const std::string& name) const;  // null if there is none
  const Tensor& at(const std::string& name) const;    // error of kind Checkpoint if there is none
  void add(std::string name, Tensor tensor) { tensors.emplace_back(std::move(name), std::move(tensor)); }
};

// Types F32, F64, BF16, I32, I64 and U8 as they are; F16 becomes f32. Errors of kind Checkpoint say what is
// wrong and where, with `source` (a path) in front: a truncated file, a header that is not JSON, offsets
// outside the file, overlapping, with gaps or of the wrong length, an unknown type, a name that comes twice.
TensorFile parse_safetensors(std::string_view bytes, const std::string& source);
TensorFile read_safetensors(const std::string& path);
// The bytes of a file with these tensors; BF16 and the integer types included.
std::string format_safetensors(const TensorFile& file);

}  // namespace octet
