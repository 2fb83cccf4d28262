// octet inspect, run as users run it on small runs.
#include <algorithm>
#include <cmath>

#include "core/safetensors.h"
#include "tests/tools/html_check.h"
#include "tests/tools/small_run.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

constexpr const char* kCheckpoint = "/last.ckpt.safetensors";

// The same model, seed and steps with several kinds of state.
const Runs& runs() {
  static const Runs all;
  static const bool trained = [] {
    const Arguments common = {"--epochs", "1", "--min-8bit-size", "256"};
    all.trained("fp32", common);
    all.trained("blockwise8", common + Arguments{"--state", "blockwise8", "--block-size", "64"});
    all.trained("bf16", common + Arguments{"--state", "bf16"});
    all.trained("seed2", common + Arguments{"--seed", "2"});
    all.trained("other_lr", common + Arguments{"--lr", "0.01"});
    all.trained("lion", common + Arguments{"--optimizer", "lion"});
    all.trained("sgd", common + Arguments{"--optimizer", "sgd"});
    return true;
  }();
  (void)trained;
  return all;
}

Outcome inspect(const std::string& run, const Arguments& more = {}) {
  return run_octet(Arguments{"inspect", runs().path(run)} + more);
}

Json inspected(const std::string& run, const Arguments& more = {}) {
  const Outcome outcome = inspect(run, more + Arguments{"--json"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return Json::parse(outcome.out);
}

const Json& slot_of(const Json& inspection, const std::string& parameter, const std::string& slot) {
  for (const Json& one : inspection["slots"])
    if (one["parameter"] == parameter && one["slot"] == slot) return one;
  FAIL("no " << parameter << "." << slot);
  return inspection;
}
const Json& trial_of(const Json& inspection, const std::string& name) {
  for (const Json& one : inspection["trials"])
    if (one["storage"] == name) return one;
  FAIL("no " << name);
  return inspection;
}

// A copy of a run's checkpoint with `change` made to it, by itself in a file.
template <class Change>
std::string changed(const std::string& run, const std::string& name, const Change& change) {
  TensorFile file = read_safetensors(runs().path(run) + kCheckpoint);
  change(file);
  write_file(runs().path(name), format_safetensors(file));
  return name;
}

void check_refused(const Outcome& outcome, int status, const std::string& text) {
  INFO(outcome.err);
  CHECK(outcome.status == status);
  CHECK(outcome.err.find(text) != std::string::npos);
  CHECK(outcome.err.starts_with("octet: "));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK(outcome.out.empty());
}

}  // namespace

TEST_CASE("exact state is shown with what each way of storing would make of it") {
  const Json json = inspected("fp32");
  CHECK(json["basis"] == "trial");
  CHECK(json["optimizer"] == "adam");
  CHECK(json["steps"] == 66);
  CHECK(!json.contains("generated"));
  const Json& m = slot_of(json, "lstm.weight_ih_l0", "exp_avg");
  CHECK(m["codec"] == "fp32");
  CHECK(m["storage"] == "blockwise8");
  CHECK(m["elements"] == 64 * 12);
  CHECK(m["bytes"] == 4 * 64 * 12);
  CHECK(m["storage_bytes"] == 64 * 12 + 4 * 3);
  CHECK(m["codes"].size() == 256);
  CHECK(m["error"]["relative"].get<double>() > 0);
  CHECK(m["error"]["relative"].get<double>() < 0.05);
  CHECK(!m.contains("step_size_ratio"));
  const Json& v = slot_of(json, "lstm.weight_ih_l0", "exp_avg_sq");
  CHECK(v["step_size_ratio"]["median"].get<double>() == doctest::Approx(1).epsilon(0.02));
  // Smaller than --min-8bit-size: as they are.
  CHECK(slot_of(json, "fc.bias", "exp_avg")["storage"] == "fp32");
  CHECK(slot_of(json, "fc.bias", "exp_avg")["error"]["relative"] == 0);
  for (const Json& slot : json["slots"]) {
    if (!slot.contains("codes")) continue;
    int64_t sum = 0;
    for (const Json& count : slot["codes"]) sum += count.get<int64_t>();
    CHECK(sum == slot["elements"].get<int64_t>());
  }
  CHECK(json["trials"].size() == 8);
  const auto error = [&](const char* name) {
    return trial_of(json, name)["slots"]["exp_avg"]["relative_error"].get<double>();
  };
  CHECK(error("blockwise8, plain") < error("tensorwise8, plain"));
  CHECK(error("tensorwise8, plain") < error("linear, tensor-wise"));
  CHECK(trial_of(json, "blockwise8")["slots"]["exp_avg_sq"]["vanished_share"] == 0);
  // Over a hundred steps the v0.36 book makes steps far too large; the right one does not.
  REQUIRE(json["steady_courses"].size() == 3);
  CHECK(json["steady_courses"][0]["median"].back().get<double>() == doctest::Approx(1).epsilon(0.1));
  CHECK(json["steady_courses"][2]["storage"] == "blockwise8-v0.36");
  CHECK(json["steady_courses"][2]["p99"].back().get<double>() > 5);
}

TEST_CASE("vanished second moments are counted and seen in the step") {
  const std::string path = changed("fp32", "vanishing.safetensors", [](TensorFile& file) {
    for (auto& [name, tensor] : file.tensors) {
      if (!name.starts_with("lstm.weight_ih_l0.") && !name.starts_with("embedding.") &&
          !name.starts_with("lstm."))
        continue;
      if (!name.ends_with(".exp_avg_sq") && !name.ends_with(".exp_avg")) continue;
      // In each 256: one of 1, the others of 1e-8, with roots 1 and 1e-4.
      std::vector<float> values(static_cast<size_t>(tensor.numel()), 1e-8f);
      for (size_t i = 0; i < values.size(); i += 256) values[i] = 1;
      tensor = Tensor::from(values, tensor.shape());
    }
  });
  const Json json = inspected(path);
  const Json& plain = trial_of(json, "blockwise8, plain");
  const double share = plain["slots"]["exp_avg_sq"]["vanished_share"];
  CHECK(share == doctest::Approx(255.0 / 256).epsilon(0.01));
  // 1e-4 + eps against eps alone, where eps = 1e-8 sqrt(1 - 0.999^66).
  const double eps = 1e-8 * std::sqrt(1 - std::pow(0.999, 66));
  CHECK(plain["step_size_ratio"]["median"].get<double>() ==
        doctest::Approx((1e-4 + eps) / eps).epsilon(0.001));
  CHECK(trial_of(json, "bf16")["step_size_ratio"]["median"].get<double>() ==
        doctest::Approx(1).epsilon(0.01));
}

TEST_CASE("coded state is shown as it is in the file") {
  const Json json = inspected("blockwise8");
  CHECK(json["basis"] == "spacing");
  CHECK(json["trials"].empty());
  const Json& v = slot_of(json, "lstm.weight_hh_l0", "exp_avg_sq");
  CHECK(v["codec"] == "blockwise8");
  CHECK(v["block_size"] == 64);
  CHECK(v["bytes"] == 64 * 16 + 4 * 16);
  const TensorFile file = read_safetensors(runs().path("blockwise8") + kCheckpoint);
  std::vector<int64_t> counts(256);
  for (const uint8_t code : file.at("lstm.weight_hh_l0.exp_avg_sq").to_vector<uint8_t>()) ++counts[code];
  CHECK(v["codes"] == Json(counts));
  CHECK(v["zero_share"].get<double>() == doctest::Approx(static_cast<double>(counts[0]) / 1024));
  CHECK(v["error"]["relative"].get<double>() > 0);
  CHECK(v["error"]["relative"].get<double>() < v["error"]["relative_bound"].get<double>());
  CHECK(!v.contains("step_size_ratio"));
  CHECK(v["worst_blocks"].size() == 5);
}

TEST_CASE("against its pair with exact state, errors and step sizes are true ones") {
  const Json json = inspected("blockwise8", {"--against", runs().path("fp32")});
  CHECK(json["basis"] == "paired");
  const Json& v = slot_of(json, "lstm.weight_hh_l0", "exp_avg_sq");
  CHECK(v["step_size_ratio"]["median"].get<double>() == doctest::Approx(1).epsilon(0.1));
  CHECK(v.contains("vanished"));
  CHECK(json["step_size_ratio"]["median"].get<double>() == doctest::Approx(1).epsilon(0.1));
  CHECK(json["trials"].size() == 8);
  check_refused(inspect("blockwise8", {"--against", runs().path("seed2")}), 2, "are no pair: seeds");
  check_refused(inspect("blockwise8", {"--against", runs().path("blockwise8")}), 2,
                "keeps its state in codes");
  check_refused(inspect("fp32", {"--against", runs().path("seed2")}), 2, "--against");
  check_refused(inspect("blockwise8", {"--against", runs().path("other_lr")}), 2,
                "are no pair: --lr differs");
  check_refused(inspect("blockwise8", {"--against", runs().path("lion")}), 2, "different rules");
  check_refused(inspect("blockwise8", {"--against", runs().path("nowhere")}), 3, "no such folder");
}

TEST_CASE("state in bf16 is rounded too: it is no truth for others, and has one of its own") {
  CHECK(inspect("bf16").out.find("The state is kept in bf16, and what was rounded away is not") !=
        std::string::npos);
  const Json json = inspected("bf16", {"--against", runs().path("fp32")});
  CHECK(json["basis"] == "paired");
  const double error = slot_of(json, "lstm.weight_hh_l0", "exp_avg_sq")["error"]["relative"];
  CHECK(error > 1e-4);
  CHECK(error < 0.1);
  CHECK(json["step_size_ratio"]["median"].get<double>() == doctest::Approx(1).epsilon(0.01));
  check_refused(inspect("blockwise8", {"--against", runs().path("bf16")}), 2, "keeps its state in bf16");
  check_refused(inspect("fp32", {"--against", runs().path("bf16")}), 2, "is kept in full");
}

TEST_CASE("rules that divide by nothing have errors and no step sizes") {
  const Json json = inspected("lion");
  CHECK(json["steady_courses"].empty());
  CHECK(!trial_of(json, "blockwise8").contains("step_size_ratio"));
  CHECK(trial_of(json, "blockwise8")["slots"]["exp_avg"]["relative_error"].get<double>() > 0);
  const Outcome over = inspect("lion", {"--html", runs().path("lion/last.ckpt.safetensors")});
  CHECK(over.status == 2);
  CHECK(over.err.find("last.ckpt.safetensors: a run keeps such a file to go on from") != std::string::npos);
  check_refused(inspect("lion", {"--html", runs().path("lion/log.jsonl")}), 2,
                "log.jsonl: a run keeps such a file to go on from");
  const Outcome page = inspect("lion", {"--html", runs().path("lion.html")});
  CHECK(page.status == 0);
  CHECK(html_fault(runs().bytes("lion.html")) == "");
}

TEST_CASE("a rule without state has nothing to show, and says so") {
  const Outcome outcome = inspect("sgd", {"--html", runs().path("sgd.html")});
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(outcome.out.find("sgd keeps no state.") != std::string::npos);
  CHECK(html_fault(runs().bytes("sgd.html")) == "");
  CHECK(inspected("sgd")["slots"].empty());
}

TEST_CASE("the text fits a terminal of 100 columns") {
  for (const Outcome& outcome :
       {inspect("fp32"), inspect("blockwise8"), inspect("blockwise8", {"--against", runs().path("fp32")})}) {
    REQUIRE(outcome.status == 0);
    CHECK(outcome.err.empty());
    size_t begin = 0;
    for (size_t end; (end = outcome.out.find('\n', begin)) != std::string::npos; begin = end + 1)
      if (begin > 0)
        CHECK_MESSAGE(end - begin <= 100, outcome.out.substr(begin, end - begin));  // first: a path
    CHECK(outcome.out.find("embedding.weight") != std::string::npos);
    CHECK(outcome.out.find("exp_avg_sq") != std::string::npos);
  }
}

TEST_CASE("the page is one well-formed file, and a name of markup in it is text") {
  const std::string evil = "fc<script>alert(1)</script>\"'&.weight";
  const std::string path = changed("fp32", "evil.safetensors", [&](TensorFile& file) {
    for (auto& [name, tensor] : file.tensors) {
      const size_t at = name.find("lstm.weight_ih_l0.");
      if (name == "model.lstm.weight_ih_l0") name = "model." + evil;
      if (at == 0) name.replace(0, std::string("lstm.weight_ih_l0").size(), evil);
    }
  });
  for (const std::string& run : {path, std::string("fp32"), std::string("blockwise8")}) {
    const std::string page = runs().path("page.html");
    const Outcome outcome = inspect(run, {"--html", page});
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    CHECK(html_fault(read_file(page)) == "");
  }
  REQUIRE(inspect(path, {"--html", runs().path("page.html")}).status == 0);
  const std::string page = runs().bytes("page.html");
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("fc&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;.weight") != std::string::npos);
}

