#include "tools/reproduce_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "tools/atomic_file.h"
#include "tools/child_process.h"
#include "tools/format.h"
#include "tools/run_folder.h"

namespace octet::tools {
namespace {

namespace fs = std::filesystem;

// A run that is being made.
struct Attempt {
  GridRun run;
  bool resumed;
  double begun;
  ChildProcess process;
};

class Runner {
 public:
  Runner(const std::vector<GridRun>& left, int64_t done_before, const GridSettings& settings,
         const std::function<void(const std::string&)>& say, std::vector<GridResult>& results)
      : settings_(settings),
        say_(say),
        results_(results),
        waiting_(left.begin(), left.end()),
        total_(done_before + static_cast<int64_t>(left.size())),
        done_(done_before),
        done_before_(done_before) {
    for (const char* name : {"/results", "/runs"}) {
      std::error_code error;
      fs::create_directories(settings_.out + name, error);
      require(!error, ErrorKind::Internal, settings_.out, name,
              ": cannot make the folder: ", error.message());
    }
    remove_half_written();
    remove_finished();
  }

  GridEnd go(const std::function<bool()>& stop) {
    while (!waiting_.empty() || !active_.empty()) {
      const bool signalled = stop(), late = steady_seconds() >= settings_.stop_at;
      if (signalled || late || failure_) {
        stop_all();
        if (failure_) throw Error(*failure_);
        return waiting_.empty() ? GridEnd::Done : signalled ? GridEnd::Signalled : GridEnd::TimeUp;
      }
      while (!waiting_.empty() && static_cast<int64_t>(active_.size()) < settings_.jobs) {
        const GridRun run = waiting_.front();
        waiting_.pop_front();
        start(run);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      reap();
    }
    if (failure_) throw Error(*failure_);
    return GridEnd::Done;
  }

 private:
  RunFolder folder_of(const GridRun& run) const { return {settings_.out + "/runs/" + run.name()}; }
  // What AtomicFile leaves of a file during whose writing the process was killed; whoever holds the lock is
  // the only one to write here.
  void remove_half_written() const {
    std::error_code error;
    std::vector<fs::path> paths;
    for (fs::directory_iterator at(settings_.out + "/results", error), end; !error && at != end;
         at.increment(error))
      if (at->path().filename().string().starts_with(".sms-") ||
          at->path().filename().string().starts_with(".imdb-"))
        paths.push_back(at->path());
    for (const fs::path& path : paths) fs::remove(path, error);
  }
  // Folders of runs whose result was written last thing before the process was killed.
  void remove_finished() const {
    for (const GridResult& result : results_) {
      std::error_code error;
      if (fs::exists(result_path(settings_.out, result.run), error)) remove_run(result.run);
    }
  }
  void remove_run(const GridRun& run) const {
    std::error_code ignored;
    fs::remove_all(folder_of(run).path, ignored);
    fs::remove(output_of(run), ignored);
  }
  std::string output_of(const GridRun& run) const { return folder_of(run).path + ".txt"; }

  void start(const GridRun& run) {
    const RunFolder folder = folder_of(run);
    std::error_code ignored;
    if (finished_before(run)) return;
    const bool resumed = fs::exists(folder.checkpoint(), ignored);
    if (!resumed) fs::remove_all(folder.path, ignored);  // killed before there was anything to go on from
    std::vector<std::string> arguments = {"train"};
    if (resumed) {
      arguments.insert(arguments.end(), {"--resume", folder.path});
    } else {
      const std::vector<std::string> flags = run.flags(settings_.device);
      arguments.insert(arguments.end(), flags.begin(), flags.end());
      arguments.insert(arguments.end(), {"--out", folder.path});
    }
    arguments.insert(arguments.end(), {"--threads", std::to_string(settings_.threads)});
    if (!settings_.data.empty()) arguments.insert(arguments.end(), {"--data", settings_.data});
    fs::remove(output_of(run), ignored);
    active_.push_back({run, resumed, steady_seconds(), ChildProcess(arguments, output_of(run))});
  }

  // Killed after its last epoch and before its result was written.
  bool finished_before(const GridRun& run) {
    std::error_code ignored;
    if (!fs::exists(folder_of(run).log(), ignored)) return false;
    std::optional<GridResult> result;
    try {
      const RunReport report = read_report(folder_of(run).path);
      if (report.status() == "ok") result = result_of(run, report), result->wall_seconds = report.seconds();
    } catch (const Error&) {  // whatever is wrong with it, going on will tell
    }
    if (result) keep(std::move(*result));
    return result.has_value();
  }

  void reap() {
    for (size_t i = 0; i < active_.size();) {
      const std::optional<int> code = active_[i].process.ended();
      if (!code) {
        ++i;
        continue;
      }
      Attempt attempt = std::move(active_[i]);
      active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(i));
      ended(attempt, *code);
    }
  }

