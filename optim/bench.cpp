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

// Of `calls` calls of body() that follow each other without a wait, and of the wait after the last.
template <class Body>
double seconds_of(Device device, int calls, const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) body();
  backend(device).synchronize(device);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Of one call of body(), a value for each repetition. What a device is given in one call is soon done: a
// repetition on a device is a run of as many calls as take kRun, so that the launches overlap with the work
// and the wait at the end is small beside it.
template <class Body>
double fastest_seconds(Device device, int repetitions, const Body& body) {
  constexpr double kRun = 5e-3;
  seconds_of(device, 1, body);  // touches memory and wakes threads
  int calls = 1;
  if (!device.is_cpu())
    while (calls < 1024 && seconds_of(device, calls, body) < kRun) calls *= 2;
  double fastest = seconds_of(device, calls, body);
  for (int i = 1; i < repetitions; ++i) fastest = std::min(fastest, seconds_of(device, calls, body));
  return fastest / calls;
}

// Values spread over several decades, as gradients are; the speed of encoding could depend on it.
void fill_gradient(const Tensor& gradient, Rng& rng) {
  std::vector<float> pattern(static_cast<size_t>(std::min<int64_t>(gradient.numel(), 1 << 16)));
  for (float& x : pattern) x = static_cast<float>((rng.uniform() - 0.5) * std::exp(6 * rng.uniform() - 8));
  auto done = static_cast<int64_t>(pattern.size());
  gradient.slice_rows(0, done).copy_from(
      Tensor::from(pattern, {done}).to(gradient.dtype(), MemoryTag::Workspace));
  for (int64_t n; done < gradient.numel(); done += n) {
    n = std::min(done, gradient.numel() - done);
    gradient.slice_rows(done, done + n).copy_from(gradient.slice_rows(0, n));
  }
}

}  // namespace

StepTiming time_step(const StepCase& c) {
  require(!c.shapes.empty() && c.repetitions > 0, "bench: needs a tensor and a repetition");
  const DType dtype = codec_named(c.codec).value;
  Rng rng(1);
  ParameterGroup group;
  group.options = {.rule = c.rule,
                   .codec = c.codec,
                   .block_size = c.block_size,
                   .min_8bit_size = c.min_8bit_size,
                   .second_moment = c.second_moment,
                   .rounding = c.rounding,
                   .weight_rounding = c.weight_rounding};
  for (size_t i = 0; i < c.shapes.size(); ++i) {
    const DType stored =
        c.bf16_weights && dtype == DType::F32 && c.shapes[i].numel() >= c.min_8bit_size ? DType::BF16 : dtype;
    const Variable weight = Variable::leaf(Tensor::zeros(c.shapes[i], stored, c.device, MemoryTag::Weights));
    fill_gradient(weight.grad().reshape({c.shapes[i].numel()}), rng);
    group.parameters.push_back({"tensor" + std::to_string(i), weight});
  }
  Optimizer optimizer({group});
  StepTiming out;
  out.parameters = optimizer.parameter_count();
  const double parameters = static_cast<double>(std::max<int64_t>(out.parameters, 1));
  out.norm_seconds = fastest_seconds(c.device, c.repetitions, [&] { optimizer.measure(); });
  out.seconds = fastest_seconds(c.device, c.repetitions, [&] { optimizer.update(); });
  out.norm_bytes_per_parameter = static_cast<double>(size_of(dtype));
  out.state_bytes_per_parameter = static_cast<double>(optimizer.state_bytes()) / parameters;
  out.bytes_per_parameter = static_cast<double>(optimizer.update_bytes()) / parameters;
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
  return 2.0 * static_cast<double>(bytes) / fastest_seconds(device, repetitions, copy) / 1e9;
}

}  // namespace octet::optim
