#include "datasets/corpora.h"

#include "datasets/imdb.h"
#include "datasets/sms.h"

namespace octet {
namespace {

constexpr KnownFile kSmsFiles[] = {
    {"SMSSpamCollection", "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
     "as in the zip of the UCI Machine Learning Repository"},
    {"sms_spam.csv", "f68d2d3f7cf0d382f6f8c922484db8c496bd610d2ae69dfd619011fad2479b01",
     "the same messages as CSV with the header type,text"},
};

constexpr KnownFile kImdbFiles[] = {
    {"imdb_50k.csv", "eff33b205dba77d22fa0d03a16951ddee07b91e68fc00b83c683d449619633a2",
     "all 50,000 labelled reviews as CSV, in the order of SHA-256"},
    {"aclImdb_v1.tar.gz", "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
     "the original release of Stanford University"},
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
      {"sms", "5,574 text messages in English, ham or spam", sms_file_names, kSmsFiles,
       TextRules::EnglishTokens, read_sms, load_sms},
      {"imdb", "50,000 film reviews in English, negative or positive", imdb_file_names, kImdbFiles,
       TextRules::ReviewWords, read_imdb, load_imdb},
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
