// octet data fetch: downloads a data set, and shows how far it is.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/names.h"
#include "datasets/fetch.h"
#include "tools/commands/data.h"
#include "tools/field_flags.h"
#include "tools/format.h"
#include "tools/jsonl.h"
#include "tools/progress.h"

namespace octet::tools {
namespace {

// The data sets and what else can be downloaded.
Choice remote_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const RemoteFile& file : remote_files()) all.push_back(file.name);
    return all;
  }();
  return {names};
}

struct FetchConfig {
  std::string name, to, url;
  bool json = false;

  template <class V>
  void visit(V&& v) {
    v(kDataSetField, name, remote_names());
    v(Field{"to", "folder to write to; empty: ~/.cache/octet, where every command looks"}, to, Text{"DIR"});
    v(Field{"url", "mirror to download from; size and SHA-256 must still be right"}, url, Text{"URL"});
    v(Field{"json", "the result as a JSON line, without progress"}, json, Switch{});
  }
};

// On a terminal a line that is redrawn; elsewhere nothing, as the last line says all.
class FetchProgress {
 public:
  explicit FetchProgress(bool wanted) : shown_(wanted && ProgressStyle::of(stderr).terminal) {}
  ~FetchProgress() {
    if (drawn_ >= 0) std::fputs("\r\x1b[K", stderr);
  }
  FetchProgress(const FetchProgress&) = delete;
  FetchProgress& operator=(const FetchProgress&) = delete;

  void show(uint64_t done, uint64_t total) {
    const double now = Progress::steady_seconds();
    if (!shown_ || (drawn_ >= 0 && now - drawn_ < 0.1)) return;
    if (drawn_ < 0) start_ = now, first_ = done;
    drawn_ = now;
    const double rate = static_cast<double>(done - std::min(first_, done)) / (now - start_);
    const double left = static_cast<double>(total - std::min(done, total)) / rate;
    std::fprintf(stderr, "\r\x1b[K%s of %s  eta %s", format_bytes(static_cast<int64_t>(done)).c_str(),
                 format_bytes(static_cast<int64_t>(total)).c_str(), format_duration(left).c_str());
    std::fflush(stderr);
  }

 private:
  bool shown_;
  double start_ = 0, drawn_ = -1;
  uint64_t first_ = 0;
};

int fetch_corpus(const FetchConfig& config) {
  require(!config.name.empty(), "octet data fetch: which data set? Known: ", join(remote_names().names));
  RemoteFile file = remote_file(config.name);
  if (!config.url.empty()) file.url = config.url;
  if (!config.json)
    std::printf("%s\n%s, %s\n", std::string(file.licence).c_str(), std::string(file.url).c_str(),
                format_bytes(static_cast<int64_t>(file.bytes)).c_str());
  std::fflush(stdout);

  FetchOptions options;
  options.folder = config.to.empty() ? cache_folder() : std::filesystem::path(config.to);
  FetchResult result;
  {
    FetchProgress progress(!config.json);
    options.progress = [&](uint64_t done, uint64_t total) {
      progress.show(done, total);
      return true;
    };
    result = fetch(file, options);
  }
  if (config.json) {
    JsonLines(1, "standard output")
        .write({{"name", file.name},
                {"path", result.path.string()},
                {"bytes", file.bytes},
                {"sha256", file.sha256},
                {"downloaded", result.downloaded},
                {"resumed_from", result.resumed_from}});
    return 0;
  }
  const std::string resumed = result.resumed_from > 0
                                  ? ", resumed at " + format_bytes(static_cast<int64_t>(result.resumed_from))
                                  : "";
  std::printf("%s %s%s, SHA-256 as known\n", result.path.string().c_str(),
              result.downloaded ? "saved" : "is there already", resumed.c_str());
  return 0;
}

}  // namespace

std::function<int()> declare_data_fetch(CLI::App& app) { return declare_with(app, fetch_corpus); }

}  // namespace octet::tools
