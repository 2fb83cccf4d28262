// Saving and restoring an optimizer.
#include "core/conversions.h"
#include "core/error.h"
#include "optim/optimizer.h"
#include "optim/optimizer_convert.h"

namespace octet::optim {
namespace {

constexpr const char* kStep = "optimizer.step";
constexpr const char* kSkipped = "optimizer.skipped_steps";
constexpr const char* kHistory = "optimizer.norm_history";

Tensor history_tensor(const NormHistory& history) {
  std::vector<double> squares;
  for (int64_t step = history.count - history.size(); step < history.count; ++step)
    squares.push_back(history.recent[step % NormHistory::kLength]);
  return Tensor::from(squares, {history.size()});
}

NormHistory read_history(const Tensor& tensor) {
  require(
      tensor.dtype() == DType::F64 && tensor.shape().rank() == 1 && tensor.numel() <= NormHistory::kLength,
      ErrorKind::Checkpoint, "optimizer state '", kHistory, "' is ", tensor.dtype(), tensor.shape(),
      ", expected at most ", NormHistory::kLength, " of f64");
  NormHistory history;
  for (const double square : tensor.to_vector<double>()) {
    require(square >= 0, ErrorKind::Checkpoint, "optimizer state '", kHistory, "' holds ", square,
            ", which is no square");
    history.add(square);
  }
  return history;
}

std::span<const Slot> slots_of_plan(const StepPlan& plan) {
  return slots_of(rule_at(plan.rule), plan.matrices);
}

void note(Conversions& conversions, const StateFormat& from, const StateFormat& to) {
  const auto name = [](const StateFormat& format) { return std::string(codec_at(format.codec).name); };
  const bool other_block = from.codec == to.codec;
  conversions.note(other_block ? from.text() : name(from), other_block ? to.text() : name(to));
}

}  // namespace

NamedTensors Optimizer::state() const {
  const StepControl control = read_control();
  NamedTensors out{{kStep, count_tensor(control.steps)}, {kSkipped, count_tensor(control.skipped)}};
  if (clips_by_percentile()) out.emplace_back(kHistory, history_tensor(control.history));
  for (size_t b = 0; b < batches_.size(); ++b) {
    const std::span<const Slot> slots = slots_of_plan(plans_[b]);
    for (const Parameter& parameter : batches_[b].parameters) {
      for (size_t slot = 0; slot < slots.size(); ++slot) {
        const std::string name = parameter.name + "." + slots[slot].name;
        out.emplace_back(name, parameter.state[slot]);
        if (!parameter.absmax.empty()) out.emplace_back(name + kAbsmaxSuffix, parameter.absmax[slot]);
      }
      if (parameter.absmax.empty()) continue;
      out.emplace_back(parameter.name + kCodecSuffix, text_tensor(codec_at(parameter.codec).name));
      out.emplace_back(parameter.name + kBlockSizeSuffix, count_tensor(plans_[b].block_size));
    }
  }
  return out;
}

std::string Optimizer::load_state(const NamedTensors& tensors) {
  // All of it is checked before any of it is taken.
  SavedTensors given(tensors);
  StepControl control{.lr_factor = lr_factor_};
  control.steps = read_count(kStep, given.take(kStep));
  control.skipped = read_count(kSkipped, given.take(kSkipped));
  if (clips_by_percentile()) control.history = read_history(given.take(kHistory));
  std::vector<SavedState> saved;
  for (size_t b = 0; b < batches_.size(); ++b)
    for (const Parameter& parameter : batches_[b].parameters) {
      const std::span<const Slot> slots = slots_of_plan(plans_[b]);
      saved.push_back(plans_[b].matrices
                          ? take_matrix_state(given, parameter.name, slots, parameter.state,
                                              {parameter.codec, plans_[b].block_size})
                          : take_state(given, parameter.name, parameter.variable.value(), slots));
    }
  given.check_all_taken();

  write_control(control);
  Conversions conversions;
  auto source = saved.begin();
  for (size_t b = 0; b < batches_.size(); ++b)
    for (const Parameter& parameter : batches_[b].parameters) {
      const std::span<const Slot> slots = slots_of_plan(plans_[b]);
      const StateFormat own{parameter.codec, plans_[b].block_size};
      const bool same = source->format == own;
      if (!same && !slots.empty()) note(conversions, source->format, own);
      for (size_t slot = 0; slot < slots.size(); ++slot) {
        const bool has_absmax = !parameter.absmax.empty();
        if (!same) {
          Encoding how = encoding_of(plans_[b], 0, slots[slot], 0);
          how.dithered = false;
          convert_slot(slots[slot].book, parameter.variable.value().numel(), source->format,
                       {*source->values[slot], source->absmax.empty() ? nullptr : source->absmax[slot]}, own,
                       {parameter.state[slot], has_absmax ? &parameter.absmax[slot] : nullptr}, how);
          continue;
        }
        parameter.state[slot].copy_from(*source->values[slot]);
        if (has_absmax) parameter.absmax[slot].copy_from(*source->absmax[slot]);
      }
      ++source;
    }
  return conversions.text("optimizer state", saved.size());
}

}  // namespace octet::optim
