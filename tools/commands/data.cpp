// octet data: the named data sets and where they are.
#include "tools/commands/data.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/names.h"
#include "datasets/remote_files.h"
#include "tools/commands/declare.h"
#include "tools/field_flags.h"
#include "tools/format.h"
#include "tools/jsonl.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

// A data set, or a file that only `fetch` knows by name (glove).
struct Listed {
  std::string_view name, summary;
  std::vector<std::string_view> file_names;
  const RemoteFile* remote = nullptr;
  bool is_corpus = true;
};

std::vector<Listed> everything() {
  std::vector<Listed> all;
  for (const NamedCorpus& corpus : corpora()) {
    const auto names = corpus.file_names();
    all.push_back({corpus.name, corpus.summary, {names.begin(), names.end()}});
  }
  for (const RemoteFile& file : remote_files()) {
    const auto known =
        std::find_if(all.begin(), all.end(), [&](const Listed& l) { return l.name == file.name; });
    if (known != all.end()) {
      known->remote = &file;
    } else {
      all.push_back({file.name, file.file_name, {file.file_name}, &file, false});
    }
  }
  return all;
}

struct ListConfig {
  bool json = false;

  template <class V>
  void visit(V&& v) {
    v(Field{"json", "a JSON line a data set"}, json, Switch{});
  }
};

int list(const ListConfig& config) {
  JsonLines lines(1, "standard output");
  for (const Listed& listed : everything()) {
    const auto path = locate_data(places_of(""), listed.file_names);
    const RemoteFile* remote = listed.remote;
    const std::string name(listed.name), fetch = "octet data fetch " + name;
    std::error_code ignored;
    const auto bytes = path ? static_cast<int64_t>(std::filesystem::file_size(*path, ignored)) : 0;
    if (config.json) {
      Json line = {{"name", name}, {"summary", listed.summary}, {"found", path.has_value()}};
      line["path"] = path ? Json(path->string()) : Json();
      line["bytes"] = path ? Json(bytes) : Json();
      line["source"] = remote ? Json(remote->licence) : Json();
      line["fetch"] = remote ? Json(fetch) : Json();
      lines.write(line);
      continue;
    }
    std::printf("%s  %s\n", name.c_str(), std::string(listed.summary).c_str());
    if (path) {
      std::printf("     found   %s, %s\n", path->string().c_str(), format_bytes(bytes).c_str());
    } else {
      std::printf("     not found: %s\n", remote ? fetch.c_str() : "use --data PATH");
      if (listed.is_corpus)
        std::printf("     until then a generated corpus of the same shape stands in for it\n");
    }
    if (remote)
      std::printf("     source  %s\n     from    %s, %s\n", std::string(remote->licence).c_str(),
                  std::string(remote->url).c_str(),
                  format_bytes(static_cast<int64_t>(remote->bytes)).c_str());
  }
  return 0;
}

}  // namespace

std::function<int()> declare_data_list(CLI::App& app) { return declare_with(app, list); }

Choice data_set_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const NamedCorpus& corpus : corpora()) all.push_back(corpus.name);
    return all;
  }();
  return {names};
}

const NamedCorpus& corpus_named(std::string_view name, std::string_view command) {
  for (const NamedCorpus& corpus : corpora())
    if (corpus.name == name) return corpus;
  fail(ErrorKind::Usage, command, ": which data set? Known: ", join(data_set_names().names));
}

DataPlaces places_of(const std::string& data) {
  return DataPlaces::of_this_process(data.empty() ? std::nullopt
                                                  : std::optional<std::filesystem::path>(data));
}

std::span<const Command> data_commands() {
  static constexpr Command table[] = {
      {"list", "the data sets, and where each was found", "octet data list", declare_data_list},
      {"check", "reads a data set whole and compares it with the well-known files",
       "octet data check sms --data sms_spam.csv", declare_data_check},
      {"describe", "rows, classes, lengths and vocabulary of a data set", "octet data describe sms",
       declare_data_describe},
      {"fetch", "downloads a data set from its own home", "octet data fetch sms", declare_data_fetch},
  };
  return table;
}

}  // namespace octet::tools
