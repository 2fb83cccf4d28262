#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

#include "core/cpu/thread_pool.h"
#include "datasets/imdb_words.h"
#include "tools/atomic_file.h"
#include "tools/child_process.h"
#include "tools/commands/declare.h"
#include "tools/field_flags.h"
#include "tools/reproduce_gather.h"
#include "tools/reproduce_plan.h"
#include "tools/reproduce_runs.h"
#include "tools/reproduce_view.h"
#include "tools/run_folder.h"
#include "tools/signals.h"
#include "tools/tasks.h"
#include "tools/version.h"

#include <filesystem>

namespace octet::tools {
namespace {

constexpr std::string_view kExperiments[] = {"sms", "imdb", "all"};

struct ReproduceConfig {
  std::string experiment;
  std::string out = "octet-reproduce";
  int64_t seeds = 20;
  std::string device = "cpu";
  std::string data;
  int64_t jobs = 1;
  int64_t threads = 0;
  double max_seconds = 0;
  int64_t sms_epochs = 100;
  int64_t imdb_epochs = 5;
  bool plan = false;
  bool no_runs = false;
  bool any_build = false;
  bool json = false;
  std::string html;
  std::string markdown;
  std::vector<std::string> merge;

  template <class V>
  void visit(V&& v) {
    v(Field{.name = "experiment", .help = "which tables: sms is Table 1, imdb Table 2", .positional = true},
      experiment, Choice{kExperiments});
    v(Field{"out", "folder of the results, which a later call goes on from"}, out, Text{"DIR"});
    v(Field{"seeds", "runs of each cell, with seeds from 1 on"}, seeds, Range{1, 1000});
    v(Field{"device", "where to compute"}, device, Choice{kDevices});
    v(Field{"data", "file or folder of the data sets; empty: look in the usual places"}, data, Text{"PATH"});
    v(Field{"jobs", "runs at once on the device"}, jobs, Range{1, 256});
    v(Field{"threads", "CPU threads of a run; 0: all, shared by the runs"}, threads, Range{0, 1024});
    v(Field{"max_seconds", "then runs are stopped and saved, and a later call goes on; 0: never"},
      max_seconds, Range{0, 1e9});
    v(Field{"sms_epochs", "fewer: shorter than the experiment, and the tables say so"}, sms_epochs,
      Range{1, 100});
    v(Field{"imdb_epochs", "likewise"}, imdb_epochs, Range{1, 5});
    v(Field{"plan", "only says how many runs are left, and what time and memory they will take"}, plan,
      Switch{});
    v(Field{"no_runs", "makes no runs: tables of the results that are there"}, no_runs, Switch{});
    v(Field{"any_build", "results of other builds of octet count as well"}, any_build, Switch{});
    v(Field{"json", "one JSON line instead of tables; what happens goes to standard error"}, json, Switch{});
    v(Field{"html", "also writes a page with charts"}, html, Text{"FILE"});
    v(Field{"markdown", "also writes the tables as Markdown"}, markdown, Text{"FILE"});
  }
};

std::vector<Grid> grids_of(const ReproduceConfig& config) {
  std::vector<Grid> grids;
  if (config.experiment != "imdb") grids.push_back(sms_grid(config.sms_epochs));
  if (config.experiment != "sms") grids.push_back(imdb_grid(config.imdb_epochs));
  return grids;
}

// Without what a repetition may choose anew.
std::string command_of(const ReproduceConfig& config) {
  std::string text = "octet reproduce " + config.experiment;
  const ReproduceConfig usual;
  const auto add = [&](const char* flag, const auto& value, const auto& fallback) {
    if (value != fallback) text += fmt::format(" {} {}", flag, value);
  };
  add("--seeds", config.seeds, usual.seeds);
  add("--device", config.device, usual.device);
  add("--jobs", config.jobs, usual.jobs);
  if (config.experiment != "imdb") add("--sms-epochs", config.sms_epochs, usual.sms_epochs);
  if (config.experiment != "sms") add("--imdb-epochs", config.imdb_epochs, usual.imdb_epochs);
  return text;
}

// The SHA-256 of each experiment's data. Reading them here has the reviews' cache ready before the runs, of
// which each would else make it.
GridIdentity identity_of(const ReproduceConfig& config, const std::vector<Grid>& grids, bool& generated) {
  GridIdentity identity{.build = build_text(), .device = config.device, .sha256 = {}};
  TrainConfig places;
  places.data = config.data;
  for (const Grid& grid : grids) {
    if (grid.task == "sms") {
      const TextCorpus corpus = load_sms(places_of(places));
      identity.sha256[grid.task] = corpus.sha256;
      generated = generated || corpus.generated;
    } else {
      const CachedWords words = load_imdb_words(places_of(places));
      identity.sha256[grid.task] = words.corpus.sha256;
      generated = generated || words.corpus.generated;
    }
  }
  return identity;
}

int64_t threads_of(const ReproduceConfig& config) {
  if (config.threads > 0 || config.jobs == 1) return config.threads;
  return std::max<int64_t>(1, cpu::thread_count() / config.jobs);
}

void show(const ReproduceConfig& config, const std::vector<Grid>& grids,
          const std::vector<GridResult>& results) {
  Reproduction reproduction{
      .tables = {}, .memory = memory_audit(), .audit = audit(results), .command = command_of(config)};
  for (const Grid& grid : grids) reproduction.tables.push_back(make_table(grid, results, config.seeds));
  if (!config.html.empty()) write_atomically(config.html, to_html(reproduction));
  if (!config.markdown.empty()) write_atomically(config.markdown, to_markdown(reproduction));
  if (config.json)
    std::printf("%s\n", to_json(reproduction).dump().c_str());
  else
    std::fputs(to_text(reproduction).c_str(), stdout);
}

int reproduce(const ReproduceConfig& config) {
  require_no_file_or_log_of_a_run(config.html, "--html");
  require_no_file_or_log_of_a_run(config.markdown, "--markdown");
  const double begun = steady_seconds();
  require(!config.experiment.empty(), "octet reproduce: no experiment named; name one of: sms, imdb, all");
  require(!config.plan || !config.no_runs, "--plan and --no-runs: give one of them");
  const std::vector<Grid> grids = grids_of(config);
  const std::vector<GridRun> planned = runs_of(grids, config.seeds);
  bool generated = false;
  const GridIdentity identity = config.no_runs ? GridIdentity{} : identity_of(config, grids, generated);
  std::FILE* out = config.json ? stderr : stdout;
  const std::function<void(const std::string&)> say = [&](const std::string& line) {
    std::fprintf(out, "%s%s\n", generated ? "generated: " : "", line.c_str());
    std::fflush(out);
  };
  GridSettings settings{.out = config.out,
                        .device = config.device,
                        .data = config.data,
                        .threads = threads_of(config),
                        .jobs = config.jobs,
                        .stop_at = config.max_seconds > 0 ? begun + config.max_seconds : INFINITY};
  std::unique_ptr<SharedLock> lock;
  if (!config.no_runs && !config.plan) {
    std::error_code error;
    std::filesystem::create_directories(config.out, error);
    require(!error, ErrorKind::Internal, config.out, ": cannot make the folder: ", error.message());
    constexpr double kPatience = 30;  // runs of a call that was killed save and end
    lock = std::make_unique<SharedLock>(config.out + "/lock", kPatience);
  }
  GatheredResults gathered = gather_results(planned, config.out, config.merge, identity, config.any_build);
  for (const std::string& warning : gathered.warnings)
    std::fprintf(stderr, "octet: %s%s\n", warning.c_str(),
                 config.no_runs ? "" : ", and that run is repeated");
  std::vector<GridResult>& results = gathered.results;
  if (config.plan) {
    const GridPlan plan = make_plan(planned, results, settings);
    std::fputs(config.json ? (to_json(plan).dump() + "\n").c_str() : to_text(plan).c_str(), stdout);
    return 0;
  }
  if (config.no_runs) {
    require(!results.empty(), ErrorKind::Data, config.out,
            ": no results of this experiment there; name the --out folder of octet reproduce");
  } else {
    std::vector<GridRun> left;
    for (const GridRun& run : planned)
      if (std::ranges::none_of(results,
                               [&](const GridResult& result) { return result.run.name() == run.name(); }))
        left.push_back(run);
    const SignalWatch signals;
    const GridEnd end = make_runs(
        left, static_cast<int64_t>(results.size()), settings, say, [&] { return signals.stop_requested(); },
        results);
    if (end != GridEnd::Done)
      say(fmt::format("{} of {} runs are finished; the same command goes on with the others", results.size(),
                      planned.size()));
    if (end == GridEnd::Signalled) return signals.exit_code();
  }
  show(config, grids, results);
  return 0;
}

}  // namespace

std::function<int()> declare_reproduce(CLI::App& app) {
  const auto flags = std::make_shared<FieldFlags>(app);
  const auto merge = std::make_shared<std::vector<std::string>>();
  flags->declare(ReproduceConfig());
  add_option(app, "--merge", *merge, "DIR", "folders of other calls, whose results count as well");
  return [flags, merge] {
    ReproduceConfig config;
    flags->apply(config);
    config.merge = *merge;
    return reproduce(config);
  };
}

}  // namespace octet::tools
