// octet train text: models, classes, weights, what is read of a text, stopping, the best epoch, test rows.
#include <algorithm>
#include <csignal>
#include <tuple>

#include "core/rng.h"
#include "tests/tools/html_check.h"
#include "tests/tools/own_texts.h"

using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

const std::vector<std::pair<std::string, int>> kSix = {{"anger", 60},      {"disgust", 25}, {"fear", 40},
                                                       {"<b>joy</b>", 90}, {"sadness", 50}, {"surprise", 35}};

// The epochs of a run's log.
std::vector<Json> epochs_of(const std::vector<Json>& events) {
  std::vector<Json> epochs;
  for (const Json& event : events)
    if (event["event"] == "epoch") epochs.push_back(event);
  return epochs;
}

// The first epoch with the largest value.
int64_t best_by(const std::vector<Json>& epochs, const char* key, double sign) {
  size_t best = 0;
  for (size_t i = 1; i < epochs.size(); ++i)
    if (sign * epochs[i][key].get<double>() > sign * epochs[best][key].get<double>()) best = i;
  return epochs[best]["epoch"];
}

}  // namespace

TEST_CASE("every model learns six unbalanced classes; eval and predict answer with all of them") {
  const TextRuns runs;
  const std::string data = runs.file("six.csv", as_csv(own_texts(kSix)));
  const std::vector<OwnText> other = own_texts(
      {{"anger", 20}, {"disgust", 20}, {"fear", 20}, {"<b>joy</b>", 20}, {"sadness", 20}, {"surprise", 20}},
      2);
  const std::string beside = runs.file("other.csv", as_csv(other));
  std::string lines;
  for (const OwnText& row : other) {
    std::string text = row.text;
    std::replace(text.begin(), text.end(), '\n', ' ');
    lines += text + "\n";
  }
  for (const std::string model : {"bag", "lstm", "bilstm"}) {
    CAPTURE(model);
    const std::string out = runs.train(model, {"--data", data, "--model", model, "--epochs", "12"});
    const std::vector<Json> events = runs.events(model);
    CHECK(events.front()["labels"].size() == 6);
    CHECK(events.back()["val_accuracy"].get<double>() > 0.7);  // one in ten texts has none of its words
    CHECK(epochs_of(events).back()["train_loss"] < epochs_of(events).front()["train_loss"]);

    const Json last = runs.eval(model, {"--weights", "last"});
    CHECK(last["loss"] == events.back()["val_loss"]);
    CHECK(last["accuracy"] == events.back()["val_accuracy"]);
    CHECK(last["macro_f1"] == epochs_of(events).back()["macro_f1"]);
    CHECK(last["weighted_f1"] == epochs_of(events).back()["weighted_f1"]);
    const auto rows = [&](const char* part) { return runs.eval(model, {"--rows", part})["rows"].get<int>(); };
    CHECK(rows("train") == 240);
    CHECK(rows("validation") == 60);
    CHECK(rows("all") == 300);

    const Json answered = runs.eval(model, {"--data", beside});
    CHECK(answered["part"] == "all");
    CHECK(answered["rows"] == 120);
    CHECK(answered["accuracy"].get<double>() > 0.7);
    int64_t in_matrix = 0;
    for (const Json& row : answered["confusion"])
      for (const Json& count : row) in_matrix += count.get<int64_t>();
    CHECK(in_matrix == 120);
    const Outcome predicted = run_octet({"predict", runs.path(model), "--json", "-"}, {}, lines);
    CHECK(predicted.status == 0);
    const std::vector<Json> answers = events_in(predicted.out);
    REQUIRE(answers.size() == other.size());
    int right = 0;
    std::vector<std::string> named;
    for (size_t i = 0; i < answers.size(); ++i) {
      right += answers[i]["label"] == other[i].label;
      named.push_back(answers[i]["label"]);
      CHECK(answers[i]["probability"].get<double>() >= 1.0 / 6);
      CHECK(answers[i]["probability"].get<double>() <= 1);
    }
    CHECK(right / 120.0 == doctest::Approx(answered["accuracy"].get<double>()).epsilon(0.02));
    std::sort(named.begin(), named.end());
    CHECK(std::unique(named.begin(), named.end()) - named.begin() == 6);

    // At the end a person sees where it goes wrong, in few lines.
    const size_t about = out.find("after the last epoch, on 60 validation rows:\n");
    REQUIRE(about != std::string::npos);
    const std::string end = out.substr(about, out.find("best epoch", about) - about);
    CHECK(end.find("label \\ answer") != std::string::npos);
    CHECK(end.find("most wrong: ") != std::string::npos);
    CHECK(std::count(end.begin(), end.end(), '\n') <= 13);
    CHECK(html_fault(runs.bytes(model + "/report.html")).empty());
  }
  const Outcome table = run_octet({"eval", runs.path("bag")});
  CHECK(table.out.find("macro F1 ") != std::string::npos);
  CHECK(table.out.find("surprise") != std::string::npos);
}

