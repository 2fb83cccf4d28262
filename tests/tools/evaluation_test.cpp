// octet eval, predict, memory and report on finished runs.
#include <sys/stat.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/tools/small_run.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

// One trained run for all cases that only read it.
const Runs& trained_once() {
  static const Runs runs;
  static const bool trained = (runs.trained("run", {"--epochs", "6"}), true);
  (void)trained;
  return runs;
}

Json eval(const Runs& runs, const Arguments& more) {
  const Outcome outcome = run_octet(Arguments{"eval", runs.path("run"), "--json"} + more);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return events_in(outcome.out).at(0);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

Outcome predict(const Arguments& more, const std::string& in = "") {
  return run_octet(Arguments{"predict", trained_once().path("run")} + more, {}, in);
}

// The texts of the corpus, without their labels.
std::vector<std::string> texts() {
  std::vector<std::string> texts = lines_of(trained_once().bytes("data.txt"));
  for (std::string& text : texts) text.erase(0, text.find('\t') + 1);
  return texts;
}

}  // namespace

TEST_CASE("eval of the last and the best weights gives the log's loss and accuracy of their epochs") {
  const Runs& runs = trained_once();
  const std::vector<Json> events = events_in(runs.bytes("run/log.jsonl"));
  const Json& end = events.back();
  const Json last = eval(runs, {"--weights", "last"});
  CHECK(last["loss"] == end["val_loss"]);
  CHECK(last["accuracy"] == end["val_accuracy"]);
  CHECK(last["rows"] == events[0]["validation_rows"]);
  CHECK(last["generated"] == false);
  const Json& best_epoch = events[end["best_epoch"].get<size_t>()];
  const Json best = eval(runs, {});
  CHECK(best["weights"] == "best");
  CHECK(best["loss"] == best_epoch["val_loss"]);
  CHECK(best["accuracy"] == best_epoch["val_accuracy"]);
  CHECK(eval(runs, {"--threads", "1"})["loss"] == best["loss"]);
}

TEST_CASE("the confusion table adds up to the rows, the accuracy and the scores of each label") {
  const Runs& runs = trained_once();
  int64_t rows = 0;
  for (const std::string part : {"validation", "train", "all"}) {
    CAPTURE(part);
    const Json result = eval(runs, {"--rows", part});
    const auto c = result["confusion"].get<std::vector<std::vector<double>>>();
    const double all = c[0][0] + c[0][1] + c[1][0] + c[1][1];
    CHECK(all == result["rows"].get<double>());
    CHECK(result["accuracy"].get<double>() == doctest::Approx((c[0][0] + c[1][1]) / all));
    REQUIRE(c[1][1] > 0);  // it has learned something
    const double precision = c[1][1] / (c[0][1] + c[1][1]), recall = c[1][1] / (c[1][0] + c[1][1]);
    CHECK(result["labels"]["spam"]["precision"].get<double>() == doctest::Approx(precision));
    CHECK(result["labels"]["spam"]["recall"].get<double>() == doctest::Approx(recall));
    CHECK(result["labels"]["spam"]["f1"].get<double>() ==
          doctest::Approx(2 * precision * recall / (precision + recall)));
    if (part == "all") CHECK(result["rows"] == rows);
    rows += result["rows"].get<int64_t>();
  }
  const Outcome table = run_octet({"eval", runs.path("run")});
  CHECK(table.status == 0);
  CHECK(table.out.find("best weights of " + runs.path("run") + " on ") != std::string::npos);
  CHECK(table.out.find("precision") != std::string::npos);
}

TEST_CASE("eval runs on other data with the vocabulary of the run") {
  const Runs& runs = trained_once();
  write_file(runs.path("other.txt"), small_corpus(300, 9));
  const Json result = eval(runs, {"--data", runs.path("other.txt"), "--rows", "all"});
  CHECK(result["rows"] == 300);
  CHECK(result["data_source"] == runs.path("other.txt"));
}

