// What the suites of optim share: the levels this machine has, values as doubles, blocks of one state slot,
// bytes of tensors.
#pragma once

#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "core/cpu/level.h"
#include "core/rng.h"
#include "optim/cpu/kernels.h"
#include "optim/optimizer.h"
#include "tests/support/support.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

namespace octet::optim::testing {

inline std::vector<double> doubles_of(const Tensor& t) {
  return t.to(DType::F64, MemoryTag::Data).to_vector<double>();
}

inline std::vector<cpu::Level> levels() {
  std::vector<cpu::Level> out;
  for (const cpu::Level level : {cpu::Level::V2, cpu::Level::V3, cpu::Level::V4})
    if (level <= cpu::level()) out.push_back(level);
  return out;
}

struct Encoded {
  std::vector<uint8_t> codes;
  std::vector<float> absmax;
  bool operator==(const Encoded&) const = default;
};

inline Encoded encode(cpu::Level level, Book book, const std::vector<float>& values, int block_size = 256,
                      const Encoding& how = {}, const char* codec = "blockwise8") {
  const size_t block = static_cast<size_t>(block_size);
  Encoded out{std::vector<uint8_t>(values.size()), std::vector<float>((values.size() + block - 1) / block)};
  cpu_steps(level).encode(Device::cpu(), codec_place(codec), book, how, block_size, values.data(),
                          static_cast<int64_t>(values.size()), out.codes.data(), out.absmax.data());
  return out;
}

inline std::vector<float> decode(cpu::Level level, Book book, const Encoded& encoded, int block_size = 256,
                                 const char* codec = "blockwise8") {
  std::vector<float> out(encoded.codes.size());
  cpu_steps(level).decode(Device::cpu(), codec_place(codec), book, block_size, encoded.codes.data(),
                          encoded.absmax.data(), static_cast<int64_t>(out.size()), out.data());
  return out;
}

inline std::string bytes_of(const Tensor& t) {
  if (!t.device().is_cpu()) return bytes_of(t.to(Device::cpu(), MemoryTag::Data));
  return {static_cast<const char*>(t.raw()), static_cast<size_t>(t.bytes())};
}

// Normal numbers whose scale changes over five decades along the tensor, as that of gradients does.
inline std::vector<double> random_values(int64_t count, Rng& rng, double scale = 1.0) {
  static const auto decades = [] {
    std::array<double, 97> table{};
    for (size_t i = 0; i < table.size(); ++i) table[i] = std::pow(10.0, -5.0 * static_cast<double>(i) / 97);
    return table;
  }();
  std::vector<double> out(static_cast<size_t>(count));
  for (size_t i = 0; i < out.size(); ++i) {
    const double u = rng.uniform() + 1e-12, v = rng.uniform();
    out[i] = scale * std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v) * decades[i % 97];
  }
  return out;
}

inline Tensor tensor_of(const std::vector<double>& values, DType dtype = DType::F32) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())}, Device::cpu(), MemoryTag::Weights)
      .to(dtype, MemoryTag::Weights);
}

// Parameters of a small model with random weights, and gradients for them.
inline NamedParameter parameter(const std::string& name, int64_t n, uint64_t seed = 1,
                                DType dtype = DType::F32) {
  Rng rng = Rng(seed).split(name);
  return {name, Variable::leaf(tensor_of(random_values(n, rng), dtype))};
}

inline std::vector<NamedParameter> model(DType dtype = DType::F32) {
  return {parameter("embedding.weight", 3 * 4096 + 5, 1, dtype), parameter("fc.weight", 4096, 1, dtype),
          parameter("fc.bias", 17, 1, dtype)};
}

inline void set_gradients(const std::vector<NamedParameter>& parameters, uint64_t seed) {
  for (const NamedParameter& p : parameters) {
    Rng rng = Rng(seed).split(p.name);
    const int64_t n = p.variable.value().numel();
    p.variable.grad().reshape({n}).copy_from(
        tensor_of(random_values(n, rng, 1e-2), p.variable.grad().dtype()));
  }
}

inline std::string weights_of(const std::vector<NamedParameter>& parameters) {
  std::string out;
  for (const NamedParameter& p : parameters) out += bytes_of(p.variable.value());
  return out;
}

inline std::string state_of(const Optimizer& optimizer) {
  std::string out;
  for (const auto& [name, tensor] : optimizer.state()) out += name + bytes_of(tensor);
  return out;
}

inline NamedTensors copies_of(const NamedTensors& tensors) {
  NamedTensors out;
  for (const auto& [name, tensor] : tensors) out.emplace_back(name, tensor.clone(MemoryTag::Data));
  return out;
}

}  // namespace octet::optim::testing