TEST_CASE("of many classes the most frequent mistakes are told instead of a matrix, still in few lines") {
  const TextRuns runs;
  std::vector<std::pair<std::string, int>> labels;
  for (int i = 0; i < 15; ++i) labels.emplace_back(std::to_string(i), 12);
  const std::string data = runs.file("many.csv", as_csv(own_texts(labels)));
  const std::string out = runs.train("run", {"--data", data, "--model", "bag", "--epochs", "2"});
  CHECK(runs.events("run").front()["labels"][10] == "10");  // sorted as numbers
  CHECK(out.find("label \\ answer") == std::string::npos);
  CHECK(out.find("most frequent mistakes: ") != std::string::npos);
}

TEST_CASE("balanced class weights find a rare class that goes unseen without them") {
  const TextRuns runs;
  const std::string data = runs.file("rare.csv", as_csv(own_texts({{"common", 570}, {"rare", 30}})));
  const Arguments flags = {"--data", data, "--model", "bag", "--epochs", "12", "--lr", "0.003"};
  runs.train("plain", flags);
  const std::string out = runs.train("weighed", flags + Arguments{"--class-weights", "balanced"});
  const Json plain = runs.eval("plain", {"--weights", "last"}),
             weighed = runs.eval("weighed", {"--weights", "last"});
  CHECK(plain["labels"]["rare"]["recall"] == 0);
  CHECK(weighed["labels"]["rare"]["recall"].get<double>() >= 0.8);
  CHECK(weighed["macro_f1"].get<double>() > plain["macro_f1"].get<double>());
  // In validation every row counts alike.
  CHECK(weighed["loss"] == runs.events("weighed").back()["val_loss"]);
}

TEST_CASE("--max-words keeps the most frequent words, --min-freq those seen often enough") {
  const TextRuns runs;
  const std::string data = runs.file("data.csv", as_csv(own_texts({{"bad", 60}, {"good", 90}})));
  const auto vocabulary = [&](const std::string& out, const Arguments& flags) {
    runs.train(out, Arguments{"--data", data, "--model", "bag", "--epochs", "1"} + flags);
    return runs.events(out).front()["vocabulary"].get<int>();
  };
  const int all = vocabulary("all", {"--min-freq", "1"});
  CHECK(vocabulary("ten", {"--max-words", "10"}) == 12);  // and two specials
  CHECK(vocabulary("often", {"--min-freq", "40"}) < all);
  CHECK(runs.bytes("all/vocab.txt").starts_with(runs.bytes("ten/vocab.txt")));
}

TEST_CASE("--max-length reads the end of a text that --keep names") {
  const TextRuns runs;
  std::vector<OwnText> texts = own_texts({{"bad", 60}, {"good", 90}});
  octet::Rng rng(3);
  for (OwnText& row : texts) {  // the word that tells comes last
    row.text.clear();
    for (int i = 0; i < 12; ++i) row.text += "word" + std::to_string(rng.below(20)) + " ";
    row.text += row.label + "word";
  }
  const std::string data = runs.file("data.csv", as_csv(texts));
  const auto accuracy = [&](const std::string& keep) {
    runs.train(keep, {"--data", data, "--model", "bag", "--max-length", "4", "--keep", keep});
    const Json same = runs.eval(keep, {"--weights", "last"});
    CHECK(same["loss"] == runs.events(keep).back()["val_loss"]);
    return same["accuracy"].get<double>();
  };
  CHECK(accuracy("last") == 1);
  CHECK(accuracy("first") < 0.8);
  const Outcome cut = run_octet({"predict", runs.path("last"), "badword word1 word1 word1 word1 goodword"});
  CHECK(cut.out.starts_with("good\t"));
}

