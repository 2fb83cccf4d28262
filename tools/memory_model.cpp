#include "tools/memory_model.h"

#include <algorithm>

#include "optim/newton_schulz.h"
#include "optim/state_layout.h"
#include "tools/memory_lstm.h"
#include "tools/memory_scratch.h"
#include "tools/memory_step.h"
#include "tools/rule_settings.h"
#include "tools/trainer.h"

namespace octet::tools {
namespace {

using Handle = MemoryPlan::Handle;
using Parameters = std::vector<ModelParameter>;

// What a run holds from its start to its end, in the order in which Trainer's constructor makes it.
class Building {
 public:
  Building(MemoryPlan& plan, const TrainConfig& config, const Workload& work)
      : plan_(plan), config_(config), parameters_(model_parameters(config, work.vocabulary, work.outputs())) {
    plan.enter("building the model");
    weights("", parameters_);
    optimizer();
    const int64_t steps = (work.batches + config.accumulate - 1) / config.accumulate;
    scratch("losses that are not read yet", {steps_unread(config, steps)}, DType::F32);
    word_vectors(parameters_.front());
    if (config.ema > 0) {
      const Parameters averages = model_parameters(result_config(config), work.vocabulary, work.outputs());
      weights("average of ", averages);
      if (plan.on_gpu()) scratch("table of averages", {table_bytes<optim::AverageTensor>()}, DType::U8);
    }
    for (const ModelParameter& parameter : parameters_)
      if (parameter.trained)
        hold("gradient of " + parameter.name, parameter.shape, DType::F32, MemoryTag::Gradients);
  }

  int64_t parameters() const {
    int64_t count = 0;
    for (const ModelParameter& parameter : parameters_) count += parameter.shape.numel();
    return count;
  }
  int64_t weight_bytes() const {
    int64_t bytes = 0;
    for (const ModelParameter& parameter : parameters_)
      bytes += parameter.shape.numel() * size_of(parameter.dtype);
    return bytes;
  }
  int64_t state_bytes() const { return state_bytes_; }
  // What the optimizer's step takes beside what is held.
  void step() const {
    plan_.enter("optimizer step");
    KernelScratch kernels(plan_);
    for (const Shape& shape : orthogonal_) {
      const int64_t side = std::min(shape[0], shape[1]), other = std::max(shape[0], shape[1]);
      kernels.product("X X^T", side, side, other);
      kernels.product("A A", side, side, side);
      kernels.product("B X", shape[0], shape[1], side);
    }
  }
  int64_t coded_parameters() const { return coded_; }

 private:
  void hold(const std::string& name, const Shape& shape, DType dtype, MemoryTag tag) {
    held_.push_back(plan_.tensor(name, shape, dtype, tag));
  }
  void scratch(const std::string& name, const Shape& shape, DType dtype) {
    hold(name, shape, dtype, MemoryTag::Workspace);
  }
  template <class Row>
  int64_t table_bytes() const {
    int64_t rows = 0;
    for (const ModelParameter& parameter : parameters_) rows += parameter.trained ? 1 : 0;
    return rows * static_cast<int64_t>(sizeof(Row));
  }

  // Random numbers are drawn in double precision, tensor by tensor, in the memory of the CPU.
  void weights(const std::string& prefix, const Parameters& parameters) {
    for (const ModelParameter& parameter : parameters) {
      Handle drawn;
      if (parameter.drawn && !plan_.on_gpu())
        drawn = plan_.tensor("random numbers for " + prefix + parameter.name, parameter.shape, DType::F64,
                             MemoryTag::Workspace);
      hold(prefix + parameter.name, parameter.shape, parameter.dtype, MemoryTag::Weights);
    }
  }

  // As they were read, and converted.
  void word_vectors(const ModelParameter& table) {
    if (config_.glove.empty() || plan_.on_gpu()) return;
    const Handle read = plan_.tensor("word vectors", table.shape, DType::F32, MemoryTag::Workspace),
                 converted =
                     plan_.tensor("word vectors, converted", table.shape, table.dtype, MemoryTag::Workspace);
  }