TEST_CASE("state before the first step is all zeros, and nothing is wrong with it") {
  const std::string path = changed("fp32", "zeros.safetensors", [](TensorFile& file) {
    for (auto& [name, tensor] : file.tensors) {
      if (name.find(".exp_avg") != std::string::npos || name == "optimizer.step") tensor.fill(0);
    }
    Json run = Json::parse(file.metadata.at("run"));
    run["steps"] = 0;
    file.metadata["run"] = run.dump();
  });
  const Json json = inspected(path, {"--html", runs().path("page.html")});
  CHECK(html_fault(runs().bytes("page.html")) == "");
  CHECK(json["steps"] == 0);
  CHECK(json["steady_courses"].empty());
  CHECK(trial_of(json, "linear8, plain")["slots"]["exp_avg"]["relative_error"] == 0);
  CHECK(slot_of(json, "embedding.weight", "exp_avg")["zero_share"] == 1);
  CHECK(inspect(path).status == 0);
}

TEST_CASE("values that training never leaves are refused by their place") {
  const auto with = [](float value) {
    return changed("fp32", "odd.safetensors", [&](TensorFile& file) {
      for (auto& [name, tensor] : file.tensors)
        if (name == "lstm.weight_hh_l0.exp_avg_sq") tensor.span<float>()[7] = value;
    });
  };
  check_refused(inspect(with(NAN)), 6, "lstm.weight_hh_l0.exp_avg_sq is not finite: element 7 is nan");
  check_refused(inspect(with(INFINITY)), 6, "element 7 is inf");
  check_refused(inspect(with(-1)), 6, "never negative, but element 7 is -1");
  check_refused(inspect(changed("fp32", "odd.safetensors",
                                [](TensorFile& file) { file.at("model.fc.bias").span<float>()[0] = NAN; })),
                6, "model.fc.bias is of no use: element 0 is nan; put a copy back");
  for (const auto& [name, count] : {std::pair{"optimizer.step", 17}, {"optimizer.skipped_steps", -3}})
    check_refused(inspect(changed("fp32", "odd.safetensors",
                                  [&](TensorFile& file) {
                                    for (auto& [held, tensor] : file.tensors)
                                      if (held == name) tensor.fill(count);
                                  })),
                  6, "the counters of the optimizer are damaged: ");
}