TEST_CASE("predict gives label, probability and text, the same from arguments, a file and standard input") {
  const std::vector<std::string> all = texts();
  const std::vector<std::string> some(all.begin(), all.begin() + 150);
  std::string file;
  for (const std::string& text : some) file += text + "\n";
  const std::string path = trained_once().path("texts.txt");
  write_file(path, file);
  const Outcome by_file = predict({"--file", path}), by_input = predict({"-"}, file);
  CHECK(by_file.status == 0);
  CHECK(by_file.out == by_input.out);
  const Outcome by_argument = predict(Arguments{"--"} + some);
  CHECK(by_argument.err == "");
  CHECK(by_argument.out == by_file.out);
  const std::vector<std::string> lines = lines_of(by_file.out);
  REQUIRE(lines.size() == some.size());
  const std::vector<std::string> corpus = lines_of(trained_once().bytes("data.txt"));
  int right = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t first = lines[i].find('\t'), second = lines[i].find('\t', first + 1);
    REQUIRE(second != std::string::npos);
    const std::string label = lines[i].substr(0, first);
    const double probability = std::stod(lines[i].substr(first + 1, second - first - 1));
    CHECK((label == "ham" || label == "spam"));
    CHECK(probability >= 0.5);
    CHECK(probability <= 1);
    CHECK(lines[i].substr(second + 1) == some[i]);
    right += corpus[i].starts_with(label + "\t");
  }
  CHECK(right > 120);

  const Outcome json = predict({"--json", "--file", path});
  const std::vector<Json> objects = events_in(json.out);
  REQUIRE(objects.size() == some.size());
  for (size_t i = 0; i < objects.size(); ++i) {
    CHECK(objects[i]["text"] == some[i]);
    CHECK(lines[i].starts_with(objects[i]["label"].get<std::string>() + "\t"));
    CHECK(objects[i]["probability"].get<double>() ==
          doctest::Approx(std::stod(lines[i].substr(lines[i].find('\t') + 1))).epsilon(1e-3));
  }
}

TEST_CASE("predict takes an empty line, a line without its end, CRLF and a very long text") {
  const Outcome empty = predict({"-"}, "\nhello\r\n\nlast");
  CHECK(empty.status == 0);
  const std::vector<std::string> lines = lines_of(empty.out);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == lines[2]);
  CHECK(lines[1].ends_with("\thello"));
  CHECK(lines[3].ends_with("\tlast"));
  write_file(trained_once().path("crlf.txt"), "\nhello\r\n\nlast");
  CHECK(predict({"--file", trained_once().path("crlf.txt")}).out == empty.out);
  CHECK(predict({""}).out == lines[0] + "\n");
  CHECK(predict({"-"}, "").out == "");

  std::string text;
  while (text.size() < 200000) text += "call now to win a prize ";
  const Outcome outcome = predict({"-"}, text + "\n");
  CHECK(outcome.status == 0);
  CHECK(lines_of(outcome.out).size() == 1);
}

TEST_CASE("predict answers a pipe line by line") {
  const std::string pipe = trained_once().path("pipe");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  RunningProcess process({"/bin/sh", "-c", "exec \"$0\" predict \"$1\" - < \"$2\"", octet_program(),
                          trained_once().path("run"), pipe});
  std::ofstream in(pipe);
  in << "one\n" << std::flush;
  CHECK(process.read_until("\tone\n"));  // the answer comes although the input has not ended
  in << "two\n" << std::flush;
  CHECK(process.read_until("\ttwo\n"));
  in.close();
  CHECK(process.finish().status == 0);
}

