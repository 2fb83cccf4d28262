// What an optimizer holds, and what its update moves.
#include "core/error.h"
#include "optim/optimizer.h"
#include "optim/registry.h"
#include "optim/survey.h"

namespace octet::optim {

int64_t Optimizer::parameter_count() const {
  int64_t count = 0;
  for (const Batch& batch : batches_)
    for (const Parameter& parameter : batch.parameters) count += parameter.variable.value().numel();
  return count;
}

int64_t Optimizer::state_bytes() const {
  int64_t bytes = 0;
  for (const Batch& batch : batches_)
    for (const Parameter& parameter : batch.parameters) {
      for (const Tensor& t : parameter.state) bytes += t.bytes();
      for (const Tensor& t : parameter.absmax) bytes += t.bytes();
    }
  return bytes;
}

int64_t Optimizer::update_bytes() const {
  if (!matrices_.empty()) return 0;
  int64_t bytes = 0;
  for (size_t b = 0; b < batches_.size(); ++b) {
    const RuleInfo& rule = rule_at(plans_[b].rule);
    int64_t weights = 0, gradients = 0, state = 0;
    for (const Parameter& parameter : batches_[b].parameters) {
      const Tensor& weight = parameter.variable.value();
      weights += weight.bytes();
      gradients += weight.numel() * size_of(computed_as(weight.dtype()));
      for (const Tensor& t : parameter.state) state += t.bytes();
      for (const Tensor& t : parameter.absmax) state += t.bytes();
    }
    bytes += 2 * weights + gradients + 2 * state;  // the step reads all, and writes weights and state
    if (plans_[b].matrices) {
      bytes += weights + 2 * gradients + 2 * plans_[b].piece_count * static_cast<int64_t>(sizeof(TileSums));
      continue;
    }
    const int64_t surveyed = weights + gradients;
    if (rule.has_factor) bytes += surveyed + (rule.measures_state ? state : 0);
    if (codec_at(plans_[b].codec).scale == Scale::Tensor && state > 0) bytes += surveyed + state;
  }
  return bytes;
}

std::string_view Optimizer::codec_of(std::string_view name) const {
  for (const Batch& batch : batches_)
    for (const Parameter& parameter : batch.parameters)
      if (parameter.name == name) return codec_at(parameter.codec).name;
  fail(ErrorKind::Usage, "optimizer: there is no parameter '", name, "'");
}

}  // namespace octet::optim
