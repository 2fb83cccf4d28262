#include "optim/bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "core/backend.h"
#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "core/rng.h"
#include "optim/optimizer.h"

namespace octet::optim {
namespace {

template <class Body>
std::vector<double> sorted_seconds(Device device, int repetitions, const Body& body) {
  std::vector<double> seconds;
  for (int i = -1; i < repetitions; ++i) {  // the first is not counted: it touches memory and wakes threads
    const auto start = std::chrono::steady_clock::now();
    body();
    backend(device).synchronize(device);
    if (i >= 0)
      seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

// Values spread over several decades, as gradients are; the speed of encoding could depend on it.
Tensor gradient_like(int64_t count, Rng& rng, DType dtype, Device device) {
  std::vector<float> pattern(static_cast<size_t>(std::min<int64_t>(count, 1 << 16)));
  for (float& x : pattern) x = static_cast<float>((rng.uniform() - 0.5) * std::exp(6 * rng.uniform() - 8));
  Tensor host = Tensor::empty({count}, DType::F32, Device::cpu(), MemoryTag::Workspace);
  const std::span<float> values = host.span<float>();
  for (size_t i = 0; i < values.size(); i += pattern.size())
    std::copy_n(pattern.begin(), std::min(pattern.size(), values.size() - i),
                values.begin() + static_cast<std::ptrdiff_t>(i));
  if (dtype != DType::F32) host = host.to(dtype, MemoryTag::Workspace);
  return device.is_cpu() ? host : host.to(device, MemoryTag::Workspace);
}

}  // namespace

StepTiming time_step(const StepCase& c) {
  require(!c.sizes.empty() && c.repetitions > 0, "bench: needs a tensor and a repetition");
  const DType dtype = codecs()[static_cast<size_t>(codec_place(c.codec))].value;
  Rng rng(1);
  ParameterGroup group;
  group.options = {
      .rule = c.rule, .codec = c.codec, .block_size = c.block_size, .min_8bit_size = c.min_8bit_size};
  for (size_t i = 0; i < c.sizes.size(); ++i) {
    const Variable weight = Variable::leaf(Tensor::zeros({c.sizes[i]}, dtype, c.device, MemoryTag::Weights));
    weight.grad().copy_from(gradient_like(c.sizes[i], rng, dtype, c.device));
    group.parameters.push_back({"tensor" + std::to_string(i), weight});
  }
  Optimizer optimizer({group});
  const auto norm = sorted_seconds(c.device, c.repetitions, [&] { optimizer.measure(); });
  const auto update = sorted_seconds(c.device, c.repetitions, [&] { optimizer.update(); });

  StepTiming out;
  out.parameters = optimizer.parameter_count();
  const double parameters = static_cast<double>(std::max<int64_t>(out.parameters, 1));
  out.seconds = update.front();
  out.median = update[update.size() / 2];
  out.norm_seconds = norm.front();
  out.state_bytes_per_parameter = static_cast<double>(optimizer.state_bytes()) / parameters;
  // Weight read and written, gradient read, state read and written.
  out.bytes_per_parameter = 3.0 * static_cast<double>(size_of(dtype)) + 2.0 * out.state_bytes_per_parameter;
  out.gbps = out.bytes_per_parameter * parameters / out.seconds / 1e9;
  return out;
}

double copy_gbps(Device device, int64_t bytes, int repetitions) {
  const Tensor from = Tensor::zeros({bytes}, DType::U8, device, MemoryTag::Workspace);
  const Tensor to = Tensor::zeros({bytes}, DType::U8, device, MemoryTag::Workspace);
  const auto copy = [&] {
    if (!device.is_cpu()) return to.copy_from(from);
    cpu::parallel_ranges(bytes, int64_t{1} << 18, [&](int64_t begin, int64_t end) {
      std::memcpy(to.data<uint8_t>() + begin, from.data<uint8_t>() + begin, static_cast<size_t>(end - begin));
    });
  };
  return 2.0 * static_cast<double>(bytes) / sorted_seconds(device, repetitions, copy).front() / 1e9;
}

}  // namespace octet::optim