TEST_CASE("predict names the place and byte of invalid UTF-8, after answering what came before") {
  const Outcome outcome = predict({"-"}, "good\nbad \xFF\xFE\nunread\n");
  CHECK(outcome.status == 3);
  CHECK(outcome.err ==
        "octet: standard input, line 2: invalid UTF-8 at byte 4; convert the text to UTF-8 first\n");
  CHECK(lines_of(outcome.out).size() == 1);
  const std::string path = trained_once().path("bad.txt");
  write_file(path, "a\nb\n\xC3\n");
  CHECK(predict({"--file", path}).err ==
        "octet: " + path + ":3: invalid UTF-8 at byte 0; convert the text to UTF-8 first\n");
  CHECK(predict({"a", "b\x80"}).err ==
        "octet: text 2: invalid UTF-8 at byte 1; convert the text to UTF-8 first\n");
}

TEST_CASE("predict refuses what it cannot read, and ends quietly when its reader does") {
  CHECK(predict({}).status == 2);
  CHECK(predict({"--file", "x", "text"}).status == 2);
  CHECK(predict({"--file", trained_once().path("none.txt")}).status == 3);
  write_file(trained_once().path("empty.txt"), "");
  CHECK(predict({"--file", trained_once().path("empty.txt")}).err ==
        "octet: " + trained_once().path("empty.txt") + ": the file is empty\n");
  CHECK(predict({"--weights", "bset", "x"}).err ==
        "octet: unknown weights 'bset', did you mean 'best'? Known: best, last\n");

  std::string file;
  for (int i = 0; i < 3; ++i)
    for (const std::string& text : texts()) file += text + "\n";
  write_file(trained_once().path("many.txt"), file);
  RunningProcess process(
      {octet_program(), "predict", trained_once().path("run"), "--file", trained_once().path("many.txt")});
  CHECK(process.read_until("\n"));
  process.close_output();
  const Outcome outcome = process.finish();
  CHECK(outcome.status == 128 + SIGPIPE);
  CHECK(outcome.err == "");
}

TEST_CASE("memory predicts what a run then measures, tag by tag") {
  const Runs& runs = trained_once();
  struct Case {
    const char* name;
    Arguments flags;
  };
  const Case cases[] = {{"fp32", {}},
                        {"blockwise8", {"--state", "blockwise8", "--min-8bit-size", "0", "--hidden", "40"}},
                        {"bf16", {"--state", "bf16", "--batch-size", "100", "--layers", "1"}},
                        {"weights", {"--weight-dtype", "bf16", "--min-8bit-size", "64"}},
                        {"one-batch", {"--batch-size", "1000", "--epochs", "1"}},
                        {"features",
                         {"--state", "blockwise8", "--ema", "0.9", "--accumulate", "3", "--embedding-layer",
                          "stable", "--clip-percentile", "50"}}};
  for (const Case& c : cases) {
    CAPTURE(c.name);
    runs.trained(c.name, c.flags);
    const Json end = events_in(runs.bytes(std::string(c.name) + "/log.jsonl")).back();
    Arguments arguments = runs.train("never", c.flags + Arguments{"--json"});
    arguments[1] = "memory";
    const Outcome outcome = run_process(arguments);
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    CHECK(!fs::exists(runs.path("never")));
    const Json predicted = events_in(outcome.out).at(0);
    int64_t sum = 0;
    for (const auto& item : predicted["predicted_by_tag"].items()) {
      CAPTURE(item.key());
      const auto measured = end["peak_by_tag"].at(item.key()).get<double>(),
                 error = item.value().get<double>() - measured;
      CHECK(std::abs(error) <= std::max(0.02 * measured, 65536.0));
      sum += item.value().get<int64_t>();
    }
    CHECK(sum == predicted["predicted_peak"].get<int64_t>());
    CHECK(predicted["predicted_peak"].get<double>() ==
          doctest::Approx(end["peak_bytes"].get<double>()).epsilon(0.02));
  }
  Arguments arguments = runs.train("never");
  arguments[1] = "memory";
  const std::string table = run_process(arguments).out;
  CHECK(table.find("optimizer_state") != std::string::npos);
  CHECK(table.find("optimizer state: 8.00 bytes a parameter") != std::string::npos);
}

