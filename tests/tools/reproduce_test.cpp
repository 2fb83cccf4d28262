// Small grids of whole runs: a few epochs of a few hundred messages.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>

#include "datasets/generator.h"
#include "tests/tools/html_check.h"
#include "tests/tools/small_run.h"

namespace octet::testing {
namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

Arguments reproduce(const Runs& runs, const std::string& out, const Arguments& more = {}) {
  return Arguments{
             octet_program(), "reproduce", "sms",       "--data", runs.data(),    "--out", runs.path(out),
             "--seeds",       "1",         "--threads", "1",      "--sms-epochs", "2"} +
         more;
}

// Losses by epoch, by the name of the run.
std::map<std::string, Json> losses_in(const std::string& folder) {
  std::map<std::string, Json> losses;
  for (const auto& entry : fs::directory_iterator(folder + "/results")) {
    if (entry.path().filename().string()[0] == '.') continue;  // half written when the process was killed
    const Json result = Json::parse(read_file(entry.path()));
    for (const Json& epoch : result.at("epochs"))
      losses[entry.path().filename()].push_back({epoch.at("val_loss"), epoch.at("val_accuracy")});
  }
  return losses;
}

TEST_CASE("a grid leaves one small file a run, tables, and nothing else") {
  const Runs runs(small_corpus(300));
  const Outcome outcome = run_process(reproduce(
      runs, "a",
      {"--seeds", "2", "--jobs", "2", "--html", runs.path("a.html"), "--markdown", runs.path("a.md")}));
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK(losses_in(runs.path("a")).size() == 8);
  CHECK(fs::is_empty(runs.path("a/runs")));
  CHECK(fs::file_size(runs.path("a/results/sms-2ep-fp32-seed1.json")) < 8000);
  CHECK(contains(outcome.out, "Table 1, SMS"));
  CHECK(contains(outcome.out, "Shorter than the experiment: runs of 2 epochs, not 100"));
  CHECK(contains(outcome.out, "8 of 8 runs, 2 seeds planned"));
  CHECK(contains(runs.bytes("a.md"), "### Table 1, SMS"));
  CHECK(html_fault(runs.bytes("a.html")) == "");
  // Nothing is left: the tables alone, at once, and from the results alone too.
  const Outcome again = run_process(reproduce(runs, "a", {"--seeds", "2", "--json"}));
  REQUIRE(again.status == 0);
  CHECK(again.err.empty());
  const Json tables = Json::parse(again.out);
  CHECK(tables.at("tables")[0].at("columns")[1].at("cells")[0].at("runs") == 2);
  const Outcome shown = run_process(reproduce(runs, "a", {"--seeds", "2", "--no-runs", "--json"}));
  CHECK(shown.status == 0);
  CHECK(Json::parse(shown.out).at("tables") == tables.at("tables"));
}

TEST_CASE("what is stopped, interrupted or killed goes on, and ends as if it had not been") {
  const Runs runs(small_corpus(100));
  const Arguments longer = {"--sms-epochs", "4"};
  REQUIRE(run_process(reproduce(runs, "whole", longer)).status == 0);
  const auto whole = losses_in(runs.path("whole"));
  REQUIRE(whole.size() == 4);

  const Outcome late = run_process(reproduce(runs, "late", longer + Arguments{"--max-seconds", "0.1"}));
  INFO(late.out << late.err);
  CHECK(late.status == 0);
  CHECK(contains(late.out, "of 4 runs are finished; the same command goes on with the others"));
  CHECK(contains(late.out, "Table 1, SMS"));
  CHECK(losses_in(runs.path("late")).size() < 4);
  CHECK(run_process(reproduce(runs, "late", longer)).status == 0);
  CHECK(losses_in(runs.path("late")) == whole);

  for (const auto& [name, signal, status] :
       {std::tuple{"interrupted", SIGINT, 130}, std::tuple{"ended", SIGTERM, 143},
        std::tuple{"killed", SIGKILL, 137}}) {
    INFO(name);
    RunningProcess process(reproduce(runs, name, longer + Arguments{"--jobs", "2"}));
    REQUIRE(process.read_until("1/4 "));
    process.signal(signal);
    CHECK(process.finish().status == status);
    const auto before = losses_in(runs.path(name));
    REQUIRE(before.size() >= 1);
    REQUIRE(before.size() < 4);
    const fs::path first = runs.path(name) + "/results/" + before.begin()->first;
    const auto written = fs::last_write_time(first);
    write_file(runs.path(name) + "/results/.sms-4ep-fp32-seed1.json.1-1", "{");
    // As if it had been killed between the result and the end of the run's folder.
    const std::string left = runs.path(name) + "/runs/" + first.stem().string();
    fs::create_directories(left);
    write_file(left + "/log.jsonl", "");
    write_file(left + ".txt", "");
    const Outcome rest = run_process(reproduce(runs, name, longer));
    INFO(rest.err);
    CHECK(rest.status == 0);
    CHECK(losses_in(runs.path(name)) == whole);
    CHECK(fs::last_write_time(first) == written);
    const fs::directory_iterator files(runs.path(name) + "/results");
    CHECK(std::distance(begin(files), end(files)) == 4);  // without what a kill left half written
    CHECK(fs::is_empty(runs.path(std::string(name) + "/runs")));
  }
}

TEST_CASE("a damaged result and a damaged run are named, and done again") {
  const Runs runs(small_corpus(300));
  REQUIRE(run_process(reproduce(runs, "a")).status == 0);
  const auto whole = losses_in(runs.path("a"));
  const std::string cut = runs.path("a/results/sms-2ep-fp32-seed1.json"),
                    changed = runs.path("a/results/sms-2ep-control-seed1.json");
  write_file(cut, read_file(cut).substr(0, 300));
  std::string text = read_file(changed);
  text[text.find("\"val_loss\":0.") + 13] ^= 1;
  write_file(changed, text);
  const Outcome outcome = run_process(reproduce(runs, "a"));
  CHECK(outcome.status == 0);
  CHECK(contains(
      outcome.err,
      "sms-2ep-fp32-seed1.json: is cut short or no JSON; it does not count, and that run is repeated"));
  CHECK(contains(outcome.err, "sms-2ep-control-seed1.json: is damaged: its SHA-256 does not fit"));
  CHECK(contains(outcome.out, "3/4 "));
  CHECK(!contains(outcome.out, "2/4 "));
  CHECK(losses_in(runs.path("a")) == whole);

  fs::remove(cut);
  fs::create_directories(runs.path("a/runs/sms-2ep-fp32-seed1"));
  write_file(runs.path("a/runs/sms-2ep-fp32-seed1/last.ckpt.safetensors"), "no checkpoint");
  const Outcome anew = run_process(reproduce(runs, "a"));
  CHECK(anew.status == 0);
  CHECK(contains(anew.out, "sms-2ep-fp32-seed1: cannot be gone on with, and is started anew"));
  CHECK(losses_in(runs.path("a")) == whole);
}

TEST_CASE("results of other folders count by --merge, other data are refused") {
  const Runs runs(small_corpus(300));
  REQUIRE(run_process(reproduce(runs, "a")).status == 0);
  const Outcome merged = run_process(reproduce(runs, "b", {"--merge", runs.path("a")}));
  CHECK(merged.status == 0);
  CHECK(contains(merged.out, "4 of 4 runs"));
  CHECK(losses_in(runs.path("b")).empty());
  write_file(runs.path("other.txt"), small_corpus(300, 2));
  const Outcome other = run_process(reproduce(runs, "a", {"--data", runs.path("other.txt")}));
  CHECK(other.status == 2);
  CHECK(contains(other.err, "a result of data with SHA-256"));
  CHECK(contains(other.err, "in a folder of their own, by --out"));
  CHECK(run_process(reproduce(runs, "c", {"--merge", runs.path("nowhere")})).status == 3);
}

TEST_CASE("a plan tells runs, time and memory, from a trial or from finished runs, and makes none") {
  const Runs runs(small_corpus(300));
  const Outcome before = run_process(reproduce(runs, "a", {"--plan", "--json", "--jobs", "2"}));
  INFO(before.err);
  REQUIRE(before.status == 0);
  CHECK(!fs::exists(runs.path("a")));
  const Json trial = Json::parse(before.out);
  CHECK(trial.at("runs_left") == 4);
  CHECK(trial.at("estimated_seconds") > 0);
  CHECK(contains(trial.at("cells")[0].at("from"), "a trial of "));
  REQUIRE(run_process(reproduce(runs, "a")).status == 0);
  const Outcome after = run_process(reproduce(runs, "a", {"--seeds", "3", "--plan", "--json"}));
  const Json measured = Json::parse(after.out);
  CHECK(measured.at("runs_left") == 8);
  CHECK(measured.at("cells")[0].at("from") == "1 finished run, 1 at once");
  const Json result = Json::parse(runs.bytes("a/results/sms-2ep-fp32-seed1.json"));
  CHECK(measured.at("cells")[0].at("peak_bytes_each") == result.at("peak_bytes"));
  // A trial measures the memory that a run then has.
  const double ratio =
      trial.at("cells")[0].at("peak_bytes_each").get<double>() / result.at("peak_bytes").get<double>();
  CHECK(ratio == doctest::Approx(1).epsilon(0.02));
}

TEST_CASE("the columns of IMDB are its depths") {
  const Runs runs;
  std::string csv = "review,sentiment\n";
  const TextCorpus corpus = generate_imdb(3, 60);
  for (size_t i = 0; i < corpus.texts.size(); ++i)
    csv += "\"" + corpus.texts[i] + "\"," + (corpus.labels[i] == 1 ? "positive\n" : "negative\n");
  write_file(runs.path("imdb.csv"), csv);
  const Outcome outcome =
      run_process({octet_program(), "reproduce", "imdb", "--data", runs.path("imdb.csv"), "--out",
                   runs.path("a"), "--seeds", "1", "--imdb-epochs", "1", "--json"},
                  {"HOME=" + runs.path("home")});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK(count_of(outcome.err, "imdb-") == 12);
  const Json columns = Json::parse(outcome.out).at("tables")[0].at("columns");
  REQUIRE(columns.size() == 3);
  CHECK(columns[2].at("column") == "6 layers");
  CHECK(columns[2].at("cells")[0].at("peak_bytes") > columns[0].at("cells")[0].at("peak_bytes"));
}

TEST_CASE("mistakes in the call are named, and a run that fails ends the grid with its reason") {
  const Runs runs(small_corpus(300));
  const auto status_of = [&](const Arguments& more, const std::string& says) {
    const Outcome outcome = run_process(reproduce(runs, "a", more));
    INFO(outcome.err);
    CHECK(contains(outcome.err, says));
    return outcome.status;
  };
  CHECK(status_of({"--seeds", "0"}, "--seeds") == 2);
  CHECK(status_of({"--max-seconds", "nan"}, "--max-seconds") == 2);
  CHECK(status_of({"--plan", "--no-runs"}, "give one of them") == 2);
  CHECK(status_of({"--no-runs"}, "no results of this experiment there") == 3);
  CHECK(status_of({"--data", runs.path("nowhere")}, "nowhere") == 3);
  CHECK(run_octet({"reproduce"}).status == 2);
  CHECK(contains(run_octet({"reproduce", "imbd"}).err, "imdb"));
  write_file(runs.path("file"), "");
  CHECK(run_process(reproduce(runs, "file")).status == 1);
  if (!contains(run_octet({"--version"}).out, "CUDA       no")) return;
  const Outcome failed = run_process(reproduce(runs, "a", {"--device", "cuda"}));
  CHECK(failed.status == 7);
  CHECK(contains(failed.err, "sms-2ep-fp32-seed1: octet train ended with 7: "));
}

}  // namespace
}  // namespace octet::testing
