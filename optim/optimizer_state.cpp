// Saving and restoring an optimizer.

#include <map>
#include <string_view>

#include "core/error.h"
#include "optim/optimizer.h"

namespace octet::optim {
namespace {

constexpr const char* kStep = "optimizer.step";
constexpr const char* kSkipped = "optimizer.skipped_steps";

Tensor count(int64_t value) { return Tensor::from(std::vector<int64_t>{value}, {}); }

int64_t read_count(const std::string& name, const Tensor& tensor) {
  require(tensor.dtype() == DType::I64 && tensor.numel() == 1, ErrorKind::Checkpoint, "optimizer state '",
          name, "' is ", tensor.dtype(), tensor.shape(), ", expected one i64");
  const int64_t value = tensor.to_vector<int64_t>()[0];
  require(value >= 0, ErrorKind::Checkpoint, "optimizer state '", name, "' is ", value, ", below 0");
  return value;
}

std::string_view codec_that_stores(DType type) {
  for (const CodecInfo& codec : codecs())
    if (codec.stored == type) return codec.name;
  return "of no codec";
}

}  // namespace

NamedTensors Optimizer::state() const {
  const StepControl control = read_control();
  NamedTensors out{{kStep, count(control.steps)}, {kSkipped, count(control.skipped)}};
  for (size_t b = 0; b < batches_.size(); ++b) {
    const std::span<const Slot> slots =
        slots_of(rules()[static_cast<size_t>(plans_[b].rule)], plans_[b].matrices);
    for (const Parameter& parameter : batches_[b].parameters) {
      for (size_t slot = 0; slot < slots.size(); ++slot) {
        const std::string name = parameter.name + "." + slots[slot].name;
        out.emplace_back(name, parameter.state[slot]);
        if (!parameter.absmax.empty()) out.emplace_back(name + ".absmax", parameter.absmax[slot]);
      }
      if (!parameter.absmax.empty())
        out.emplace_back(parameter.name + ".block_size", count(plans_[b].block_size));
    }
  }
  return out;
}

void Optimizer::load_state(const NamedTensors& tensors) {
  std::map<std::string_view, const Tensor*> given;
  for (const auto& [name, tensor] : tensors) given[name] = &tensor;

  // All of it is checked before any of it is copied.
  const NamedTensors own = state();
  size_t used = 0;
  for (const auto& [name, tensor] : own) {
    const auto found = given.find(name);
    require(found != given.end(), ErrorKind::Checkpoint, "optimizer state '", name,
            "' is missing: it is of another model, rule or codec");
    const Tensor& source = *found->second;
    require(source.dtype() == tensor.dtype(), ErrorKind::Checkpoint, "optimizer state '", name, "' is ",
            source.dtype(), " (", codec_that_stores(source.dtype()), "), expected ", tensor.dtype(), " (",
            codec_that_stores(tensor.dtype()),
            "): continue with the state codec that the run was started with");
    require(source.shape() == tensor.shape(), ErrorKind::Checkpoint, "optimizer state '", name,
            "' has shape ", source.shape(), ", expected ", tensor.shape());
    if (name.ends_with(".block_size"))
      require(source.item() == tensor.item(), ErrorKind::Checkpoint, "optimizer state '", name, "' is ",
              source.item(), ", expected ", tensor.item(),
              ": continue with the block size that the run was started with");
    ++used;
  }
  if (used < given.size())
    for (const auto& [name, tensor] : own) given.erase(name);
  require(used == tensors.size(), ErrorKind::Checkpoint, "optimizer state '",
          given.empty() ? "" : given.begin()->first,
          "' belongs to no parameter: it is of another model, rule or codec");
  const int64_t steps = read_count(kStep, *given.at(kStep)),
                skipped = read_count(kSkipped, *given.at(kSkipped));

  write_control({.lr_factor = lr_factor_, .steps = steps, .skipped = skipped});
  for (const auto& [name, tensor] : own)
    if (tensor.dtype() != DType::I64)
      tensor.copy_from(*given.at(name));  // the counts are not tensors of its own
}

}  // namespace octet::optim
