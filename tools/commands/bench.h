// What the commands of `octet bench` share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/device.h"
#include "core/shape.h"

namespace CLI {
class App;
}

namespace octet::tools {

std::function<int()> declare_bench_ops(CLI::App& app);
std::function<int()> declare_bench_optimizer(CLI::App& app);
std::function<int()> declare_bench_quantization(CLI::App& app);

// Shapes of every parameter of a model, by the rules of its architecture.
inline constexpr std::string_view kModelShapes[] = {"bert-base", "sms"};
std::vector<Shape> sms_shapes(int64_t vocabulary = 1751);  // 19 tensors
std::vector<Shape> bert_base_shapes();                     // encoder with pooler, no classifier: 199 tensors
int64_t elements_in(const std::vector<Shape>& shapes);

// Bandwidth of copying as many bytes as `traffic` bytes of reads and writes; measured on less where that is
// far beyond any cache already.
double copy_gbps_like(Device device, double traffic, int repetitions);

std::string fixed(double value, int digits);  // "12.34"

}  // namespace octet::tools
