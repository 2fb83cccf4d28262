#include "tools/checkpoint.h"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "core/conversions.h"
#include "core/error.h"
#include "tools/atomic_file.h"
#include "tools/config_json.h"
#include "tools/run_folder.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* kFormat = "octet checkpoint 1";
constexpr const char* kAdvice = "put a copy back, or train anew, by --config with the run's config.toml";

// What load() is about to convert; empty: nothing.
std::string conversion_of(const TensorFile& from, const Module& to) {
  const auto name = [](DType type) { return type == DType::F32 ? "fp32" : name_of(type); };
  const std::vector<NamedParameter> parameters = to.parameters();
  Conversions conversions;
  for (const NamedParameter& parameter : parameters) {
    const Tensor* tensor = from.find(kModelPrefix + parameter.name);
    const DType own = parameter.variable.dtype();
    if (tensor && tensor->dtype() != own)
      conversions.note(name(tensor->dtype()), own == DType::BF16 ? "bf16, rounded to nearest" : name(own));
  }
  return conversions.text("weights", parameters.size());
}

}  // namespace

void save_checkpoint(const std::string& path, const Trainer& trainer, const TrainConfig& config,
                     const TextData& data, int64_t log_bytes) {
  TensorFile file;
  for (auto& [name, tensor] : trainer.model().state().tensors) file.add(kModelPrefix + name, tensor);
  if (trainer.averaged())
    for (auto& [name, tensor] : trainer.averaged()->state().tensors) file.add(kAveragePrefix + name, tensor);
  for (auto& [name, tensor] : trainer.optimizer().state()) file.add(name, tensor);
  Json run = Json::object();
  RunState state = trainer.state();  // visit() hands out members to write to
  state.visit([&](const char* name, const auto& value) { run[name] = value; });
  file.metadata = {{"format", kFormat},          {"config", to_json(config).dump()},
                   {"run", run.dump()},          {"vocabulary", data.encoder.hash()},
                   {"data_sha256", data.sha256}, {"log_bytes", std::to_string(log_bytes)}};
  if (!data.glove_sha256.empty()) file.metadata["glove_sha256"] = data.glove_sha256;
  write_atomically(path, format_safetensors(file));
}

Checkpoint read_checkpoint(const std::string& path) {
  std::error_code ignored;
  require(std::filesystem::exists(path, ignored), ErrorKind::Checkpoint, path,
          ": no such checkpoint; --resume takes the --out folder of a run that was stopped");
  Checkpoint checkpoint;
  checkpoint.path = path;
  checkpoint.tensors = read_saved(path, kAdvice);
  const auto text = [&](const char* key) {
    const auto found = checkpoint.tensors.metadata.find(key);
    require(found != checkpoint.tensors.metadata.end(), ErrorKind::Checkpoint, path, ": no ", key,
            " in the metadata; this is no checkpoint of a run");
    return found->second;
  };
  require(text("format") == kFormat, ErrorKind::Checkpoint, path, ": of format '", text("format"), "', not '",
          kFormat, "'");
  const auto json = [&](const char* key) {
    Json parsed = Json::parse(text(key), nullptr, /*allow_exceptions=*/false);
    require(parsed.is_object(), ErrorKind::Checkpoint, path, ": ", key, " is damaged");
    return parsed;
  };
  checkpoint.config = config_from_json(json("config"), path);
  Json run = json("run");
  if (const auto loss = run.find("best_loss");
      loss != run.end() && loss->is_number() && !run.contains("best_score"))
    run["best_score"] = -loss->get<double>();  // of an older version
  const std::string log_bytes = text("log_bytes");
  try {
    checkpoint.state.visit([&](const char* name, auto& value) {
      const Json& found = run.at(name);
      if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>)
        value =
            found.is_null() ? NAN : found.get<double>();  // JSON has no word for a loss that is not finite
      else
        found.get_to(value);
    });
    checkpoint.log_bytes = std::stoll(log_bytes);
  } catch (const std::exception&) {  // of the JSON library or of stoll
    fail(ErrorKind::Checkpoint, path, ": the counters of the run are damaged");
  }
  checkpoint.vocabulary = text("vocabulary");
  checkpoint.data_sha256 = text("data_sha256");
  if (checkpoint.tensors.metadata.count("glove_sha256")) checkpoint.glove_sha256 = text("glove_sha256");
  return checkpoint;
}

TensorFile weights_in(const Checkpoint& checkpoint) {
  const std::string_view prefix = checkpoint.config.ema > 0 ? kAveragePrefix : kModelPrefix;
  TensorFile out;
  for (const auto& [name, tensor] : checkpoint.tensors.tensors)
    if (name.starts_with(prefix)) out.add(name.substr(prefix.size()), tensor);
  return out;
}

void require_counters(const Checkpoint& checkpoint, int64_t taken, int64_t skipped) {
  const int64_t steps = checkpoint.state.steps;
  require(taken >= 0 && taken <= steps && skipped == steps - taken, ErrorKind::Checkpoint, checkpoint.path,
          ": the counters of the optimizer are damaged: ", taken, " steps and ", skipped,
          " skipped ones in a run of ", steps, "; ", kAdvice);
}

std::vector<std::string> restore(const Checkpoint& checkpoint, Trainer& trainer, const TextData& data) {
  require(checkpoint.data_sha256 == data.sha256, ErrorKind::Checkpoint, checkpoint.path,
          ": the run was trained on other data (SHA-256 ", checkpoint.data_sha256, "), ", data.source,
          " has ", data.sha256);
  require(checkpoint.vocabulary == data.encoder.hash(), ErrorKind::Checkpoint, checkpoint.path,
          ": the run has another vocabulary (", checkpoint.vocabulary, ") than the vocab.txt beside it (",
          data.encoder.hash(), "); put the run's own back");
  const RunState& state = checkpoint.state;
  require(state.epoch >= 0 && state.epoch <= checkpoint.config.epochs && state.batch >= 0 &&
              state.batch <= trainer.steps_per_epoch() &&
              state.steps == state.epoch * trainer.steps_per_epoch() + state.batch &&
              (state.epoch > 0 ? 1 : 0) <= state.best_epoch && state.best_epoch <= state.epoch &&
              checkpoint.log_bytes >= 0,
          ErrorKind::Checkpoint, checkpoint.path, ": the counters of the run are damaged: epoch ",
          state.epoch, " of ", checkpoint.config.epochs, ", batch ", state.batch, " of ",
          trainer.steps_per_epoch(), ", step ", state.steps, ", best epoch ", state.best_epoch);
  optim::NamedTensors optimizer_state;
  for (const auto& [name, tensor] : checkpoint.tensors.tensors)
    if (!name.starts_with(kModelPrefix) && !(trainer.averaged() && name.starts_with(kAveragePrefix)))
      optimizer_state.emplace_back(name, tensor);
  std::vector<std::string> conversions = {conversion_of(checkpoint.tensors, trainer.model())};
  trainer.model().load(checkpoint.tensors, checkpoint.path, kModelPrefix);
  if (trainer.averaged()) trainer.averaged()->load(checkpoint.tensors, checkpoint.path, kAveragePrefix);
  try {
    conversions.push_back(trainer.optimizer().load_state(optimizer_state));
  } catch (const Error& error) {
    fail(error.kind(), checkpoint.path, ": ", error.what(), "; ", kAdvice);
  }
  require_counters(checkpoint, trainer.optimizer().steps(), trainer.optimizer().skipped_steps());
  trainer.state() = checkpoint.state;
  std::erase(conversions, "");
  return conversions;
}

}  // namespace octet::tools
