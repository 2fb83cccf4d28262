#include "tools/trained_state.h"

#include <map>

#include "core/error.h"
#include "tools/trainer.h"

namespace octet::tools {

std::vector<NamedAdamState> trained_state(TrainConfig config, const TextData& data, int64_t steps) {
  config.optimizer = "adam";
  config.state = "fp32";
  config.state_override.clear();
  config.epochs = steps;  // more than enough; the steps decide
  Trainer trainer(config, data);
  while (trainer.state().steps < steps) {
    const bool whole =
        trainer.train_epoch([](const StepReport&) {}, [&] { return trainer.state().steps >= steps; });
    if (whole && trainer.state().steps < steps) trainer.finish_epoch();
  }
  std::map<std::string, Tensor> held;
  for (const auto& [name, tensor] : trainer.optimizer().state()) held[name] = tensor;
  std::vector<NamedAdamState> out;
  for (const NamedParameter& parameter : trainer.model().trainable_parameters()) {
    if (parameter.variable.value().numel() < config.min_8bit_size) continue;
    out.push_back({parameter.name,
                   {held.at(parameter.name + ".exp_avg").to_vector<float>(),
                    held.at(parameter.name + ".exp_avg_sq").to_vector<float>()}});
  }
  require(!out.empty(), ErrorKind::Usage, "no parameter has ", config.min_8bit_size, " elements");
  return out;
}

}  // namespace octet::tools
