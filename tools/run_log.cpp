#include "tools/run_log.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"

namespace octet::tools {

RunLog::RunLog(const std::string& path, const Options& options)
    : file_(path, options.append), generated_(options.generated) {
  if (options.on_output) output_ = std::make_unique<JsonLines>(1, "standard output");
}

void RunLog::write(nlohmann::ordered_json event) {
  if (generated_) event["generated"] = true;
  file_.write(event);
  if (output_) output_->write(event);
}

void RunLog::cut(const std::string& path, int64_t bytes) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return;  // a pipe, or gone
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path, error));
  require(error || size >= bytes, ErrorKind::Data, path, ": the log is cut short, ", size, " of ", bytes,
          " bytes are left; put it back, or start another with --log");
  // Whole lines only, and not none: a damaged checkpoint must not cost the log.
  std::ifstream file(path, std::ios::binary);
  require(error || (bytes > 0 && file.seekg(bytes - 1) && file.get() == '\n'), ErrorKind::Checkpoint, path,
          ": the run's checkpoint would go on behind byte ", bytes,
          " of the log, where no line ends; one of them is damaged: start another log with --log");
  if (size > bytes) std::filesystem::resize_file(path, static_cast<uintmax_t>(bytes), error);
  require(!error, ErrorKind::Internal, path, ": cannot write the log: ", error.message());
}

}  // namespace octet::tools
