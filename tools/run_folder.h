// What a run leaves in its folder, and how it is read back.
#pragma once

#include <memory>
#include <string>

#include "core/safetensors.h"
#include "nn/models/text_classifier.h"
#include "tools/config.h"
#include "tools/text_data.h"

namespace octet::tools {

struct RunFolder {
  std::string path;

  std::string file(const char* name) const { return path + "/" + name; }
  std::string config() const { return file("config.toml"); }
  std::string vocabulary() const { return file("vocab.txt"); }
  // `named`: by --log; empty: the folder's own.
  std::string log(const std::string& named = "") const { return named.empty() ? file("log.jsonl") : named; }
  std::string best() const { return file("best.safetensors"); }
  std::string last() const { return file("last.safetensors"); }
  std::string report() const { return file("report.html"); }
  std::string checkpoint() const { return file("last.ckpt.safetensors"); }

  bool holds_a_run() const;
  // vocabulary(), to be read. Error (Checkpoint): it is not there.
  std::string own_vocabulary() const;
};

// Keeps an output that a user names (`flag`) from the files that a run goes on from. Errors (Usage): the path
// is named like one of them, config.toml, vocab.txt or any .safetensors.
void require_no_file_of_a_run(const std::string& path, std::string_view flag);
// Likewise, and log.jsonl: for outputs that are no log.
void require_no_file_or_log_of_a_run(const std::string& path, std::string_view flag);

// Reads a file of tensors that a run left. Errors as read_safetensors, with `advice` added.
TensorFile read_saved(const std::string& path, const std::string& advice);

// Error (Usage): the folder holds a run.
void require_no_run(const RunFolder& folder);

// The folder of a new run: `asked`, made if it is not there, or the first free of octet-run, octet-run-2, ...
// Errors: kind Usage if `asked` holds a run already, Internal if the folder cannot be made or written to.
RunFolder new_run_folder(const std::string& asked);

// Weights with what they belong to: task, labels and vocabulary stand in the file's metadata.
void save_weights(const std::string& path, TensorFile weights, const TrainConfig& config,
                  const TextData& data);

// A trained model as eval and predict use it.
struct TrainedModel {
  TrainConfig config;
  TextEncoder encoder;
  std::vector<std::string> label_names;
  Device device;
  std::unique_ptr<TextClassifier> model;
};
// `weights`: "best" or "last". `device`: "cpu", "cuda", or empty for the one it was trained on. Errors: kind
// Usage for another name, Data if there is no such folder or run in it, Checkpoint for files that are
// missing, damaged, or belong to another task, vocabulary or model.
TrainedModel load_trained(const std::string& folder, const std::string& weights, const std::string& device);

}  // namespace octet::tools