  void optimizer() {
    const optim::GroupOptions options = group_options(config_);
    std::vector<optim::ParameterShape> shapes;
    for (const ModelParameter& p : parameters_)
      if (p.trained) shapes.push_back({p.name, p.shape, p.dtype, p.full_precision_state});
    check_patterns(options, shapes);
    std::vector<optim::StateLayout> kinds;
    std::vector<optim::StepPlan> plans;
    int64_t products = 0;
    for (const optim::ParameterShape& shape : shapes) {
      const optim::StateLayout layout = state_layout(options, shape);
      state(std::string(shape.name), layout);
      if (layout.codec == optim::codec_place(options.codec) && !layout.matrix) coded_ += shape.shape.numel();
      size_t kind = 0;
      while (kind < kinds.size() && !kinds[kind].steps_with(layout)) ++kind;
      if (kind == kinds.size()) {
        kinds.push_back(layout);
        plans.push_back({});
      }
      count_in(plans[kind], layout, shape.shape);
      if (layout.orthogonal) {
        orthogonal_.push_back(shape.shape);
        products = std::max(products, optim::NewtonSchulz::scratch_bytes(shape.shape, DType::F32));
      }
    }
    scratch("optimizer: matrix products", {products}, DType::U8);
    int64_t survey = 0;
    for (size_t i = 0; i < plans.size(); ++i) {
      survey += scratch_bytes(plans[i]);
      if (!plan_.on_gpu()) continue;
      scratch("optimizer: table of tensors",
              {table_rows(plans[i], kinds[i]) * int64_t{sizeof(optim::StepTensor)}}, DType::U8);
      if (const int64_t entries = map_entries(plans[i]); entries > 0)
        scratch("optimizer: tensors of blocks", {entries}, DType::I32);
    }
    const auto count = static_cast<int>(plans.size());
    scratch("optimizer: partial sums of gradient norms", {partial_count(plans.data(), count)}, DType::F64);
    scratch("optimizer: constants of a step", {count * static_cast<int64_t>(optim::kUpdateBytes)}, DType::U8);
    scratch("optimizer: sums over tensors", {survey}, DType::U8);
    scratch("optimizer: outcome of a step", {int64_t{sizeof(optim::StepControl)}}, DType::U8);
  }

  void state(const std::string& name, const optim::StateLayout& layout) {
    const bool scaled = optim::codec_at(layout.codec).has_absmax();
    for (const optim::StateSlot& slot : layout.slots) {
      const std::string key = name + "." + slot.slot.name;
      hold(key, slot.shape, slot.stored, MemoryTag::OptimizerState);
      if (scaled) hold(key + ".absmax", {slot.absmax}, DType::F32, MemoryTag::OptimizerState);
      state_bytes_ += slot.bytes();
    }
  }

  MemoryPlan& plan_;
  const TrainConfig& config_;
  Parameters parameters_;
  std::vector<Handle> held_;
  std::vector<Shape> orthogonal_;  // matrices that the optimizer makes products of
  int64_t state_bytes_ = 0, coded_ = 0;
};

void validate(MemoryPlan& plan, const TrainConfig& config, const Workload& work) {
  plan.enter("validation");
  const Handle logits = plan.tensor("validation: logits of all rows", {work.validation_rows * work.outputs()},
                                    DType::F32, MemoryTag::Workspace),
               losses = plan.tensor("validation: losses of all batches", {work.validation_batches},
                                    DType::F32, MemoryTag::Workspace);
  MemoryStep step(plan, config, work);
  for (const BatchShape& batch : work.validation) step.evaluate(batch);
}

std::vector<std::string> not_known(const TrainConfig& config) {
  std::vector<std::string> notes;
  if (config.device == "cpu") return notes;
  if (config.model != "bag" && config.hidden > kWidestOnGpu)
    notes.emplace_back("layers of more than " + std::to_string(kWidestOnGpu) +
                       " units run in cuDNN, which alone knows what it keeps: taken to be what ours would");
  return notes;
}

}  // namespace

MemoryForecast forecast(const TrainConfig& config, const Workload& work) {
  MemoryPlan plan(config.device == "cpu" ? Device::cpu() : Device::cuda());
  const Building building(plan, config, work);
  MemoryStep step(plan, config, work);
  for (const BatchShape& batch : work.train) step.train(batch);
  building.step();
  validate(plan, config, work);
  return {.peak = plan.peak(),
          .at_peak = plan.at_peak(),
          .largest = plan.largest(),
          .phase = plan.phase_of_peak(),
          .tensors = plan.tensors_at_peak(),
          .parameters = building.parameters(),
          .weight_bytes = building.weight_bytes(),
          .state_bytes = building.state_bytes(),
          .coded_parameters = building.coded_parameters(),
          .not_known = not_known(config)};
}

}  // namespace octet::tools
