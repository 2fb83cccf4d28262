// The page that a run leaves, and pages and tables that compare runs.
#include "tools/report.h"

#include <csignal>

#include "tests/tools/html_check.h"
#include "tests/tools/small_run.h"
#include "tools/config_json.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;
namespace fs = std::filesystem;

namespace {

constexpr const char* kTags[] = {"weights",     "gradients", "optimizer_state",
                                 "activations", "workspace", "data"};

Json tags(int64_t first) {
  Json out = Json::object();
  for (const char* tag : kTags) out[tag] = first, first /= 2;
  return out;
}

Json start_event(const TrainConfig& config) {
  Json event = {{"event", "start"}};
  event.update(octet::tools::to_json(config));
  event.update(Json{{"build", "test"}, {"parameters", 1000}, {"state_bytes", 2031}, {"train_rows", 500}});
  return event;
}

Json epoch_event(int64_t epoch, const Json& loss) {
  return {{"event", "epoch"},   {"epoch", epoch},      {"train_loss", 0.7},
          {"val_loss", loss},   {"val_accuracy", 0.9}, {"seconds", 1.5},
          {"train_seconds", 1}, {"peak_bytes", 8000},  {"peak_by_tag", tags(4000)}};
}

Json end_event(const std::string& status, int64_t epochs) {
  return {
      {"event", "end"},     {"status", status},          {"epochs", epochs},         {"steps", 10},
      {"val_loss", 0.5},    {"val_accuracy", 0.9},       {"best_epoch", 1},          {"seconds", 3},
      {"peak_bytes", 8000}, {"peak_by_tag", tags(4000)}, {"max_by_tag", tags(5000)}, {"other_seconds", 0.25}};
}

std::string lines(const std::vector<Json>& events) {
  std::string out;
  for (const Json& event : events) out += event.dump() + "\n";
  return out;
}

// A folder with nothing but a log.
std::string folder_with(const TemporaryFolder& folder, const std::string& name, const std::string& log) {
  fs::create_directories(folder / name);
  write_file(folder / (name + "/log.jsonl"), log);
  return (folder / name).string();
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::string kEvil = "<script>alert(1)</script> \"&' \xC0\xBC";

}  // namespace

TEST_CASE("a run leaves a page that is a function of its folder: octet report makes the same") {
  const Runs runs;
  runs.trained("run", {"--state", "blockwise8", "--min-8bit-size", "0"});
  const std::string page = runs.bytes("run/report.html");
  CHECK(html_fault(page) == "");
  CHECK(page.size() < 200000);
  for (const char* words :
       {"<h2>Learning</h2>", "<h2>Memory</h2>", "<h2>Time</h2>", "<h2>Answers</h2>",
        "<h2>Optimizer state</h2>", "<h2>Configuration</h2>", "Every epoch as a table (3)", ">forward<",
        ">backward<", ">update<", "optimizer state", "bytes a value", "octet inspect run --html FILE",
        "prefers-color-scheme: dark", "@media print", "<small>usually fp32</small>", "label \\ answer"})
    CHECK_MESSAGE(has(page, words), words);
  const Outcome outcome = run_octet({"report", runs.path("run"), "--html", runs.path("page.html")});
  CHECK(outcome.status == 0);
  CHECK(outcome.err == "");
  CHECK((runs.bytes("page.html") == page));
  // The same from another place, whatever the folder is called from.
  fs::create_directory(runs.path("elsewhere"));
  fs::copy(runs.path("run"), runs.path("elsewhere/run"), fs::copy_options::recursive);
  CHECK(run_octet({"report", runs.path("elsewhere/run/"), "--html", runs.path("other.html")}).status == 0);
  CHECK((runs.bytes("other.html") == page));
}

TEST_CASE("a run that is stopped leaves a page too, and the page of the run that went on has all of it") {
  const Runs runs;
  RunningProcess process(runs.train("run"));
  CHECK(process.read_until("epoch 2/3  step 5/"));
  process.signal(SIGTERM);
  CHECK(process.finish().status == 143);
  const std::string page = runs.bytes("run/report.html");
  CHECK(html_fault(page) == "");
  CHECK(has(page, "<dd>interrupted</dd>"));
  CHECK(has(page, "Every epoch as a table (1)"));
  CHECK(run_octet({"train", "--resume", runs.path("run"), "--state", "blockwise8"}).status == 0);
  const std::string whole = runs.bytes("run/report.html");
  CHECK(html_fault(whole) == "");
  CHECK(has(whole, "<dd>ok</dd>"));
  CHECK(has(whole, "Every epoch as a table (3)"));
  CHECK(has(whole, "adam with blockwise8 state"));  // of the second start event
  CHECK(has(whole, "Memory over one step"));        // logged before the stop
}

TEST_CASE("a run that logs into a pipe says that it leaves no page; another file is read") {
  const Runs runs;
  runs.trained("file", {"--log", runs.path("elsewhere.jsonl")});
  CHECK(html_fault(runs.bytes("file/report.html")) == "");
  const Outcome outcome = runs.trained("pipe", {"--log", "/dev/null"});
  CHECK(has(outcome.out, "no report.html: the log, /dev/null, is no file to read it from"));
  CHECK(!fs::exists(runs.path("pipe/report.html")));
}

TEST_CASE("what data and settings hold is shown on pages, never run") {
  const TemporaryFolder folder;
  TrainConfig config;
  config.task = "sms";
  config.data = kEvil;
  Json start = start_event(config);
  start["data_source"] = kEvil;
  start["<script>"] = kEvil;
  Json answers = {{"event", "answers"},
                  {"labels", {kEvil, "b"}},
                  {"confusion", {{5, 1}, {2, 7}}},
                  {"right", {{{"text", kEvil}, {"label", 0}, {"answer", 0}, {"probability", 0.9}}}},
                  {"wrong", {{{"text", kEvil}, {"label", 0}, {"answer", 1}, {"probability", nullptr}}}}};
  Json end = end_event(kEvil, 1);
  const auto dump = [](const Json& event) {
    return event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  };
  const std::string log = dump(start) + dump(epoch_event(1, 0.5)) + dump(answers) + dump(end) + kEvil + "\n";
  const std::string name = "<b>&run", path = folder_with(folder, name, log);
  const RunReport run = read_report(path);
  CHECK(run.name == name);
  CHECK(run.problems ==
        std::vector<std::string>{"log.jsonl:5: not an event of an octet log; the line is left out"});
  for (const std::string& page : {report_html(run, path), comparison_html({run, run})}) {
    CHECK(html_fault(page) == "");
    CHECK(!has(page, "<script"));
    CHECK(!has(page, "<b>"));
    CHECK(has(page, "&lt;b&gt;&amp;run"));
  }
  const std::string page = report_html(run, path);
  CHECK(count_of(page, "&lt;script&gt;alert(1)&lt;/script&gt;") >= 7);
}

TEST_CASE("settings are all there, and those that differ from the defaults of the rule are marked") {
  TrainConfig config;
  config.task = "sms";
  config.optimizer = "lion";
  config.beta2 = 0.99;  // lion's own
  config.lr = 0.01;
  std::vector<std::string> changed;
  size_t fields = 0;
  config.visit([&](const auto&, const auto&, const auto&) { ++fields; });
  const std::vector<Setting> settings = settings_of(config);
  CHECK(settings.size() == fields);
  for (const Setting& setting : settings)
    if (setting.changed()) changed.push_back(setting.name + " " + setting.value + " " + setting.fallback);
  CHECK(changed == std::vector<std::string>{"optimizer lion adam", "lr 0.01 0.0001"});
}

TEST_CASE("labels name what differs between runs, and no more") {
  std::vector<RunReport> runs(3);
  runs[0].name = "a", runs[1].name = "b", runs[2].name = "c";
  CHECK(run_labels(runs) == std::vector<std::string>{"a", "b", "c"});
  runs[1].config.state = runs[2].config.state = "blockwise8";
  runs[0].config.out = "x";  // where a run writes is no difference
  CHECK(run_labels(runs) ==
        std::vector<std::string>{"state fp32", "state blockwise8 (b)", "state blockwise8 (c)"});
  runs[2].config.seed = 3;
  CHECK(run_labels(runs) == std::vector<std::string>{"state fp32, seed 2021", "state blockwise8, seed 2021",
                                                     "state blockwise8, seed 3"});
  runs[0].config.lr = 1, runs[0].config.layers = 4, runs[0].config.hidden = 2, runs[0].config.eps = 0.1;
  CHECK(has(run_labels(runs)[0], ", and 2 more settings"));
}

TEST_CASE("the last word counts: of several start events, of an epoch done twice, of an end that was none") {
  const TemporaryFolder folder;
  TrainConfig first, second;
  first.task = second.task = "sms";
  second.state = "blockwise8";
  const std::string path = folder_with(
      folder, "run",
      lines({start_event(first), epoch_event(1, 0.9), end_event("interrupted", 1), start_event(second),
             epoch_event(2, 0.8), epoch_event(1, 0.7), epoch_event(3, nullptr)}));
  const RunReport run = read_report(path);
  CHECK(run.problems.empty());
  CHECK(run.config.state == "blockwise8");
  REQUIRE(run.epochs.size() == 3);
  CHECK(run.epochs[0].val_loss == 0.7);
  CHECK(run.best()->epoch == 1);
  CHECK(std::isnan(run.last()->val_loss));
  CHECK(!run.end);
  CHECK(run.status() == "not ended");
  CHECK(run.seconds() == 4.5);
  const std::string page = report_html(run, path);
  CHECK(html_fault(page) == "");
  CHECK(has(page, "not finite"));
  CHECK(has(page, "There is no checkpoint"));
}

TEST_CASE("the best epoch is that of the weights that were kept") {
  const TemporaryFolder folder;
  TrainConfig config;
  config.task = "sms";
  std::vector<Json> events = {start_event(config), epoch_event(1, 0.5), epoch_event(2, 0.9)};
  events[2]["val_accuracy"] = 0.99;
  const auto report = [&](const char* name) { return read_report(folder_with(folder, name, lines(events))); };
  CHECK(report("loss").best()->epoch == 1);
  CHECK(has(report_text({report("loss")}), "best val loss"));

  config.best_by = "accuracy";
  events[0] = start_event(config);
  const RunReport by_accuracy = report("accuracy");
  CHECK(by_accuracy.best()->epoch == 2);
  for (const std::string& words : {report_text({by_accuracy}), report_html(by_accuracy, ""),
                                   comparison_html({by_accuracy, by_accuracy})}) {
    CHECK(has(words, "val loss at best"));
    CHECK(!has(words, "best val loss"));
  }
  // After a best.safetensors was lost, another epoch's weights are kept.
  events.push_back(end_event("ok", 2));
  events.back()["best_epoch"] = 1;
  CHECK(report("lost").best()->epoch == 1);
}

TEST_CASE("a run without an epoch has a page without curves") {
  const TemporaryFolder folder;
  TrainConfig config;
  config.task = "sms";
  const std::string path = folder_with(folder, "run", lines({start_event(config)}));
  const std::string page = report_html(read_report(path), path);
  CHECK(html_fault(page) == "");
  CHECK(has(page, "No epoch was finished"));
  CHECK(html_fault(comparison_html({read_report(path), read_report(path)})) == "");
}

TEST_CASE("events with wrong contents are left out by line, whatever is wrong with them") {
  const TemporaryFolder folder;
  TrainConfig config;
  config.task = "sms";
  const auto with = [](Json event, const char* key, const Json& value) {
    event[key] = value;
    return event;
  };
  const std::vector<Json> bad = {
      Json{{"event", "epoch"}},
      Json{{"event", 3}},
      Json{1, 2},
      with(epoch_event(1, 0.5), "epoch", -1),
      with(epoch_event(1, 0.5), "epoch", 1e300),
      with(epoch_event(1, 0.5), "peak_bytes", "many"),
      with(epoch_event(1, 0.5), "peak_by_tag", 3),
      with(epoch_event(1, 0.5), "peak_by_tag", {{"weights", uint64_t{1} << 63}}),
      with(epoch_event(1, "low"), "event", "epoch"),
      with(end_event("ok", 1), "max_by_tag", nullptr),
      with(end_event("ok", 1), "status", 7),
      with(start_event(config), "hidden", "wide"),
      Json{{"event", "answers"},
           {"labels", {"a"}},
           {"confusion", {{1, 2}}},
           {"right", Json::array()},
           {"wrong", Json::array()}},
      Json{{"event", "answers"},
           {"labels", {"a"}},
           {"confusion", {{1}}},
           {"right", Json::array()},
           {"wrong", {{{"text", "t"}, {"label", 0}, {"answer", 1}, {"probability", 1}}}}},
      Json{{"event", "memory_timeline"}, {"points", 3}}};
  for (const Json& event : bad) {
    const std::string path = folder_with(
        folder, "run",
        lines({start_event(config), event, epoch_event(2, 0.25), Json{{"event", "of the future"}}}));
    const RunReport run = read_report(path);
    INFO(event.dump());
    REQUIRE(run.problems.size() == 1);
    INFO(run.problems[0]);
    CHECK(run.problems[0].starts_with("log.jsonl:2: "));
    CHECK(run.epochs.size() == 1);
    CHECK(html_fault(report_html(run, path)) == "");
  }
}

TEST_CASE("report compares runs on one page and in the terminal") {
  const Runs runs;
  runs.trained("full", {"--epochs", "2"});
  runs.trained("eight", {"--epochs", "2", "--state", "blockwise8", "--min-8bit-size", "0"});
  runs.trained("lion", {"--epochs", "1", "--optimizer", "lion"});
  const Outcome outcome = run_octet(
      {"report", runs.path("full"), runs.path("eight"), runs.path("lion"), "--html", runs.path("page.html")});
  CHECK(outcome.status == 0);
  CHECK(outcome.err == "");
  CHECK(has(outcome.out, "min_8bit_size"));
  CHECK(!has(outcome.out, "hidden"));  // the same in all
  CHECK(count_of(outcome.out, "\nepochs ") == 1);
  const std::string page = runs.bytes("page.html");
  CHECK(html_fault(page) == "");
  for (const char* words :
       {"3 runs side by side", "optimizer adam, state blockwise8", "optimizer lion", "<h2>Results</h2>",
        "<h2>Memory</h2>", "<h2>Settings that differ</h2>", "validation loss", "validation accuracy"})
    CHECK_MESSAGE(has(page, words), words);
  // The charts name the runs; what differs, too long for their legends, stands in the table.
  CHECK(count_of(page, "</span>lion<") == 4 + 3);
  CHECK(count_of(page, "optimizer lion, state fp32") == 1);
}

TEST_CASE("charts of a comparison say what differs where that is short, and always where names do not tell") {
  const TemporaryFolder folder;
  std::vector<RunReport> runs;
  for (const char* name : {"x/a", "y/b"}) {
    TrainConfig config;
    config.task = "sms", config.seed = static_cast<int64_t>(runs.size());
    runs.push_back(read_report(
        folder_with(folder, name, lines({start_event(config), epoch_event(1, 0.5), end_event("ok", 1)}))));
  }
  CHECK(has(comparison_html(runs), "</span>b: seed 1<"));
  runs[1].name = "a";
  CHECK(has(comparison_html(runs), "</span>seed 1<"));
  CHECK(!has(comparison_html(runs), "a: seed 1"));
}

TEST_CASE("report's bad input: no folder, no log, no start, damaged lines, a page that cannot be written") {
  const Runs runs;
  const TemporaryFolder folder;
  TrainConfig config;
  config.task = "sms";
  const std::string good =
      folder_with(folder, "good", lines({start_event(config), epoch_event(1, 0.5), end_event("ok", 1)}));
  const std::string none = (folder / "none").string();
  Outcome outcome = run_octet({"report", good, none});
  CHECK(outcome.status == 3);
  CHECK(outcome.out == "");
  CHECK(outcome.err == "octet: " + none + ": no such folder; name the --out folder of octet train\n");
  fs::create_directory(folder / "empty");
  outcome = run_octet({"report", (folder / "empty").string()});
  CHECK(outcome.status == 3);
  CHECK(has(outcome.err,
            "empty: no log.jsonl there; name the --out folder of octet train, and the log of a run that had "
            "--log, too\n"));
  const std::string damaged = folder_with(
      folder, "damaged",
      lines({start_event(config)}) + "{\"event\":\"epo\n" + lines({epoch_event(1, 0.5), end_event("ok", 1)}));
  outcome = run_octet({"report", damaged, "--html", (folder / "page.html").string()});
  CHECK(outcome.status == 0);
  CHECK(outcome.err ==
        "octet: " + damaged + "/log.jsonl:2: not an event of an octet log; the line is left out\n");
  CHECK(has(outcome.out, "0.5000"));
  CHECK(has(read_file(folder / "page.html"), "Note: log.jsonl:2: not an event"));
  outcome = run_octet({"report", good, "--html", none + "/page.html"});
  CHECK(outcome.status == 1);
  CHECK(outcome.out == "");
  CHECK(has(outcome.err, none + "/page.html: "));
}
