// octet data describe: what is in a corpus, and what a model would see of it.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "datasets/describe.h"
#include "datasets/split.h"
#include "datasets/tokenizer.h"
#include "datasets/vocabulary.h"
#include "datasets/word_ids.h"
#include "tools/commands/data.h"
#include "tools/field_flags.h"
#include "tools/format.h"
#include "tools/jsonl.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

// The defaults are those of `octet train`.
struct DescribeConfig {
  std::string name, data;
  int64_t min_freq = 5;
  int64_t vocabulary_size = 1000;
  int64_t split_seed = kSplitSeed;
  bool json = false;

  template <class V>
  void visit(V&& v) {
    v(kDataSetField, name, data_set_names());
    v(kDataField, data, Text{"PATH"});
    v(Field{"min_freq", "sms: words seen less often in the training rows become <unk>"}, min_freq,
      Range{1, 1e9});
    v(Field{"vocabulary_size", "imdb: so many words, the most frequent of the training rows, get an id"},
      vocabulary_size, Range{1, 1e9});
    v(Field{"split_seed", "seed of the split into training and validation rows"}, split_seed,
      Range{0, 0x1p53});
    v(Field{"json", "all facts as a JSON line, without the histogram"}, json, Switch{});
  }
};

struct VocabularyFacts {
  int64_t entries = 0;
  std::string hash, rule;  // rule: in words, what has an entry
  int64_t training_rows = 0, validation_rows = 0;
  double unknown_training = 0, unknown_validation = 0;  // shares of the tokens, 0 to 1
};

double share(int64_t part, int64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

// Share of the tokens of `rows` that have no id of their own.
double unknown_share(const TextCorpus& corpus, const std::vector<int32_t>& rows,
                     const Vocabulary& vocabulary) {
  int64_t unknown = 0, all = 0;
  for (const int32_t row : rows) {
    for (const int32_t id : vocabulary.encode(english_tokens(corpus.texts[static_cast<size_t>(row)]))) {
      unknown += id == Vocabulary::kUnknown;
      ++all;
    }
  }
  return share(unknown, all);
}

VocabularyFacts token_vocabulary(const TextCorpus& corpus, const DescribeConfig& config) {
  const Split split = split_rows(corpus.rows(), static_cast<uint64_t>(config.split_seed));
  TokenCounts counts;
  for (const int32_t row : split.train)
    for (const std::string_view token : english_tokens(corpus.texts[static_cast<size_t>(row)]))
      counts.add(token);
  const Vocabulary vocabulary = Vocabulary::from_counts(counts, config.min_freq);
  VocabularyFacts facts;
  facts.entries = vocabulary.size();
  facts.hash = vocabulary.hash();
  facts.rule = "<unk>, <pad> and the tokens seen " + format_count(config.min_freq) +
               " times or more in the training rows";
  facts.training_rows = static_cast<int64_t>(split.train.size());
  facts.validation_rows = static_cast<int64_t>(split.validation.size());
  facts.unknown_training = unknown_share(corpus, split.train, vocabulary);
  facts.unknown_validation = unknown_share(corpus, split.validation, vocabulary);
  return facts;
}

// As above, of words.
double unknown_share(const WordCorpus& corpus, const std::vector<int32_t>& rows,
                     const std::vector<int32_t>& ids) {
  int64_t unknown = 0, all = 0;
  for (const int32_t row : rows) {
    for (const int32_t word : corpus.row(row)) {
      unknown += ids[static_cast<size_t>(word)] == WordVocabulary::kPadding;
      ++all;
    }
  }
  return share(unknown, all);
}

VocabularyFacts word_vocabulary(const WordCorpus& corpus, const DescribeConfig& config) {
  const Split split = stratified_split(corpus.labels, 0.25, static_cast<uint64_t>(config.split_seed));
  const WordVocabulary vocabulary =
      WordVocabulary::most_frequent(corpus, count_words(corpus, split.train), config.vocabulary_size);
  const std::vector<int32_t> ids = vocabulary.ids_of(corpus);
  VocabularyFacts facts;
  facts.entries = vocabulary.size();
  facts.hash = vocabulary.hash();
  facts.rule = "<pad> and the most frequent words of the training rows; others are left out";
  facts.training_rows = static_cast<int64_t>(split.train.size());
  facts.validation_rows = static_cast<int64_t>(split.validation.size());
  facts.unknown_training = unknown_share(corpus, split.train, ids);
  facts.unknown_validation = unknown_share(corpus, split.validation, ids);
  return facts;
}

Json json_of(const TextCorpus& corpus, const CorpusFacts& facts, const VocabularyFacts& words,
             const DescribeConfig& config) {
  Json classes = Json::object();
  for (const ClassFacts& c : facts.classes) classes[c.name] = c.rows;
  const LengthFacts& lengths = facts.lengths;
  return {{"name", corpus.name},
          {"source", corpus.source()},
          {"generated", corpus.generated},
          {"sha256", corpus.sha256},
          {"encoding", corpus.encoding},
          {"rows", facts.rows},
          {"classes", classes},
          {"distinct_texts", facts.distinct_texts},
          {"ambiguous_texts", facts.ambiguous_texts},
          {"empty_texts", facts.empty_texts},
          {"tokens",
           {{"total", lengths.total},
            {"mean", lengths.mean},
            {"shortest", lengths.shortest},
            {"median", lengths.median},
            {"p90", lengths.p90},
            {"p99", lengths.p99},
            {"longest", lengths.longest}}},
          {"vocabulary",
           {{"entries", words.entries},
            {"hash", words.hash},
            {"min_freq", config.min_freq},
            {"split_seed", config.split_seed},
            {"training_rows", words.training_rows},
            {"validation_rows", words.validation_rows},
            {"unknown_share_training", words.unknown_training},
            {"unknown_share_validation", words.unknown_validation}}}};
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%", 100 * share);
  return text;
}

std::string text_of(const TextCorpus& corpus, const CorpusFacts& facts, const VocabularyFacts& words,
                    const DescribeConfig& config, const std::vector<int64_t>& lengths) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    (text += name).append(12 - std::min<size_t>(11, std::string_view(name).size()), ' ') += value + "\n";
  };
  std::string classes;
  for (const ClassFacts& c : facts.classes)
    classes += (classes.empty() ? ": " : ", ") + c.name + " " + format_count(c.rows) + " (" +
               percent(static_cast<double>(c.rows) / static_cast<double>(facts.rows)) + ")";
  char mean[32];
  std::snprintf(mean, sizeof mean, "%.1f", facts.lengths.mean);

  line("source", corpus.source());
  if (!corpus.sha256.empty()) line("SHA-256", corpus.sha256);
  if (!corpus.encoding.empty()) line("encoding", corpus.encoding);
  line("rows", format_count(facts.rows) + classes);
  line("texts", format_count(facts.distinct_texts) + " different; " +
                    format_count(facts.rows - facts.distinct_texts) + " rows repeat an earlier one, " +
                    format_count(facts.ambiguous_texts) + " texts have more than one label, " +
                    format_count(facts.empty_texts) + " are empty");
  line("tokens", format_count(facts.lengths.total) + "; a row has " + std::to_string(facts.lengths.shortest) +
                     " to " + format_count(facts.lengths.longest) + ", mean " + mean + ", median " +
                     format_count(facts.lengths.median) + ", 90 % up to " + format_count(facts.lengths.p90));
  line("split", format_count(words.training_rows) + " training and " + format_count(words.validation_rows) +
                    " validation rows with seed " + std::to_string(config.split_seed));
  line("vocabulary", format_count(words.entries) + " entries: " + words.rule);
  line("unknown", percent(words.unknown_training) + " of the training tokens, " +
                      percent(words.unknown_validation) + " of the validation tokens");
  return text + "\nrows by number of tokens\n" + histogram(lengths);
}

