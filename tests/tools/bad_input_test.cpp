// What goes wrong outside the program: each case ends with its exit code and one sentence that says what and
// where.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "core/safetensors.h"
#include "tests/datasets/pack.h"
#include "tests/tools/small_run.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

// Fails with `status` and, on standard error, one line that holds `text`.
void check_refused(const Outcome& outcome, int status, const std::string& text) {
  CHECK(outcome.status == status);
  CHECK_MESSAGE(outcome.err.find(text) != std::string::npos, outcome.err);
  CHECK(outcome.err.starts_with("octet: "));
  CHECK_MESSAGE(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1, outcome.err);
  CHECK(outcome.out.empty());
}

// A run that is trained once, for the cases that only read it.
const Runs& trained_once() {
  static const Runs runs;
  static const bool trained = (runs.trained("run", {"--epochs", "1"}), true);
  (void)trained;
  return runs;
}

// Training on, and evaluating with, a file of these bytes ends so; neither leaves anything behind.
void check_bad_data(const std::string& bytes, const std::string& text) {
  const Runs& runs = trained_once();
  const std::string path = runs.path("bad.txt");
  write_file(path, bytes);
  check_refused(run_process(runs.train("out", {"--data", path})), 3, text);
  CHECK(!fs::exists(runs.path("out")));
  check_refused(run_octet({"eval", runs.path("run"), "--data", path}), 3, text);
}

}  // namespace

TEST_CASE("bad data exits 3 with the place and what is wrong there") {
  const std::string path = trained_once().path("bad.txt"), good = small_corpus(100);
  const auto lines = std::to_string(std::count(good.begin(), good.end(), '\n') + 1);
  check_bad_data("", path + ": the file is empty");
  check_bad_data(good + "ham\n", path + ", line " + lines + ": 2 columns wanted, 1 found");
  check_bad_data(good + "ham\ta\tb\n", path + ", line " + lines + ": 2 columns wanted, 3 found");
  check_bad_data("type,text\nham,a\nspam,b,c\n", path + ", line 3: 2 columns wanted, 3 found");
  check_bad_data(good + "egg\thello\n",
                 path + ", line " + lines + ": unknown label 'egg', valid are 'ham' and 'spam'");
  check_bad_data("ham\ta\nham\tb\nham\tc\n",
                 path + ": all 3 rows are labelled 'ham'; at least two classes are needed");
  check_bad_data("ham\t\xC3\xA9t\xC3\xA9\nspam\t\xC3\xA9 \xC3(\n",
                 path + ", line 2: byte 18 of the file is not valid UTF-8");
  check_bad_data("type,text\n", path + ": no rows are left");
  check_bad_data("ham\ta\n", "at least two classes");
  check_bad_data(std::string("ham\ta\0b\nspam\tb\n", 15), path + ": byte 5 is NUL");
  check_bad_data("just a text\n", path + ", line 1: not an SMS corpus");
  check_bad_data("type,text\nham,\"never closed\nspam,b\n", path + ", line 2");
  std::string junk;
  for (uint32_t i = 0, x = 1; i < 5000; ++i)
    junk.push_back(static_cast<char>((x = x * 1664525 + 1013904223) >> 24));
  check_bad_data(junk, path);
  check_bad_data("\x89PNG\r\n\x1a\n" + junk, path);
}

TEST_CASE("a line of ten megabytes is refused with its number, one of a megabyte is read") {
  const Runs& runs = trained_once();
  const std::string path = runs.path("long.txt");
  const auto eval = [&](const std::string& line) {
    write_file(path, small_corpus(20) + line);
    return run_octet({"eval", runs.path("run"), "--data", path, "--rows", "train", "--json"});
  };
  const std::string refusal = path + ", line 21: a field of more than 1048576 bytes";
  check_refused(eval(std::string(10 << 20, 'x') + "\n"), 3, refusal);
  check_refused(eval("ham\t" + std::string(10 << 20, 'x') + "\n"), 3, refusal);
  const Outcome label = eval(std::string(1 << 20, 'x') + "\ttext\n");
  check_refused(label, 3, path + ", line 21: unknown label 'xxxxx");
  CHECK(label.err.size() < 500);  // it is not repeated at length
  // What is within the limit is a text like any other.
  const Outcome outcome = eval("ham\t" + std::string(1 << 20, 'x') + "\n");
  INFO(outcome.err);
  CHECK(outcome.status == 0);
}

