// A labelled file of one's own.
#include <numeric>

#include "datasets/labelled_file.h"
#include "datasets/split.h"
#include "datasets/text_table.h"
#include "tools/tasks.h"

namespace octet::tools {
namespace {

void defaults(TrainConfig& config) {
  config.lr = 1e-3;
  config.epochs = 20;
  config.min_freq = 2;
  config.validation_share = 0.2;
}

LabelledOptions options_of(const TrainConfig& config) {
  LabelledOptions options;
  options.columns = {config.text_column, config.label_column,
                     config.header == "yes"  ? Header::Yes
                     : config.header == "no" ? Header::No
                                             : Header::Auto};
  options.skip_empty = config.skip_empty;
  return options;
}

LabelledTexts read(const TrainConfig& config) {
  const LabelledOptions options = options_of(config);
  if (config.positive.empty() && config.negative.empty()) {
    require(!config.data.empty(), ErrorKind::Usage,
            "octet train text: no data; name a file by --data, or two by --positive and --negative");
    return read_labelled_file(config.data, options);
  }
  require(!config.positive.empty() && !config.negative.empty(), ErrorKind::Usage,
          "--positive and --negative belong together: one text a line in each file");
  require(config.data.empty(), ErrorKind::Usage, "give --data, or --positive and --negative, not both");
  return read_labelled_lines({{"positive", config.positive}, {"negative", config.negative}}, options);
}

std::vector<int32_t> all_rows(const TextCorpus& corpus) {
  std::vector<int32_t> rows(static_cast<size_t>(corpus.rows()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// The rows that a split of `rows` picks.
std::vector<int32_t> picked(const std::vector<int32_t>& rows, const std::vector<int32_t>& places) {
  std::vector<int32_t> out;
  for (const int32_t place : places) out.push_back(rows[static_cast<size_t>(place)]);
  return out;
}

// Every label needs `least` of the rows.
void require_rows_of_each(const TextCorpus& corpus, const std::vector<int32_t>& rows, int64_t least,
                          const char* purpose) {
  std::vector<int64_t> counts(corpus.label_names.size());
  for (const int32_t row : rows) ++counts[static_cast<size_t>(corpus.labels[static_cast<size_t>(row)])];
  for (size_t label = 0; label < counts.size(); ++label)
    require(counts[label] >= least, ErrorKind::Data, corpus.source(), ": label '",
            excerpt(corpus.label_names[label], 40), "' has ", counts[label],
            counts[label] == 1 ? " row" : " rows", " left ", purpose, ", ", least,
            " needed; give it more rows, or smaller shares");
}

// Takes a share of the rows, by class, out of them.
std::vector<int32_t> take_share(const TextCorpus& corpus, std::vector<int32_t>& rows, double share,
                                const TrainConfig& config) {
  require_rows_of_each(corpus, rows, 2, "to split");
  std::vector<int32_t> labels;
  for (const int32_t row : rows) labels.push_back(corpus.labels[static_cast<size_t>(row)]);
  const Split split = stratified_split(labels, share, static_cast<uint64_t>(config.split_seed));
  std::vector<int32_t> taken = picked(rows, split.validation);
  rows = picked(rows, split.train);
  return taken;
}

TextData load(const TrainConfig& config, const EarlierVocabulary& vocabulary) {
  const LabelledTexts own = read(config);
  const TextCorpus& corpus = own.corpus;
  TextData data{.source = corpus.source(), .sha256 = corpus.sha256, .notes = own.notes};
  data.label_names = corpus.label_names;
  data.columns = own.columns;
  const auto beside = [&](const std::string& path) {
    LabelledTexts read = read_labelled_file(path, own.same_way());
    for (const std::string& note : read.notes) data.notes.push_back(path + ": " + note);
    return read.corpus;
  };
  // Shares are of all rows of the file, whatever is taken first.
  std::vector<int32_t> train = all_rows(corpus), validation, test;
  require(config.test_data.empty() || config.test_share == 0, ErrorKind::Usage,
          "give --test-data or --test-share, not both");
  const bool own_validation = config.validation_data.empty();
  require(config.test_share + (own_validation ? config.validation_share : 0) < 1, ErrorKind::Usage,
          "--validation-share and --test-share leave no rows to train on");
  if (config.test_share > 0) test = take_share(corpus, train, config.test_share, config);
  if (own_validation)
    validation = take_share(corpus, train, config.validation_share / (1 - config.test_share), config);
  require_rows_of_each(corpus, train, 1, "to train on");
  data.encoder = vocabulary ? token_encoder(config, *vocabulary) : count_tokens(config, corpus, train);
  data.train = encode_rows(data.encoder, corpus, train, false);
  const auto encoded = [&](const std::string& path, const std::vector<int32_t>& rows) {
    if (path.empty()) return encode_rows(data.encoder, corpus, rows, true);
    const TextCorpus other = beside(path);
    return encode_rows(data.encoder, other, all_rows(other), true);
  };
  data.validation = encoded(config.validation_data, validation);
  data.test = encoded(config.test_data, test);
  return data;
}

EncodedTexts read_beside(const TrainConfig& config, const std::string& path,
                         const std::vector<std::string>& label_names, const TextEncoder& encoder) {
  LabelledOptions options = options_of(config);
  options.label_names = label_names;
  const TextCorpus corpus = read_labelled_file(path, options).corpus;
  return encode_rows(encoder, corpus, all_rows(corpus), true);
}

}  // namespace

Task text_task() {
  return {"text", "a labelled file of your own", defaults, load, token_encoder, read_beside};
}

}  // namespace octet::tools
