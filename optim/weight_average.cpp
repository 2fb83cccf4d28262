#include "optim/weight_average.h"

#include "core/error.h"

namespace octet::optim {

WeightAverage::WeightAverage(const std::vector<NamedParameter>& weights,
                             const std::vector<NamedParameter>& averages, double decay) {
  require(decay >= 0 && decay < 1, "weight average: the decay is ", decay, "; it must be in [0, 1)");
  require(!weights.empty(), "weight average: there are no weights");
  require(weights.size() == averages.size(), "weight average: ", averages.size(),
          " tensors for the averages of ", weights.size());
  device_ = weights.front().variable.device();
  const DType type = computed_as(weights.front().variable.dtype());
  require(type == DType::F32 || type == DType::F64, "weight average: '", weights.front().name, "' is ", type,
          "; weights must be f32, bf16 or f64");
  for (size_t i = 0; i < weights.size(); ++i) {
    const Tensor &weight = weights[i].variable.value(), &average = averages[i].variable.value();
    require(weights[i].name == averages[i].name && weight.shape() == average.shape(), "weight average: '",
            averages[i].name, "' ", average.shape(), " cannot hold the average of '", weights[i].name, "' ",
            weight.shape());
    require(computed_as(weight.dtype()) == type && weight.device() == device_, "weight average: '",
            weights[i].name, "' is ", weight.dtype(), " on ", weight.device(), ", '", weights.front().name,
            "' is ", weights.front().variable.dtype(), " on ", device_);
    require(average.dtype() == type && average.device() == device_, "weight average: the average of '",
            weights[i].name, "' is ", average.dtype(), " on ", average.device(), "; it must be ", type,
            " on ", device_);
    require(!weight.shares_bytes_with(average), "weight average: '", weights[i].name,
            "' cannot be its own average");
    average.copy_from(weight);
    if (weight.numel() == 0) continue;
    kept_.push_back(weight);
    kept_.push_back(average);
    table_.push_back({.weight = weight.raw(),
                      .bf16_weight = weight.dtype() == DType::BF16,
                      .average = average.raw(),
                      .count = weight.numel(),
                      .first_chunk = plan_.chunk_count});
    plan_.chunk_count += (weight.numel() + kChunk - 1) / kChunk;
  }
  if (!device_.is_cpu())
    device_table_ = Tensor::from_bytes(std::as_bytes(std::span(table_)),
                                       {static_cast<int64_t>(table_.size() * sizeof(AverageTensor))},
                                       DType::U8, device_, MemoryTag::Workspace);
  plan_.in_double = type == DType::F64;
  plan_.tensor_count = static_cast<int>(table_.size());
  plan_.tensors = device_.is_cpu() ? table_.data() : static_cast<const AverageTensor*>(device_table_.raw());
  plan_.rest = 1 - decay;
}

void WeightAverage::update(const Optimizer& optimizer) {
  require(optimizer.device() == device_, "weight average: the weights are on ", device_,
          ", the optimizer is on ", optimizer.device());
  steps_on(device_).average(device_, plan_, optimizer.outcome());
}

}  // namespace octet::optim