TEST_CASE("missing data, a folder without them and files without permission exit 3") {
  const Runs& runs = trained_once();
  const auto train = [&](const std::string& data) {
    return run_process(runs.train("out", {"--data", data}));
  };
  check_refused(train(runs.path("none")), 3, "--data " + runs.path("none") + ": no such file");
  fs::create_directory(runs.path("folder"));
  check_refused(train(runs.path("folder")), 3, "the folder holds none of sms_spam.csv, SMSSpamCollection");
  const Outcome environment =
      run_octet({"train", "sms", "--out", runs.path("out")}, {"OCTET_DATA=" + runs.path("none")});
  check_refused(environment, 3, "OCTET_DATA=" + runs.path("none") + ": no such file");
  check_refused(run_octet({"eval", runs.path("none")}), 3, "no such folder; name the --out folder of a run");
  check_refused(run_octet({"predict", runs.path("folder"), "x"}), 3, "holds no run (config.toml is missing)");
  CHECK(!fs::exists(runs.path("out")));
}

TEST_CASE("an archive that is cut short, or unpacks to far more than it should, exits 3") {
  const Runs& runs = trained_once();
  const std::string zip = pack(Pack::Zip, {{"readme", "x"}, {"SMSSpamCollection", small_corpus(200)}});
  write_file(runs.path("sms.zip"), zip);
  CHECK(run_octet({"eval", runs.path("run"), "--data", runs.path("sms.zip")}).status == 0);
  check_bad_data(zip.substr(0, zip.size() / 2), "bad.txt");
  check_bad_data(zip.substr(0, 30), "bad.txt");
  check_bad_data(pack(Pack::Zip, {{"readme", "x"}}), "SMSSpamCollection, sms_spam.csv or spam.csv");
  check_bad_data(pack(Pack::Zip, {{"SMSSpamCollection", std::string(300 << 20, 'a')}}), "limit");
}

