// The folder of a run that goes on: what of it is lost or damaged since, and what can be made anew.
#pragma once

#include <string>
#include <vector>

#include "tools/checkpoint.h"
#include "tools/run_folder.h"

namespace octet::tools {

class ResumedFolder {
 public:
  // `config` is that of the run from here on; what people should know goes to `notes`. All must outlive this.
  ResumedFolder(const RunFolder& folder, const TrainConfig& config, const Checkpoint& checkpoint,
                std::vector<std::string>& notes)
      : folder_(folder), config_(config), checkpoint_(checkpoint), notes_(notes) {}

  // Whether the log of the run so far goes on; else a new one begins. Error (Usage): another one was named,
  // and is there already.
  bool log_goes_on() const;

  // Saved weights that are missing or damaged are found here, not when they are needed, and saved anew where
  // the checkpoint has them; config.toml is there. Returns false if those of the best epoch are lost; error
  // (Checkpoint) if the run is finished, so that nothing can replace them.
  bool mend_weights(const TextData& data) const;

 private:
  std::string why_lost(const std::string& weights) const;

  const RunFolder& folder_;
  const TrainConfig& config_;
  const Checkpoint& checkpoint_;
  std::vector<std::string>& notes_;
};

}  // namespace octet::tools