  void ended(const Attempt& attempt, int code) {
    const GridRun& run = attempt.run;
    const RunFolder folder = folder_of(run);
    constexpr int kNonFinite = static_cast<int>(ErrorKind::NonFinite),
                  kCheckpoint = static_cast<int>(ErrorKind::Checkpoint);
    if (code == 0 || code == kNonFinite) {
      std::optional<GridResult> result;
      try {
        result = result_of(run, read_report(folder.path));
      } catch (const Error& error) {
        if (attempt.resumed) return start_anew(run, error.what());
        failure_ = Error(error.kind(), run.name() + ": " + error.what());
        return;
      }
      result->wall_seconds = steady_seconds() - attempt.begun;
      keep(std::move(*result));
    } else if (code == 130 || code == 143) {
      waiting_.push_front(run);  // stopped from outside; it goes on from its checkpoint
    } else if (code == kCheckpoint && attempt.resumed) {
      start_anew(run, last_line(output_of(run)));
    } else if (!failure_) {
      const bool known = code >= 1 && code <= static_cast<int>(ErrorKind::Device);
      failure_ = Error(
          known ? static_cast<ErrorKind>(code) : ErrorKind::Internal,
          fmt::format("{}: octet train ended with {}: {}{}", run.name(), code, last_line(output_of(run)),
                      code == static_cast<int>(ErrorKind::Memory) && settings_.jobs > 1
                          ? "; fewer runs at once, with --jobs, need less memory"
                          : ""));
      waiting_.push_front(run);
    }
  }

  void start_anew(const GridRun& run, const std::string& why) {
    say_(run.name() + ": cannot be gone on with, and is started anew: " + why);
    std::error_code ignored;
    fs::remove_all(folder_of(run).path, ignored);
    waiting_.push_front(run);
  }

  void keep(GridResult result) {
    result.jobs = settings_.jobs;
    write_atomically(result_path(settings_.out, result.run), format_result(result));
    remove_run(result.run);
    ++done_;
    say_(line_of(result));
    results_.push_back(std::move(result));
  }

  std::string line_of(const GridResult& result) const {
    std::string text = fmt::format("{}/{} {}: ", done_, total_, result.run.name());
    if (result.ok())
      text += fmt::format("val loss {:.4f}, val accuracy {:.2f} %, {}", result.epochs.back().val_loss,
                          100 * result.epochs.back().val_accuracy,
                          format_duration(result.seconds_until(result.run.epochs)));
    else
      text += fmt::format("a gradient was not finite, or too large, in epoch {}", result.epochs.size() + 1);
    if (done_ < total_) {
      const double each = (steady_seconds() - begun_) / static_cast<double>(done_ - done_before_);
      text += "; eta " + format_duration(each * static_cast<double>(total_ - done_));
    }
    return text;
  }

  static std::string last_line(const std::string& path) {
    std::ifstream in(path);
    std::string line, last = "it said nothing";
    while (std::getline(in, line))
      if (!line.empty()) last = line;
    return last.starts_with("octet: ") ? last.substr(7) : last;
  }

  // The first SIGTERM has a run finish its step and save, so each gets one only.
  void stop_all() {
    for (const Attempt& attempt : active_) attempt.process.terminate();
    while (!active_.empty()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      reap();
    }
  }

  const GridSettings& settings_;
  const std::function<void(const std::string&)>& say_;
  std::vector<GridResult>& results_;
  std::deque<GridRun> waiting_;
  std::deque<Attempt> active_;
  int64_t total_, done_, done_before_;
  double begun_ = steady_seconds();
  std::optional<Error> failure_;
};

}  // namespace

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

GridEnd make_runs(const std::vector<GridRun>& left, int64_t done_before, const GridSettings& settings,
                  const std::function<void(const std::string&)>& say, const std::function<bool()>& stop,
                  std::vector<GridResult>& results) {
  return Runner(left, done_before, settings, say, results).go(stop);
}

}  // namespace octet::tools