TEST_CASE("report puts runs side by side") {
  const Runs& runs = trained_once();
  runs.trained("eight", {"--state", "blockwise8", "--min-8bit-size", "0", "--epochs", "2"});
  const Outcome outcome = run_octet({"report", runs.path("run"), runs.path("eight") + "/"});
  CHECK(outcome.status == 0);
  const std::vector<std::string> lines = lines_of(outcome.out);
  const auto row = [&](const std::string& name) {
    for (const std::string& line : lines)
      if (line.starts_with(name + " ")) {
        std::istringstream in(line.substr(18));
        std::vector<std::string> cells;
        for (std::string cell; in >> cell;) cells.push_back(cell);
        return cells;
      }
    return std::vector<std::string>{};
  };
  const auto end = [&](const char* run) {
    return events_in(runs.bytes(std::string(run) + "/log.jsonl")).back();
  };
  char loss[2][32];
  std::snprintf(loss[0], 32, "%.4f", end("run")["val_loss"].get<double>());
  std::snprintf(loss[1], 32, "%.4f", end("eight")["val_loss"].get<double>());
  CHECK(row("run") == std::vector<std::string>{"run", "eight"});
  CHECK(row("state") == std::vector<std::string>{"fp32", "blockwise8"});
  CHECK(row("epochs") == std::vector<std::string>{"6", "2"});
  CHECK(row("status") == std::vector<std::string>{"ok", "ok"});
  CHECK(row("val loss") == std::vector<std::string>{loss[0], loss[1]});
  for (const char* tag : {"weights", "gradients", "optimizer_state", "activations", "workspace", "data"})
    CHECK_MESSAGE(row(tag).size() == 4, tag);  // a number and a unit each
  CHECK(row("weights")[0] == row("gradients")[0]);
  CHECK(lines.back() == "moments and may add up to more than the peak.");
}

TEST_CASE("report names what is wrong with a log and uses the rest; without a start it can tell nothing") {
  const Runs& runs = trained_once();
  CHECK(run_octet({"report"}).status == 2);
  fs::create_directory(runs.path("empty"));
  const Outcome missing = run_octet({"report", runs.path("run"), runs.path("empty")});
  CHECK(missing.status == 3);
  CHECK(missing.err == "octet: " + runs.path("empty") +
                           ": no log.jsonl there; name the --out folder of octet train, and the log of a run "
                           "that had --log, too\n");
  std::string log;
  for (const Json& event : events_in(runs.bytes("run/log.jsonl"))) log += event.dump() + "\n";
  const std::string path = runs.path("empty/log.jsonl");
  const auto reported = [&](const std::string& text, int status = 0) {
    write_file(path, text);
    const Outcome outcome = run_octet({"report", runs.path("empty")});
    CHECK(outcome.status == status);
    CHECK(outcome.out.empty() == (status != 0));
    return outcome.err;
  };
  const size_t second = log.find('\n') + 1, third = log.find('\n', second) + 1;
  const std::string cut_short = "octet: " + path + ": no start event; the log is cut short\n",
                    folder = runs.path("empty"),
                    not_ended = "octet: " + folder + ": the run has not ended; it goes on, or octet train " +
                                "--resume " + folder + " does\n",
                    no_event = ": not an event of an octet log; the line is left out\n";
  CHECK(reported("", 3) == cut_short);
  CHECK(reported(log.substr(second), 3) == cut_short);
  CHECK(reported(std::string(100, '\0'), 3) == cut_short);
  CHECK(reported(log.substr(0, third)) == not_ended);
  CHECK(reported(log.substr(0, third) + "{\"event\":\"epo") ==
        "octet: " + path + ":3" + no_event + not_ended);
  CHECK(reported(log.substr(0, third) + "[1]\n" + log.substr(third)) == "octet: " + path + ":3" + no_event);
  CHECK(reported(log + "nonsense\n") == "octet: " + path + ":9" + no_event);
  CHECK(reported("{\"event\":\"start\"}\n{\"event\":\"end\"}\n") ==
        "octet: " + path + ":2: the event has no status; the line is left out\n" + not_ended);
}
