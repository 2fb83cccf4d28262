// A layer in float32 on the GPU beside the same layer in float64 on the CPU.
#pragma once

#include <optional>

#include "nn/layers.h"
#include "tests/support/kernel_stage.h"
#include "tests/support/support.h"

namespace octet::testing {

// One side: where it computes, its leaves, and the stream of its dropout.
struct Side {
  Stage stage;
  std::vector<Variable> inputs;
  Rng masks = Rng(7);

  Side(Device device, DType dtype, const std::vector<std::pair<Shape, Values>>& leaves)
      : stage(device, dtype) {
    for (const auto& [shape, values] : leaves) inputs.push_back(Variable::leaf(stage.in(values, shape)));
  }
  const Variable& operator[](size_t i) const { return inputs[i]; }
};

// The scalar that gradients start from: every element of every output with a weight of its own.
inline Variable weighted_sum(const std::vector<Variable>& outputs, const Stage& stage) {
  Variable total;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Shape& shape = outputs[i].shape();
    const Variable weights(stage.in(random_values(shape.numel(), -1, 1, 900 + i), shape));
    const Variable part = sum(outputs[i] * weights);
    total = total.defined() ? total + part : part;
  }
  return total;
}

// make(Init) gives the layer; run(layer, Side&) its outputs from side[i], the leaves of `inputs` shape, and
// side.masks. Outputs and the gradients of inputs and parameters must agree to 1e-5, norm-wise and at the
// largest value, and both sides must have drawn the same masks. With `bf16_from`, weights are stored in BF16
// on the GPU (see Init).
template <class Make, class Run>
void check_layer(const std::string& what, const std::vector<Shape>& inputs, Make make, Run run,
                 int64_t bf16_from = 0) {
  CAPTURE(what);
  std::vector<std::pair<Shape, Values>> leaves;
  for (const Shape& shape : inputs)
    leaves.emplace_back(shape, random_values(shape.numel(), -1, 1, 50 + leaves.size()));
  Side gpu(Device::cuda(), DType::F32, leaves), cpu(Device::cpu(), DType::F64, leaves);
  const auto layer = make(Init{Rng(1), Device::cuda(), DType::F32, bf16_from});
  const auto reference = make(Init{Rng(1), Device::cpu(), DType::F64});
  reference.load(layer.state(), "the GPU's layer");  // what was rounded, exactly

  const std::vector<Variable> actual = run(layer, gpu), expected = run(reference, cpu);
  weighted_sum(actual, gpu.stage).backward();
  weighted_sum(expected, cpu.stage).backward();
  const auto compare = [](const std::string& name, const Tensor& x, const Tensor& y) {
    CHECK(disagreement({name, values_of(x), values_of(y)}, 1e-5) == "");
  };
  REQUIRE(actual.size() == expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    compare("output " + std::to_string(i), actual[i].value(), expected[i].value());
  for (size_t i = 0; i < gpu.inputs.size(); ++i)
    compare("gradient of input " + std::to_string(i), gpu[i].grad(), cpu[i].grad());
  const std::vector<NamedParameter> parameters = layer.parameters(), wanted = reference.parameters();
  for (size_t i = 0; i < parameters.size(); ++i)
    compare("gradient of " + parameters[i].name, parameters[i].variable.grad(), wanted[i].variable.grad());
  CHECK(gpu.masks == cpu.masks);
}

}  // namespace octet::testing