TEST_CASE("every line about a run on generated data says so") {
  const fs::path folder = runs().path("generated");
  fs::copy(runs().path("fp32"), folder);
  const std::string log = runs().bytes("fp32/log.jsonl");
  Json start = Json::parse(log.substr(0, log.find('\n')));
  start["generated"] = true;
  write_file(folder / "log.jsonl", start.dump() + log.substr(log.find('\n')));
  const Outcome outcome = inspect("generated", {"--html", runs().path("page.html")});
  REQUIRE(outcome.status == 0);
  for (size_t begin = 0; begin < outcome.out.size(); begin = outcome.out.find('\n', begin) + 1)
    CHECK(outcome.out.compare(begin, 11, "generated: ") == 0);
  CHECK(runs().bytes("page.html").find("Trained on generated data.") != std::string::npos);
  CHECK(inspected("generated")["generated"] == true);
}

TEST_CASE("codes whose codec nothing names are asked for") {
  const auto unnamed = [](TensorFile& file) {
    std::erase_if(file.tensors, [](const auto& entry) { return entry.first.ends_with(".codec"); });
    std::string& config = file.metadata.at("config");
    const size_t at = config.find("\"blockwise8\"");
    REQUIRE(at != std::string::npos);
    config.replace(at, 12, "\"fp32\"");
  };
  const std::string path = changed("blockwise8", "unnamed.safetensors", unnamed);
  check_refused(inspect(path), 6, "say which one it is with --codec");
  CHECK(inspected(path, {"--codec", "blockwise8"})["slots"] == inspected("blockwise8")["slots"]);
}

