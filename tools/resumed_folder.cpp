#include "tools/resumed_folder.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"

namespace octet::tools {
namespace fs = std::filesystem;

bool ResumedFolder::log_goes_on() const {
  std::error_code ignored;
  const std::string path = folder_.log(config_.log), before = folder_.log(checkpoint_.config.log);
  const bool is_there = fs::exists(path, ignored);
  if (path == before || fs::equivalent(path, before, ignored)) {
    if (!is_there)
      notes_.push_back(path + " is missing, and what it said of the run so far: a new one begins");
    return is_there;
  }
  const bool is_file = !is_there || fs::is_regular_file(path, ignored);
  require(!is_there || !is_file || fs::file_size(path, ignored) == 0, ErrorKind::Usage, "--log ", path,
          ": is there already, and would be written over; the run's log is ", before,
          ": leave --log out, or name a new file");
  if (is_file)
    notes_.push_back(fmt::format("the log is {} from here on: octet report {} --log {} reads it", path,
                                 folder_.path, path));
  return false;
}

bool ResumedFolder::mend_weights(const TextData& data) const {
  const RunState& state = checkpoint_.state;
  const bool finished = is_over(config_, state);
  if (state.best_epoch == 0) return true;
  if (finished && !why_lost("last").empty())
    save_weights(folder_.last(), weights_in(checkpoint_), config_, data);
  const std::string why = why_lost("best");
  if (why.empty()) return true;
  const std::string lost = fmt::format("{}; it had the weights of epoch {}", why, state.best_epoch);
  if (state.best_epoch == state.epoch && state.batch == 0) {
    save_weights(folder_.best(), weights_in(checkpoint_), config_, data);
    notes_.push_back(lost + ": they are saved anew, the checkpoint has them");
    return true;
  }
  require(!finished, ErrorKind::Checkpoint, lost,
          "; put a copy back: the run is finished, and its checkpoint is of epoch ", state.epoch);
  notes_.push_back(lost + ": those of the best epoch from here on are kept" +
                   (config_.patience > 0 ? ", and --patience counts from it" : ""));
  return false;
}

// Of "best" or "last"; empty if the file is as it should be.
std::string ResumedFolder::why_lost(const std::string& weights) const {
  const std::string path = weights == "best" ? folder_.best() : folder_.last();
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return path + " is missing";
  try {
    load_trained(folder_.path, weights, "cpu");
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Checkpoint) throw;
    return path + " is damaged, or of another run";
  }
  return "";
}

}  // namespace octet::tools
