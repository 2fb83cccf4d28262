// --glove and --freeze-embedding: what a run begins with, says, keeps and refuses.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>

#include "core/safetensors.h"
#include "datasets/sha256.h"
#include "tests/tools/small_run.h"
#include "tools/format.h"
#include "tools/trainer.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kWidth = 6;

TrainConfig small_config(const Runs& runs) {
  TrainConfig config;
  config.task = "sms";
  config.data = runs.data();
  config.batch_size = 8;
  config.hidden = 8;
  config.min_freq = 2;
  config.embedding = kWidth;
  return config;
}

// Word vectors for every second word of the corpus' vocabulary: word number i has i, i + 1/4, i + 2/4 ...
struct VectorFile {
  explicit VectorFile(const Runs& runs) : path(runs.path("glove.txt")) {
    vocabulary = load_text_data(small_config(runs)).encoder;
    std::ofstream out(path);
    for (int32_t id = 2; id < vocabulary.size(); id += 2) {
      out << vocabulary.token(id);
      for (int i = 0; i < kWidth; ++i) out << ' ' << id + 0.25 * i;
      out << '\n';
    }
  }
  std::string path;
  TextEncoder vocabulary;
};

Tensor tensor(const TensorFile& file, const std::string& name) {
  const Tensor* found = file.find(name);
  REQUIRE_MESSAGE(found != nullptr, name);
  return *found;
}

std::vector<float> embedding_of(const TextClassifier& model) {
  return tensor(model.state(), "embedding.weight").to_vector<float>();
}

// The command of a small run that says nothing of the embedding's width.
Arguments train(const Runs& runs, const std::string& out, const Arguments& more) {
  Arguments arguments = runs.train(out);
  const auto flag = std::find(arguments.begin(), arguments.end(), "--embedding");
  REQUIRE(flag != arguments.end());
  arguments.erase(flag, flag + 2);
  return arguments + more;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the embedding of a new run holds the words' vectors, as does the average of its weights") {
  const Runs runs;
  const VectorFile file(runs);
  TrainConfig config = small_config(runs);
  config.glove = file.path;
  config.ema = 0.9;
  for (const bool frozen : {false, true}) {
    config.freeze_embedding = frozen;
    const TextData data = load_text_data(config);
    const Trainer trainer(config, data);
    const std::vector<float> weight = embedding_of(trainer.model());
    CHECK(weight == data.vectors->glove.values);
    CHECK(weight == embedding_of(*trainer.averaged()));
    bool right = true;
    for (int32_t id = 2; id < file.vocabulary.size(); id += 2)
      for (int i = 0; i < kWidth; ++i)
        right &= weight[static_cast<size_t>(id * kWidth + i)] == static_cast<float>(id + 0.25 * i);
    CHECK(right);
    CHECK(data.vectors->words == file.vocabulary.size() - 2);
    CHECK(data.vectors->as_written + data.vectors->lower_cased >= (file.vocabulary.size() - 2) / 2);
  }
}

TEST_CASE("the share of running tokens counts the training tokens whose word has a vector") {
  const Runs runs;
  TrainConfig config = small_config(runs);
  const VectorFile file(runs);
  config.glove = file.path;
  const TextData data = load_text_data(config);
  std::map<std::string, int32_t> id_of;
  for (int32_t id = 2; id < data.encoder.size(); ++id) id_of[data.encoder.token(id)] = id;
  int64_t tokens = 0, covered = 0;
  for (const auto& sequence : data.train.sequences)
    for (const int32_t id : sequence) {
      ++tokens;
      if (id < 2) continue;
      std::string word = data.encoder.token(id);
      const bool even = id % 2 == 0;
      for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      const auto lower = id_of.find(word);
      covered += even || (lower != id_of.end() && lower->second % 2 == 0);
    }
  CHECK(data.vectors->token_share ==
        doctest::Approx(static_cast<double>(covered) / static_cast<double>(tokens)));
  CHECK(covered < tokens);
}

TEST_CASE("a frozen embedding has neither gradient nor optimizer state, and stays as it was") {
  const Runs runs;
  const VectorFile file(runs);
  runs.trained("free", {"--glove", file.path, "--embedding", "6"});
  const Outcome frozen =
      runs.trained("frozen", {"--glove", file.path, "--embedding", "6", "--freeze-embedding"});
  CHECK(has(frozen.out, "the embedding is frozen: it keeps its vectors"));

  TrainConfig config = small_config(runs);
  config.glove = file.path;
  config.freeze_embedding = true;
  const TextData data = load_text_data(config);
  const TensorFile end = read_safetensors(runs.path("frozen/last.safetensors"));
  CHECK(tensor(end, "embedding.weight").to_vector<float>() == data.vectors->glove.values);
  const TensorFile moved = read_safetensors(runs.path("free/last.safetensors"));
  CHECK(tensor(moved, "embedding.weight").to_vector<float>() != data.vectors->glove.values);

  const TensorFile checkpoint = read_safetensors(runs.path("frozen/last.ckpt.safetensors"));
  CHECK(checkpoint.find("model.embedding.weight") != nullptr);
  CHECK(checkpoint.find("fc.weight.exp_avg") != nullptr);
  CHECK(checkpoint.find("embedding.weight.exp_avg") == nullptr);
  const auto ends = [&](const char* run) {
    return events_in(runs.bytes(std::string(run) + "/log.jsonl")).back();
  };
  const int64_t bytes = data.encoder.size() * kWidth * 4;
  const auto tag = [&](const char* run, const char* name) {
    return ends(run).at("max_by_tag").at(name).get<int64_t>();
  };
  CHECK(tag("free", "gradients") - tag("frozen", "gradients") >= bytes);
  CHECK(tag("free", "optimizer_state") - tag("frozen", "optimizer_state") >= 2 * bytes);
  CHECK(tag("free", "weights") == tag("frozen", "weights"));
  CHECK(ends("frozen").at("val_loss").get<double>() < 0.65);  // it learns all the same

  const Outcome eval = run_octet({"eval", runs.path("frozen"), "--json"});
  CHECK(eval.status == 0);
  CHECK(has(eval.out, "\"accuracy\""));
}