TEST_CASE("--padding left fills texts up in training, evaluation and prediction alike") {
  const TextRuns runs;
  const std::string data = runs.file("data.csv", as_csv(own_texts({{"bad", 60}, {"good", 90}})));
  runs.train("none", {"--data", data, "--model", "lstm", "--max-length", "20"});
  runs.train("left", {"--data", data, "--model", "lstm", "--max-length", "20", "--padding", "left"});
  CHECK(runs.events("left").back()["val_accuracy"].get<double>() > 0.8);
  CHECK((runs.bytes("left/last.safetensors") != runs.bytes("none/last.safetensors")));
  CHECK(runs.eval("left", {"--weights", "last"})["loss"] == runs.events("left").back()["val_loss"]);
  // What is beside a text in its batch has no part in its answer.
  const std::string longer = "a-own1 word3 a-own2 word1 word2 word4 word7 word9";
  const auto first_line = [](const std::string& out) { return out.substr(0, out.find('\n')); };
  CHECK(first_line(run_octet({"predict", runs.path("left"), "b-own1", longer}).out) ==
        first_line(run_octet({"predict", runs.path("left"), "b-own1"}).out));
}

TEST_CASE("shuffled batches are others than bucketed ones, of texts of any length") {
  const TextRuns runs;
  const std::string data = runs.file("data.csv", as_csv(own_texts({{"bad", 60}, {"good", 90}})));
  for (const std::string batching : {"bucketed", "shuffled"}) {
    runs.train(batching, {"--data", data, "--batching", batching});
    CHECK(runs.events(batching).back()["val_accuracy"].get<double>() > 0.8);
    CHECK(runs.events(batching).back()["steps"] == 6 * 8);
  }
  CHECK((runs.bytes("bucketed/last.safetensors") != runs.bytes("shuffled/last.safetensors")));
}

TEST_CASE("--patience ends a run that grows no better, also one that was stopped before") {
  const TextRuns runs;
  // Labels that nothing tells apart: only the training rows can be learned.
  std::vector<OwnText> texts = own_texts({{"bad", 150}});
  for (size_t i = 0; i < texts.size(); ++i) texts[i].label = i % 2 ? "bad" : "good";
  const std::string data = runs.file("data.csv", as_csv(texts));
  const Arguments flags = {"--data", data, "--epochs", "60", "--patience", "3"};
  runs.train("whole", flags);
  const Json end = runs.events("whole").back();
  CHECK(end["status"] == "ok");
  CHECK(end["epochs"].get<int>() == end["best_epoch"].get<int>() + 3);
  CHECK(end["epochs"].get<int>() < 60);
  CHECK(end["best_epoch"] == best_by(epochs_of(runs.events("whole")), "val_loss", -1));

  RunningProcess process(runs.command("parts", flags));
  CHECK(process.read_until("epoch " + end["best_epoch"].dump() + "/60  step 3/"));
  process.signal(SIGINT);
  CHECK(process.finish().status == 130);
  const auto resume = [&] { return run_octet({"train", "--resume", runs.path("parts")}); };
  CHECK(resume().status == 0);
  check_same_run(runs.path("whole"), runs.path("parts"));
  const Outcome over = resume();  // nothing is left to do
  CHECK(over.status == 0);
  CHECK(over.out.find("  train loss ") == std::string::npos);
  check_same_run(runs.path("whole"), runs.path("parts"));
}

TEST_CASE("best.safetensors is of the epoch that --best-by says") {
  const TextRuns runs;
  const std::string data = runs.file("six.csv", as_csv(own_texts(kSix)));
  for (const auto& [by, key, sign] : {std::tuple{"loss", "val_loss", -1.0},
                                      {"accuracy", "val_accuracy", 1.0},
                                      {"macro-f1", "macro_f1", 1.0}}) {
    CAPTURE(by);
    runs.train(by, {"--data", data, "--model", "bag", "--epochs", "25", "--lr", "0.05", "--best-by", by});
    const std::vector<Json> epochs = epochs_of(runs.events(by));
    const int64_t best = best_by(epochs, key, sign);
    CHECK(runs.events(by).back()["best_epoch"] == best);
    CHECK(best < 25);  // else it would be the last in any case
    const Json& epoch = epochs[static_cast<size_t>(best - 1)];
    const Json result = runs.eval(by);
    CHECK(result["loss"] == epoch["val_loss"]);
    CHECK(result["accuracy"] == epoch["val_accuracy"]);
    CHECK(result["macro_f1"] == epoch["macro_f1"]);
  }
}

