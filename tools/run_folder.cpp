#include "tools/run_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/safetensors.h"
#include "tools/atomic_file.h"
#include "tools/config_file.h"

namespace octet::tools {
namespace fs = std::filesystem;

bool RunFolder::holds_a_run() const {
  std::error_code ignored;
  return fs::exists(config(), ignored) || fs::exists(checkpoint(), ignored);
}

RunFolder new_run_folder(const std::string& asked) {
  RunFolder folder{asked};
  if (asked.empty()) {
    folder.path = "octet-run";
    std::error_code ignored;
    for (int i = 2; fs::exists(folder.path, ignored); ++i) folder.path = "octet-run-" + std::to_string(i);
  }
  require(!folder.holds_a_run(), folder.path, ": holds a run already; go on with it by --resume ", folder.path,
          ", or name another folder with --out");
  std::error_code error;
  fs::create_directories(folder.path, error);
  require(!error, ErrorKind::Internal, folder.path, ": cannot make the folder: ", error.message());
  require(access(folder.path.c_str(), W_OK | X_OK) == 0, ErrorKind::Internal, folder.path,
          ": cannot write to the folder: ", std::strerror(errno));
  return folder;
}

LstmClassifierConfig model_config(const TrainConfig& config, int32_t vocabulary) {
  return {.vocabulary = vocabulary,
          .embedding = config.embedding,
          .hidden = config.hidden,
          .layers = config.layers,
          .bidirectional = true,
          .dropout = config.dropout,
          .outputs = 1};
}

void save_weights(const std::string& path, const Module& model, const TrainConfig& config,
                  const Vocabulary& vocabulary) {
  TensorFile file = model.state();
  file.metadata = {{"format", "octet weights"}, {"task", config.task}, {"vocabulary", vocabulary.hash()}};
  write_atomically(path, format_safetensors(file));
}

void load_weights(const std::string& path, const Module& model, const TrainConfig& config,
                  const Vocabulary& vocabulary) {
  const TensorFile file = read_safetensors(path);
  const auto belongs = [&](const char* what, const std::string& ours) {
    const auto theirs = file.metadata.find(what);
    require(theirs == file.metadata.end() || theirs->second == ours, ErrorKind::Checkpoint, path, ": weights of another ",
            what, ": ", theirs == file.metadata.end() ? "" : theirs->second, ", not ", ours);
  };
  belongs("task", config.task);
  belongs("vocabulary", vocabulary.hash());
  model.load(file, path);
}

TrainedModel load_trained(const std::string& path, const std::string& weights) {
  const RunFolder folder{path};
  std::error_code ignored;
  require(fs::is_directory(path, ignored), ErrorKind::Data, path, ": no such folder; name the --out folder of a run");
  require(fs::exists(folder.config(), ignored), ErrorKind::Data, path,
          ": holds no run (config.toml is missing); name the --out folder of octet train");
  TrainedModel trained;
  apply_config_file(trained.config, folder.config());
  trained.vocabulary = Vocabulary::load(folder.vocabulary(), ErrorKind::Checkpoint);
  trained.model = std::make_unique<LstmClassifier>(model_config(trained.config, trained.vocabulary.size()),
                                                   Init{Rng(static_cast<uint64_t>(trained.config.seed))});
  load_weights(weights == "best" ? folder.best() : folder.last(), *trained.model, trained.config, trained.vocabulary);
  return trained;
}

}  // namespace octet::tools
