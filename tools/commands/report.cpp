#include "tools/report.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "tools/atomic_file.h"
#include "tools/commands/declare.h"
#include "tools/field_flags.h"
#include "tools/run_folder.h"

namespace octet::tools {
namespace {

struct Flags {
  std::vector<std::string> folders;
  std::string html, log;
};

int report(const Flags& flags) {
  require_no_file_or_log_of_a_run(flags.html, "--html");
  require(flags.html.empty() || flags.html != flags.log, ErrorKind::Usage, "--html ", flags.html,
          ": is the log that is read; give another name");
  require(flags.log.empty() || flags.folders.size() == 1, ErrorKind::Usage, "--log ", flags.log,
          ": is of one run, but ", flags.folders.size(), " are named; ask for them one by one");
  std::vector<RunReport> runs;
  for (const std::string& folder : flags.folders) {
    runs.push_back(read_report(folder, flags.log));
    for (const std::string& problem : runs.back().problems)
      std::fprintf(stderr, "octet: %s\n",
                   (std::filesystem::path(runs.back().log).parent_path() / problem).c_str());
    if (!runs.back().end)
      std::fprintf(stderr, "octet: %s: the run has not ended; it goes on, or octet train --resume %s does\n",
                   folder.c_str(), folder.c_str());
  }
  if (!flags.html.empty())
    write_atomically(flags.html,
                     runs.size() == 1 ? report_html(runs[0], flags.folders[0]) : comparison_html(runs));
  std::fputs(report_text(runs).c_str(), stdout);
  return 0;
}

}  // namespace

std::function<int()> declare_report(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  add_argument(app, "folder", flags->folders, "DIR", "the --out folders of runs, to compare side by side");
  add_option(app, "--html", flags->html, "FILE",
             "also writes a page: of one run what its report.html shows, of several a comparison");
  add_option(app, "--log", flags->log, "FILE", "the log of a run that was trained with --log [log.jsonl]");
  return [flags] { return report(*flags); };
}

}  // namespace octet::tools