// Results on made-up texts must never be taken for real ones: each line says so.
std::string marked(const std::string& text, const char* mark) {
  std::string out;
  for (size_t at = 0, end; at < text.size(); at = end + 1) {
    end = text.find('\n', at);
    out += mark + text.substr(at, end - at) + "\n";
  }
  return out;
}

int describe_corpus(const DescribeConfig& config) {
  const NamedCorpus& named = corpus_named(config.name, "octet data describe");
  const TextCorpus corpus = named.load(places_of(config.data));
  std::vector<int64_t> lengths;
  CorpusFacts facts;
  VocabularyFacts words;
  if (named.rules == TextRules::ReviewWords) {
    const WordCorpus reviews = word_corpus(corpus);
    int64_t row = 0;  // texts are described in their order
    facts = describe(
        corpus, [&](std::string_view) { return static_cast<int64_t>(reviews.row(row++).size()); }, &lengths);
    words = word_vocabulary(reviews, config);
  } else {
    facts = describe(
        corpus, [](std::string_view text) { return static_cast<int64_t>(english_tokens(text).size()); },
        &lengths);
    words = token_vocabulary(corpus, config);
  }
  if (config.json) {
    JsonLines(1, "standard output").write(json_of(corpus, facts, words, config));
    return 0;
  }
  const std::string text = text_of(corpus, facts, words, config, lengths);
  std::fputs((corpus.generated ? marked(text, "generated: ") : text).c_str(), stdout);
  if (corpus.generated)
    std::printf("generated: no data was found; octet data fetch %s gets the real one\n", corpus.name.c_str());
  return 0;
}

}  // namespace

std::function<int()> declare_data_describe(CLI::App& app) { return declare_with(app, describe_corpus); }

}  // namespace octet::tools