TEST_CASE("bad input is refused with one sentence and the right exit code") {
  check_refused(inspect("nowhere"), 3, "no such folder or file");
  fs::create_directories(runs().path("empty"));
  check_refused(inspect("empty"), 3, "holds no run");
  check_refused(inspect("data.txt"), 6, "data.txt");
  check_refused(inspect("fp32/best.safetensors"), 6, "not 'octet checkpoint 1'");
  check_refused(inspect("fp32", {"--codec", "blockwise9"}), 2, "did you mean");
  check_refused(inspect("fp32", {"--codec", "fp64"}), 2, "for tests only");
  check_refused(inspect("fp32", {"--htm", "x"}), 2, "unknown flag '--htm', did you mean '--html'");
  check_refused(inspect("fp32", {"--html", runs().path("nowhere/page.html")}), 1, "page.html");
  const std::string bytes = runs().bytes(std::string("fp32") + kCheckpoint);
  write_file(runs().path("cut.safetensors"), bytes.substr(0, bytes.size() / 2));
  check_refused(inspect("cut.safetensors"), 6, "cut.safetensors");
  const std::string name = "lstm.weight_hh_l0.exp_avg";
  const auto damaged = [&](const char* file, const auto& change) {
    return inspect(changed("blockwise8", file, change));
  };
  check_refused(damaged("a.safetensors",
                        [&](TensorFile& file) {
                          for (auto& [key, tensor] : file.tensors)
                            if (key == name + ".absmax") tensor = Tensor::from(std::vector<float>{1}, {1});
                        }),
                6, name);
  check_refused(damaged("b.safetensors",
                        [&](TensorFile& file) {
                          for (auto& [key, tensor] : file.tensors)
                            if (key.ends_with(".block_size"))
                              tensor = Tensor::from(std::vector<int64_t>{-1}, {});
                        }),
                6, "block_size is damaged");
  check_refused(damaged("c.safetensors",
                        [&](TensorFile& file) {
                          for (auto& [key, tensor] : file.tensors)
                            if (key == name) key = "stranger.exp_avg";
                        }),
                6, "belongs to no parameter");
}
