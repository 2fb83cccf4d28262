// octet data check: is this file whole, and is it one of those that everybody uses?
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tools/commands/data.h"
#include "tools/field_flags.h"
#include "tools/format.h"
#include "tools/jsonl.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

struct CheckConfig {
  std::string name, data;
  bool json = false;

  template <class V>
  void visit(V&& v) {
    v(kDataSetField, name, data_set_names());
    v(kDataField, data, Text{"PATH"});
    v(Field{"json", "the result as a JSON line"}, json, Switch{});
  }
};

// The name under which the content is known to the world: that of the entry, where the file is an archive.
const std::string& name_of_content(const TextCorpus& corpus) {
  return corpus.entry.empty() ? corpus.path : corpus.entry;
}

int check(const CheckConfig& config) {
  const NamedCorpus& named = corpus_named(config.name, "octet data check");
  const auto path = locate_data(places_of(config.data), named.file_names());
  require(path.has_value(), ErrorKind::Data, named.name, ": not found; octet data fetch ", named.name,
          " gets it, --data PATH says where it is");
  const TextCorpus corpus = named.read(*path);
  const KnownFile* known = known_by_content(named, corpus.sha256);
  const KnownFile* namesake = known ? nullptr : known_by_name(named, name_of_content(corpus));

  if (config.json) {
    JsonLines(1, "standard output")
        .write({{"name", named.name},
                {"path", corpus.path},
                {"entry", corpus.entry.empty() ? Json() : Json(corpus.entry)},
                {"status", known      ? "known"
                           : namesake ? "changed"
                                      : "unknown"},
                {"known", known ? Json(known->name) : Json()},
                {"sha256", corpus.sha256},
                {"encoding", corpus.encoding},
                {"rows", corpus.rows()}});
  }
  // Whoever trains on a file of this name expects its rows; results could be compared with nobody's.
  if (namesake)
    fail(ErrorKind::Data, corpus.source(), ": the rows can be read, but this is not the ", namesake->name,
         " that it is named after: SHA-256 ", corpus.sha256, ", of the well-known file ", namesake->sha256,
         "; rename it if it is data of your own");
  if (config.json) return 0;
  std::printf("%s: good, %s rows, %s\nSHA-256 %s\n", corpus.source().c_str(),
              format_count(corpus.rows()).c_str(), corpus.encoding.c_str(), corpus.sha256.c_str());
  if (known)
    std::printf("the well-known file %s, %s\n", std::string(known->name).c_str(),
                std::string(known->about).c_str());
  else
    std::printf("note: none of the well-known files; nothing is wrong with data of your own\n");
  return 0;
}

}  // namespace

std::function<int()> declare_data_check(CLI::App& app) { return declare_with(app, check); }

}  // namespace octet::tools
