#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/cpu/thread_pool.h"
#include "tools/atomic_file.h"
#include "tools/commands/declare.h"
#include "tools/field_flags.h"
#include "tools/inspection_view.h"
#include "tools/run_folder.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string path, html;
  InspectOptions options;
  int64_t threads = 0;
  bool json = false;
};

int inspect_run(const Flags& flags) {
  require(flags.threads >= 0 && flags.threads <= 1024, "--threads ", flags.threads,
          ": must be a whole number from 0 to 1024");
  cpu::set_thread_count(static_cast<int>(flags.threads));
  require_no_file_or_log_of_a_run(flags.html, "--html");
  const Inspection inspection = inspect(flags.path, flags.options);
  if (!flags.html.empty()) write_atomically(flags.html, to_html(inspection));
  if (flags.json)
    std::printf("%s\n", to_json(inspection).dump().c_str());
  else
    std::fputs(to_text(inspection).c_str(), stdout);
  return 0;
}

}  // namespace

std::function<int()> declare_inspect(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  add_argument(app, "run", flags->path, "RUN", "the --out folder of a run, or a checkpoint file");
  add_option(app, "--against", flags->options.against, "RUN",
             "a run with fp32 state, of the same seed and length: the truth for one with coded state");
  add_option(app, "--codec", flags->options.codec, "NAME",
             "of exact state: what to try on each tensor [blockwise8]; of coded state: what it is kept "
             "in, if the file does not say");
  add_option(app, "--html", flags->html, "FILE", "also writes a page with charts, all in one file");
  add_option(app, "--threads", flags->threads, "N", "CPU threads; 0: all [0]");
  add_switch(app, "--json", flags->json, "one JSON line instead of tables");
  return [flags] { return inspect_run(*flags); };
}

}  // namespace octet::tools
