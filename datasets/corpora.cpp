#include "datasets/corpora.h"

#include "datasets/sms.h"

namespace octet {
namespace {

constexpr KnownFile kSmsFiles[] = {
    {"SMSSpamCollection", "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
     "as in the zip of the UCI Machine Learning Repository"},
    {"sms_spam.csv", "f68d2d3f7cf0d382f6f8c922484db8c496bd610d2ae69dfd619011fad2479b01",
     "the same messages as CSV with the header type,text"},
};

template <class Match>
const KnownFile* find(const NamedCorpus& corpus, const Match& match) {
  for (const KnownFile& file : corpus.known_files)
    if (match(file)) return &file;
  return nullptr;
}

}  // namespace

std::span<const NamedCorpus> corpora() {
  static constexpr NamedCorpus table[] = {
      {"sms", "5,574 text messages in English, ham or spam", sms_file_names, kSmsFiles, read_sms, load_sms},
  };
  return table;
}

const KnownFile* known_by_content(const NamedCorpus& corpus, std::string_view sha256) {
  return find(corpus, [&](const KnownFile& file) { return file.sha256 == sha256; });
}

const KnownFile* known_by_name(const NamedCorpus& corpus, std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return find(corpus, [&](const KnownFile& file) { return file.name == name; });
}

}  // namespace octet
