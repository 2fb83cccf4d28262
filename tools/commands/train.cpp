#include <csignal>
#include <filesystem>
#include <memory>

#include "core/cpu/thread_pool.h"
#include "core/names.h"
#include "tools/commands/declare.h"
#include "tools/config_flags.h"
#include "tools/config_json.h"
#include "tools/run_folder.h"
#include "tools/training_run.h"

namespace octet::tools {
namespace {

int resume(const TrainFlags& flags, const std::string& path) {
  const RunFolder folder{path};
  FolderHold hold(path);
  Checkpoint checkpoint = read_checkpoint(folder.checkpoint());
  const std::string& out = checkpoint.config.out;
  checkpoint.config.json = false;  // a matter of each call; there is no flag to switch it off
  TrainConfig config = flags.resolve(checkpoint.config);
  std::error_code ignored;
  require(config.out == out || config.out.empty() || std::filesystem::equivalent(config.out, path, ignored),
          ErrorKind::Usage, "--out ", config.out, ": a resumed run stays in its folder, ", path,
          "; leave --out away");
  config.out = out;
  const std::string_view changed = first_difference(checkpoint.config, config);
  require(changed.empty(), ErrorKind::Usage, path, ": a resumed run keeps its settings, but ",
          changed.empty() ? "" : setting_name(changed), " differs; leave it out, or start a run of its own");
  const std::string_view format = first_difference(checkpoint.config, config, Affects::StateFormat);
  require(format.empty() || !is_over(config, checkpoint.state), ErrorKind::Usage, path,
          ": the run is finished, so its weights and state stay as they are; leave ",
          format.empty() ? "" : flag_name(format), " out");
  cpu::set_thread_count(static_cast<int>(config.threads));
  return go_on_with_run(config, std::move(checkpoint), std::move(hold));
}

// A new run's log is no file that is there already, such as the log of another run.
void require_new_log(const std::string& path) {
  std::error_code ignored;
  require(path.empty() || !std::filesystem::is_regular_file(path, ignored) ||
              std::filesystem::file_size(path, ignored) == 0,
          ErrorKind::Usage, "--log ", path,
          ": there is such a file, and a new run would overwrite it; name another one");
}

int train(const TrainFlags& flags) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file that grows too large is one that cannot be written
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has seen enough, such as head -1, must not cost the run
  const TrainConfig config = flags.resolve();
  require_no_file_of_a_run(config.log, "--log");
  if (!config.resume.empty()) return resume(flags, config.resume);
  require(!config.task.empty(), "octet train: no task named; name one of: ", join(kTasks));
  require_new_log(config.log);
  cpu::set_thread_count(static_cast<int>(config.threads));
  return begin_run(config);
}

}  // namespace

std::function<int()> declare_train(CLI::App& app) {
  const auto flags = std::make_shared<TrainFlags>(app);
  return [flags] { return train(*flags); };
}

}  // namespace octet::tools