TEST_CASE("flags that are unknown or out of range exit 2 with the nearest name or the range") {
  const Runs& runs = trained_once();
  const std::pair<Arguments, std::string> cases[] = {
      {{"--lr", "nan"}, "--lr nan: must be greater than 0 and at most 100"},
      {{"--lr", "-1"}, "--lr -1: must be greater than 0"},
      {{"--lr", "fast"}, "--lr fast: must be a number"},
      {{"--epochs", "-3"}, "--epochs -3: must be at least 1"},
      {{"--epochs", "1.5"}, "must be a whole number"},
      {{"--epochs", "99999999999999999999"}, "must be at least 1"},
      {{"--batch-size", "0"}, "--batch-size 0: must be at least 1"},
      {{"--block-size", "100"}, "a power of two from 64 to 4096"},
      {{"--optimizer", "adma"}, "--optimizer: unknown name 'adma', did you mean 'adam'?"},
      {{"--state", "blockwise9"}, "did you mean 'blockwise8'?"},
      {{"--weight-dtype", "bf17"}, "--weight-dtype: unknown name 'bf17', did you mean 'bf16'?"},
      {{"--weight-rounding", "up"}, "--weight-rounding: unknown name 'up'"},
      {{"--state-override", "nothing*=fp32"}, "nothing*"},
      {{"--state-override", "fc.weight"}, "must be PATTERN=NAME"},
      {{"--no-decay", "nothing*"}, "--no-decay: no parameter fits the pattern 'nothing*'"},
      {{"--no-decay", "norm-and-bais"}, "fits the pattern 'norm-and-bais'"},
      {{"--clip-value", "-1"}, "--clip-value -1: must be at least 0"},
      {{"--clip-percentile", "nan"}, "--clip-percentile nan: must be at least 0 and at most 100"},
      {{"--accumulate", "0"}, "--accumulate 0: must be at least 1"},
      {{"--ema", "1"}, "--ema 1: must be at least 0 and less than 1"},
      {{"--embedding-layer", "stabel"}, "did you mean 'stable'?"},
      {{"--epoch", "3"}, "unknown flag '--epoch', did you mean '--epochs'?"},
      {{"--warp", "3"}, "unknown flag '--warp'"},
      {{"--lr"}, "--lr"},
      {{"--resume", ""}, "--resume: is empty"},
      {{"--config", ""}, "--config: is empty"},
      {{"more"}, "more"},
      {{"--device", "tpu"}, "Known: cpu, cuda"}};
  for (const auto& refused : cases) {
    CAPTURE(refused.second);
    check_refused(run_process(runs.train("out", refused.first)), 2, refused.second);
  }
  CHECK(!fs::exists(runs.path("out")));
  check_refused(run_octet({"train", "smss"}), 2, "'smss', did you mean 'sms'?");
  check_refused(run_octet({"train"}), 2, "no task named; name one of: sms");
  check_refused(run_octet({"trian"}), 2, "did you mean 'train'?");
  check_refused(run_octet({"eval", runs.path("run"), "--rows", "tset"}), 2,
                "did you mean 'test'? Known: validation, train, test, all");
  check_refused(run_octet({"eval", runs.path("run"), "--rows", "test"}), 2, ": the run has no test rows");
  check_refused(run_octet({"eval"}), 2, "octet eval: ");
  check_refused(run_octet({"eval", runs.path("run"), "--threads", "-1"}), 2, "threads: -1");
}

TEST_CASE("what another run keeps is not overwritten by --log or --html") {
  const Runs& runs = trained_once();
  const std::string log = runs.bytes("run/log.jsonl");
  check_refused(run_process(runs.train("other", {"--log", runs.path("run/log.jsonl")})), 2,
                "run/log.jsonl: there is such a file, and a new run would overwrite it");
  check_refused(run_octet({"report", runs.path("run"), "--html", runs.path("run/log.jsonl")}), 2,
                "run/log.jsonl: a run keeps such a file");
  CHECK(runs.bytes("run/log.jsonl") == log);
  CHECK(!fs::exists(runs.path("other")));
}

TEST_CASE("an --out that holds a run exits 2 and leaves it alone; one that cannot be made exits 1") {
  const Runs& runs = trained_once();
  const std::string log = runs.bytes("run/log.jsonl");
  check_refused(run_process(runs.train("run")), 2,
                runs.path("run") + ": holds a run already; go on with it by --resume");
  CHECK(runs.bytes("run/log.jsonl") == log);
  write_file(runs.path("file"), "");
  check_refused(run_process(runs.train("file")), 1, runs.path("file") + ": cannot make the folder");
  check_refused(run_process(runs.train("file/out")), 1, runs.path("file/out") + ": cannot make the folder");
  check_refused(run_process(runs.train("x", {"--out", "/proc/octet"})), 1,
                "/proc/octet: cannot make the folder");
}