TEST_CASE("a run that was stopped goes on to the bytes of one that never was") {
  const TextRuns runs;
  const std::string data = runs.file("six.csv", as_csv(own_texts(kSix)));
  const Arguments flags = {"--data",          data,       "--model",         "bilstm",
                           "--epochs",        "3",        "--class-weights", "balanced",
                           "--best-by",       "macro-f1", "--state",         "blockwise8",
                           "--min-8bit-size", "0",        "--test-share",    "0.2",
                           "--batching",      "shuffled", "--max-length",    "6"};
  runs.train("whole", flags);
  RunningProcess process(runs.command("parts", flags));
  CHECK(process.read_until("epoch 2/3  step 2/"));
  process.signal(SIGINT);
  CHECK(process.finish().status == 130);
  CHECK(runs.events("parts").back()["status"] == "interrupted");
  for (const Json& event : runs.events("parts")) CHECK(event["event"] != "test");  // at the end only
  CHECK(run_octet({"train", "--resume", runs.path("parts")}).status == 0);
  check_same_run(runs.path("whole"), runs.path("parts"));
}

TEST_CASE("rows put aside are answered once, at the end, by the best weights") {
  const TextRuns runs;
  const std::string data = runs.file("six.csv", as_csv(own_texts(kSix))),
                    test = runs.file("test.csv", as_csv(own_texts(kSix, 5))),
                    validation = runs.file("validation.csv", as_csv(own_texts(kSix, 7)));
  const Arguments flags = {"--data", data, "--model", "bag", "--epochs", "8", "--lr", "0.05"};
  const auto check = [&](const std::string& out, const Arguments& more, const Arguments& the_same, int rows) {
    CAPTURE(out);
    const std::string printed = runs.train(out, flags + more);
    const std::vector<Json> events = runs.events(out);
    REQUIRE(events.size() == 11);
    const Json &event = events[9], result = runs.eval(out, the_same);
    CHECK(event["event"] == "test");
    CHECK(events[10]["event"] == "end");
    CHECK(event.size() == 7);
    CHECK(event["weights"] == "best");
    CHECK(event["rows"] == rows);
    for (const char* key : {"rows", "loss", "accuracy", "macro_f1", "weighted_f1"})
      CHECK(event[key] == result[key]);
    CHECK(printed.find("test, " + std::to_string(rows) + " rows, best weights: loss ") != std::string::npos);
    const std::string page = runs.bytes(out + "/report.html");
    CHECK(page.find("test accuracy") != std::string::npos);
    CHECK(page.find("<h2>Test</h2>") != std::string::npos);
    CHECK(html_fault(page).empty());
    const Outcome report = run_octet({"report", runs.path(out)});
    CHECK(report.out.find("test accuracy") != std::string::npos);
    CHECK(report.err == "");
  };
  check("share", {"--test-share", "0.25"}, {"--rows", "test"}, 75);
  const Json start = runs.events("share").front();
  CHECK(start["validation_rows"] == 60);  // shares are of all rows
  CHECK(start["train_rows"] == 165);
  CHECK(start["test_rows"] == 75);
  CHECK(runs.eval("share", {"--rows", "all"})["rows"] == 300);
  check("file", {"--test-data", test}, {"--data", test}, 300);
  check("files", {"--test-data", test, "--validation-data", validation}, {"--rows", "test"}, 300);
  const Json files = runs.events("files").front();
  CHECK(files["train_rows"] == 300);
  CHECK(files["validation_rows"] == 300);
  CHECK(runs.eval("files", {"--weights", "last"})["loss"] ==
        runs.eval("files", {"--data", validation, "--weights", "last"})["loss"]);
  runs.train("none", flags);
  for (const Json& event : runs.events("none")) CHECK(event["event"] != "test");
  CHECK(runs.bytes("none/report.html").find("test accuracy") == std::string::npos);
}
