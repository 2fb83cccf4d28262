#include "tools/run_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/names.h"
#include "tools/atomic_file.h"
#include "tools/config_file.h"
#include "tools/device.h"
#include "tools/model.h"
#include "tools/tasks.h"

namespace octet::tools {
namespace fs = std::filesystem;

bool RunFolder::holds_a_run() const {
  std::error_code ignored;
  return fs::exists(config(), ignored) || fs::exists(checkpoint(), ignored);
}

namespace {
void require_other_name(bool other, const std::string& path, std::string_view flag) {
  require(other, ErrorKind::Usage, flag, " ", path,
          ": a run keeps such a file to go on from; give another name");
}
}  // namespace

void require_no_file_of_a_run(const std::string& path, std::string_view flag) {
  const fs::path name = fs::path(path).filename();
  require_other_name(name != "config.toml" && name != "vocab.txt" && name.extension() != ".safetensors", path,
                     flag);
}

void require_no_file_or_log_of_a_run(const std::string& path, std::string_view flag) {
  require_no_file_of_a_run(path, flag);
  require_other_name(fs::path(path).filename() != "log.jsonl", path, flag);
}

std::string RunFolder::own_vocabulary() const {
  std::error_code ignored;
  require(fs::exists(vocabulary(), ignored), ErrorKind::Checkpoint, vocabulary(),
          ": is missing; put it back, or copy the one that octet train --config ", config(),
          " --epochs 1 --out OTHER makes at its start, which is the same");
  return vocabulary();
}

TensorFile read_saved(const std::string& path, const std::string& advice) {
  try {
    return read_safetensors(path);
  } catch (const Error& error) {
    throw Error(error.kind(), error.what() + ("; " + advice));
  }
}

void require_no_run(const RunFolder& folder) {
  require(!folder.holds_a_run(), ErrorKind::Usage, folder.path,
          ": holds a run already; go on with it by --resume ", folder.path,
          ", or name another folder with --out");
}

RunFolder new_run_folder(const std::string& asked) {
  RunFolder folder{asked};
  if (asked.empty()) {
    folder.path = "octet-run";
    std::error_code ignored;
    for (int i = 2; fs::exists(folder.path, ignored); ++i) folder.path = "octet-run-" + std::to_string(i);
  }
  require_no_run(folder);
  std::error_code error;
  fs::create_directories(folder.path, error);
  require(!error, ErrorKind::Internal, folder.path, ": cannot make the folder: ", error.message());
  require(access(folder.path.c_str(), W_OK | X_OK) == 0, ErrorKind::Internal, folder.path,
          ": cannot write to the folder: ", std::strerror(errno));
  return folder;
}

void save_weights(const std::string& path, TensorFile weights, const TrainConfig& config,
                  const TextData& data) {
  weights.metadata = {{"format", "octet weights"},
                      {"task", config.task},
                      {"labels", nlohmann::json(data.label_names).dump()},
                      {"vocabulary", data.encoder.hash()}};
  write_atomically(path, format_safetensors(weights));
}

TrainedModel load_trained(const std::string& path, const std::string& weights, const std::string& device) {
  static constexpr std::string_view kWeights[] = {"best", "last"};
  require_name("weights", weights, kWeights);
  const RunFolder folder{path};
  std::error_code ignored;
  require(fs::is_directory(path, ignored), ErrorKind::Data, path,
          ": no such folder; name the --out folder of a run");
  require(fs::exists(folder.config(), ignored), ErrorKind::Data, path,
          ": holds no run (config.toml is missing); name the --out folder of octet train");
  TrainedModel trained;
  try {
    apply_config_file(trained.config, folder.config());
  } catch (const Error& error) {  // what is wrong with it is not the user's doing
    fail(ErrorKind::Checkpoint, error.what());
  }
  require(!trained.config.task.empty(), ErrorKind::Checkpoint, folder.config(),
          ": names no task; it is cut short: put a copy back, or --resume the run, which writes it anew");
  trained.encoder = task_of(trained.config).encoder(trained.config, folder.own_vocabulary());
  trained.device = open_device(device.empty() ? trained.config.device : device,
                               device == "cpu" ? "fp32" : trained.config.precision);
  const bool best = weights == "best";
  const std::string file_path = best ? folder.best() : folder.last();
  const bool others = fs::exists(best ? folder.last() : folder.best(), ignored);
  require(others || fs::exists(file_path, ignored), ErrorKind::Checkpoint, path,
          ": no weights are there; a run saves them when an epoch has ended: octet train --resume ", path);
  const TensorFile file = read_saved(
      file_path, others ? std::string("put a copy back, or try --weights ") + (best ? "last" : "best")
                        : std::string("put a copy back"));
  const auto metadata = [&](const char* key) {
    const auto found = file.metadata.find(key);
    require(found != file.metadata.end(), ErrorKind::Checkpoint, file_path, ": no ", key,
            " in the metadata; these are not weights that octet train saved");
    return found->second;
  };
  require(metadata("task") == trained.config.task, ErrorKind::Checkpoint, file_path, ": weights of task ",
          metadata("task"), ", the folder's config is of ", trained.config.task);
  require(metadata("vocabulary") == trained.encoder.hash(), ErrorKind::Checkpoint, file_path,
          ": weights of another vocabulary (", metadata("vocabulary"), ") than ", folder.vocabulary(), " (",
          trained.encoder.hash(), "); put the run's own back");
  const auto labels = nlohmann::json::parse(metadata("labels"), nullptr, /*allow_exceptions=*/false);
  require(labels.is_array() && labels.size() >= 2 &&
              std::ranges::all_of(labels, [](const auto& label) { return label.is_string(); }),
          ErrorKind::Checkpoint, file_path, ": the names of the labels are damaged");
  trained.label_names = labels.get<std::vector<std::string>>();
  const auto classes = static_cast<int64_t>(trained.label_names.size());
  // Of fp32, which holds whatever was saved: weights of either type, averages, or weights from before the run
  // was resumed with others. Nothing is computed in bf16, so the answers are those of the run.
  TrainConfig widened = trained.config;
  widened.weight_dtype = "fp32";
  trained.model = make_model(widened, trained.encoder.size(), logits_of(classes),
                             Init{Rng(static_cast<uint64_t>(trained.config.seed)), trained.device});
  trained.model->load(file, file_path);
  return trained;
}

}  // namespace octet::tools