TEST_CASE("weights that are missing, damaged, or of another model or vocabulary exit 6") {
  const Runs& runs = trained_once();
  runs.trained("wide", {"--epochs", "1", "--hidden", "17"});
  runs.trained("split", {"--epochs", "1", "--split-seed", "3"});
  const std::string good = runs.bytes("run/best.safetensors");
  fs::copy(runs.path("run"), runs.path("broken"));
  const std::string weights = runs.path("broken/best.safetensors");
  const auto check = [&](const std::string& bytes, const std::string& text) {
    CAPTURE(text);
    write_file(weights, bytes);
    for (const Arguments& command :
         {Arguments{"eval", runs.path("broken")}, Arguments{"predict", runs.path("broken"), "hello"}})
      check_refused(run_octet(command), 6, text);
  };
  check(runs.bytes("wide/best.safetensors"), weights);
  check(runs.bytes("split/best.safetensors"), weights + ": weights of another vocabulary (");
  check(runs.bytes("run/last.ckpt.safetensors"), weights + ": no task in the metadata");
  check(good.substr(0, good.size() - 3), weights);
  check(good.substr(0, 100), weights);
  check("", weights);
  std::string other_task = good;
  const size_t task = other_task.find("\"task\":\"sms\"");
  REQUIRE(task != std::string::npos);
  check(other_task.replace(task, 12, "\"task\":\"xyz\""),
        "weights of task xyz, the folder's config is of sms");
  TensorFile file = parse_safetensors(good, "good");
  file.at("lstm.weight_hh_l0").data<float>()[5] = -std::numeric_limits<float>::quiet_NaN();
  check(format_safetensors(file),
        "octet: " + weights + ": lstm.weight_hh_l0 is of no use: element 5 is nan; put");
  file = parse_safetensors(good, "good");
  for (auto& [name, tensor] : file.tensors)
    if (name == "fc.weight") tensor = tensor.view(DType::I32, tensor.shape());
  check(format_safetensors(file),
        "octet: " + weights + ": fc.weight is of i32, which holds no weights; put a copy");
  fs::remove(weights);
  const Outcome gone = run_octet({"eval", runs.path("broken")});
  check_refused(gone, 6, weights);
  check_refused(gone, 6, "or try --weights last\n");

  write_file(weights, good);
  write_file(runs.path("broken/config.toml"), "hidden = \"wide\"\n");
  check_refused(run_octet({"eval", runs.path("broken")}), 6, "config.toml:1: hidden");
  write_file(runs.path("broken/config.toml"), "");
  check_refused(run_octet({"eval", runs.path("broken")}), 6, "config.toml: names no task; it is cut short");
  fs::remove(runs.path("broken/vocab.txt"));
  write_file(runs.path("broken/config.toml"), runs.bytes("run/config.toml"));
  check_refused(run_octet({"eval", runs.path("broken")}), 6, "vocab.txt");
}

TEST_CASE("a full disk exits 1 with the reason, and the checkpoint before it stays whole") {
  const Runs& runs = trained_once();
  const TemporaryFolder disk;
  // In a child, whose mounts end with it: a disk that has room for one checkpoint but not for the next beside
  // it.
  const uintmax_t checkpoint = fs::file_size(runs.path("run/last.ckpt.safetensors")),
                  weights = fs::file_size(runs.path("run/last.safetensors"));
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) _exit(77);
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) _exit(77);
    const std::string size = "size=" + std::to_string(checkpoint + 3 * weights + checkpoint / 2 + 65536);
    if (mount("tmpfs", disk.path().c_str(), "tmpfs", 0, size.c_str()) != 0) _exit(77);
    const std::string out = (disk / "out").string();
    const Outcome first = run_process(runs.train("x", {"--out", out}));
    std::string report = std::to_string(first.status) + "\n" + first.err;
    for (const auto& entry : fs::directory_iterator(out)) report += entry.path().filename().string() + "\n";
    write_file(runs.path("report"), report);
    fs::copy(out, runs.path("rescued"), fs::copy_options::recursive);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WEXITSTATUS(status) == 77) return skip_case("no right to mount a small file system here");
  REQUIRE(status == 0);
  const std::string report = runs.bytes("report");
  INFO(report);
  CHECK(report.starts_with("1\noctet: "));
  CHECK(report.find("No space left on device\n") != std::string::npos);
  CHECK(report.find("\n.") == std::string::npos);  // no temporary file is left
  CHECK(report.find("last.ckpt.safetensors") != std::string::npos);
  // With room again, the run goes on from there.
  const Outcome outcome = run_octet({"train", "--resume", runs.path("rescued")});
  CHECK(outcome.err == "");
  CHECK(outcome.status == 0);
  runs.trained("whole");
  check_same_run(runs.path("whole"), runs.path("rescued"));
}