TEST_CASE("a run says what its vectors cover, takes their width and keeps their SHA-256") {
  const Runs runs;
  const VectorFile file(runs);
  const Outcome outcome = run_process(train(runs, "run", {"--glove", file.path}));
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const int64_t words = file.vocabulary.size() - 2;
  CHECK(has(outcome.out, "of " + format_count(words) + " words have a vector ("));
  CHECK(has(outcome.out, "% of the training tokens, from " + file.path));
  const Json start = events_in(runs.bytes("run/log.jsonl")).front();
  const std::string sha256 = sha256_file(file.path);
  CHECK(start.at("embedding") == kWidth);
  CHECK(start.at("glove") == file.path);
  CHECK(start.at("glove_sha256") == sha256);
  CHECK(start.at("glove_words") == words);
  CHECK(start.at("glove_as_written").get<int64_t>() == (words + 1) / 2);
  CHECK(start.at("glove_lower_cased").get<int64_t>() >= 0);
  CHECK(start.at("glove_token_share").get<double>() > 0.2);
  const std::string settings = runs.bytes("run/config.toml");
  CHECK(has(settings, "\nembedding = 6\n"));
  CHECK(has(settings, "# glove_sha256 \"" + sha256 + "\"\n"));
  CHECK(read_safetensors(runs.path("run/last.ckpt.safetensors")).metadata.at("glove_sha256") == sha256);
}

TEST_CASE("a run with word vectors that was stopped goes on without their file, to the same bytes") {
  const Runs runs;
  const VectorFile file(runs);
  const Arguments flags = {"--glove",         file.path, "--freeze-embedding", "--state", "blockwise8",
                           "--min-8bit-size", "64"};
  const Arguments whole = train(runs, "whole", flags);
  REQUIRE(run_process(whole).status == 0);
  RunningProcess process(train(runs, "run", flags));
  CHECK(process.read_until("epoch 2/3  step 5/"));
  process.signal(SIGINT);
  REQUIRE(process.finish().status == 130);

  const Outcome other = run_octet({"train", "--resume", runs.path("run"), "--glove", runs.data()});
  CHECK(other.status != 0);
  fs::remove(file.path);
  const Outcome resumed = run_octet({"train", "--resume", runs.path("run")});
  INFO(resumed.err);
  REQUIRE(resumed.status == 0);
  check_same_run(runs.path("whole"), runs.path("run"));
  CHECK(read_safetensors(runs.path("run/last.ckpt.safetensors")).metadata.count("glove_sha256") == 1);
}

TEST_CASE("an embedding may be frozen without vectors, and the run says that they are random") {
  const Runs runs;
  const Outcome outcome = runs.trained("run", {"--freeze-embedding", "--embedding-layer", "stable"});
  CHECK(has(outcome.out, "the embedding is frozen: it keeps its random vectors, as no --glove is given"));
  const TensorFile checkpoint = read_safetensors(runs.path("run/last.ckpt.safetensors"));
  CHECK(checkpoint.find("embedding.weight.exp_avg") == nullptr);
  CHECK(checkpoint.find("embedding.norm.weight.exp_avg") != nullptr);  // the norm is trained
}

TEST_CASE("the memory of a frozen embedding is predicted as it is then measured") {
  const Runs runs;
  const VectorFile file(runs);
  const Arguments flags = {"--glove", file.path, "--freeze-embedding", "--json"};
  Arguments arguments = train(runs, "run", flags);
  arguments[1] = "memory";
  const Outcome predicted = run_process(arguments);
  INFO(predicted.err);
  REQUIRE(predicted.status == 0);
  REQUIRE(run_process(train(runs, "run", flags)).status == 0);
  const Json said = events_in(predicted.out).at(0), measured = events_in(runs.bytes("run/log.jsonl")).back();
  for (const char* tag : {"weights", "gradients", "optimizer_state"})
    CHECK(said.at("predicted_by_tag").at(tag) == measured.at("peak_by_tag").at(tag));
}

TEST_CASE("word vectors that do not fit are refused before anything is written") {
  const Runs runs;
  const VectorFile file(runs);
  const auto refused = [&](const Arguments& more, int status, const std::string& message) {
    const Outcome outcome = run_process(train(runs, "run", more));
    INFO(outcome.err);
    CHECK(outcome.status == status);
    CHECK(has(outcome.err, message));
    CHECK(outcome.err.starts_with("octet: "));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    CHECK(!fs::exists(runs.path("run")));
  };
  refused({"--glove", runs.path("none.txt")}, 3, "none.txt: no such file");
  refused({"--glove", runs.path("none.txt"), "--embedding=6"}, 3, "none.txt: no such file");
  refused(
      {"--glove", file.path, "--embedding", "100"}, 3,
      file.path + ": vectors of 6 dimensions, but --embedding is 100; leave it out or give --embedding 6");
  write_file(runs.path("bad.txt"), "the 1 2\nof 1 x\n");
  refused({"--glove", runs.path("bad.txt")}, 3, "bad.txt, line 2: column 3, 'x', is not a finite number");
  write_file(runs.path("empty.txt"), "");
  refused({"--glove", runs.path("empty.txt")}, 3, "empty.txt: the file is empty");
  refused({"--glove", runs.data()}, 3, "data.txt, line 1");
}
