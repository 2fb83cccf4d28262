// octet bench quantization, run as users run it, on few steps and small sets.
#include <cmath>
#include <cstdio>
#include <map>

#include "core/safetensors.h"
#include "optim/made_state.h"
#include "tests/tools/small_run.h"
#include "tests/tools/stored_state.h"
#include "tools/trained_state.h"

using namespace octet;
using namespace octet::testing;
using doctest::Approx;

namespace {

std::vector<Json> quantization(const Arguments& arguments) {
  const Outcome outcome = run_octet(Arguments{"bench", "quantization", "--json"} + arguments);
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  return events_in(outcome.out);
}

// Every gap of the paper's order, by its measure, is wide enough.
void check_gaps(const std::vector<Json>& lines) {
  int gaps = 0;
  for (const Json& line : lines) {
    if (!line.contains("gap")) continue;
    ++gaps;
    INFO(line.dump());
    CHECK(line["mean"].get<double>() > 0);
    CHECK(line["in_standard_errors"].get<double>() >= 3);
  }
  CHECK(gaps == 6);
}

// Of two units, a value of each.
void check_mean(const Json& json, const double (&of)[2]) {
  CHECK(json["mean"].get<double>() == Approx((of[0] + of[1]) / 2).epsilon(1e-9).scale(0));
  CHECK(json["standard_error"].get<double>() == Approx(std::abs(of[0] - of[1]) / 2).epsilon(1e-6).scale(0));
}

const Json& with(const std::vector<Json>& lines, const char* key, const Json& value,
                 const char* measure = nullptr) {
  for (const Json& line : lines)
    if (line.contains(key) && line[key] == value && (!measure || line["measure"] == measure)) return line;
  FAIL("no " << value);
  return lines.front();
}

std::string text_of(const char* format, double x) {
  char text[64];
  std::snprintf(text, sizeof text, format, x);
  return text;
}

}  // namespace

TEST_CASE(
    "on made state block-wise dynamic beats tensor-wise dynamic beats linear, by three standard errors") {
  const std::vector<Json> lines = quantization({"--states", "lognormal", "--sets", "8"});
  check_gaps(lines);
  std::map<std::string, Json> by_name;
  for (const Json& line : lines)
    if (line.contains("storage")) by_name[line["storage"]] = line;
  CHECK(by_name.size() == 7);
  for (const auto& [name, line] : by_name) {
    INFO(name);
    CHECK(line["states"] == "lognormal");
    CHECK(line["units"] == 8);
    CHECK(line["elements"] == 65500);
    CHECK(!line.contains("generated"));
    for (const char* measure : {"error_m", "error_v", "error_m_of_absmax", "relative_m", "adam_error"}) {
      CHECK(line[measure]["mean"].get<double>() > 0);
      CHECK(line[measure]["standard_error"].get<double>() > 0);
    }
  }
  CHECK(by_name["bf16"]["bytes_per_value"] == 2);
  CHECK(by_name["blockwise8"]["bytes_per_value"].get<double>() ==
        doctest::Approx(1 + 4.0 / 256).epsilon(1e-3).scale(0));
  CHECK(quantization({"--states", "lognormal", "--sets", "8", "--threads", "1"}) == lines);
}

TEST_CASE("errors of made state are those of its two moments, stored as the flags say") {
  const Arguments flags = {"--states",     "lognormal", "--sets",          "2",
                           "--block-size", "64",        "--second-moment", "floor"};
  const std::vector<Json> lines = quantization(flags);
  const Outcome outcome = run_octet(Arguments{"bench", "quantization"} + flags);
  REQUIRE(outcome.status == 0);
  const auto shown = [&](const std::string& text) {
    INFO(text);
    CHECK(outcome.out.find(text) != std::string::npos);
  };
  shown("lognormal: 2 tensors\n65,500 elements each, from seeds 1 to 2; second moments: floor\n");
  struct Errors {
    double m[2], v[2], adam[2];  // of each unit
  };
  std::map<std::string, Errors> errors;
  for (const char* codec : {"blockwise8", "tensorwise8", "linear8"}) {
    INFO(codec);
    const bool signs = std::string(codec) == "blockwise8";
    double m_of_absmax[2], v_of_absmax[2], m_relative[2], v_relative[2];
    Errors& of = errors[codec];
    for (size_t unit = 0; unit < 2; ++unit) {
      const optim::AdamState x = optim::log_normal_state({}, unit + 1);
      const Stored m = stored_in(codec, optim::Book::Signed, x.m, 64, {.signed_absmax = signs}),
                   v = stored_in(codec, optim::Book::Unsigned, x.v, 64, {.floor = true});
      Sums first, second;
      first.add(x.m, m.values), second.add(x.v, v.values);
      of.m[unit] = first.error / first.elements, of.v[unit] = second.error / second.elements;
      m_of_absmax[unit] = of.m[unit] / first.largest, v_of_absmax[unit] = of.v[unit] / second.largest;
      m_relative[unit] = first.error / first.magnitude, v_relative[unit] = second.error / second.magnitude;
      of.adam[unit] = testing::mean_of(adam_errors(x.m, x.v, m.values, v.values, 1e-8));
    }
    const Json& line = with(lines, "storage", codec);
    CHECK(line["units"] == 2);
    CHECK(line["second_moment"] == "floor");
    const double blocks = codec == std::string("tensorwise8") ? 1 : 1024;
    CHECK(line["bytes_per_value"].get<double>() == Approx(1 + 4 * blocks / 65500));
    check_mean(line["error_m"], of.m), check_mean(line["error_v"], of.v);
    check_mean(line["error_m_of_absmax"], m_of_absmax), check_mean(line["error_v_of_absmax"], v_of_absmax);
    check_mean(line["relative_m"], m_relative), check_mean(line["relative_v"], v_relative);
    check_mean(line["adam_error"], of.adam);
    // The table, with Adam's error in percent.
    const auto mean = [&](const char* name) { return line[name]["mean"].get<double>(); };
    const auto error = [&](const char* name) { return line[name]["standard_error"].get<double>(); };
    for (const char* slot : {"error_m", "error_v"})
      shown(text_of("%.2e", mean(slot)) + " +- " + text_of("%.0e", error(slot)) + "   " +
            text_of("%.2e", mean((std::string(slot) + "_of_absmax").c_str())));
    shown(text_of("%.3g", 100 * mean("adam_error")) + " +- " + text_of("%.1g", 100 * error("adam_error")) +
          " %\n");
  }
  // The gap between the first two, unit by unit.
  const Errors &block = errors["blockwise8"], &tensor = errors["tensorwise8"];
  const Json pair = {"blockwise8", "tensorwise8"};
  const auto check_gap = [&](const char* measure, const double(&small)[2], const double(&large)[2],
                             double unit, const char* sign) {
    INFO(measure);
    const Json& line = with(lines, "gap", pair, measure);
    check_mean(line, {large[0] - small[0], large[1] - small[1]});
    const double mean = line["mean"], error = line["standard_error"];
    CHECK(line["in_standard_errors"].get<double>() == Approx(mean / error));
    shown(std::string(measure) + ": blockwise8 < tensorwise8 by " + text_of("%.3g", unit * mean) + " +- " +
          text_of("%.2g", unit * error) + sign + ", " + text_of("%.1f", mean / error) + " standard errors\n");
  };
  check_gap("error_m", block.m, tensor.m, 1, "");
  check_gap("error_v", block.v, tensor.v, 1, "");
  check_gap("adam_error", block.adam, tensor.adam, 100, " %");
}

TEST_CASE("errors of a trained model weigh every element of its tensors alike") {
  const Runs runs;
  const std::vector<Json> lines =
      quantization({"--states", "sms", "--steps", "3", "--runs", "2", "--data", runs.data()});
  tools::TrainConfig config;
  config.task = "sms", config.data = runs.data();
  const tools::TextData data = tools::load_text_data(config);
  const double eps = 1e-8 * std::sqrt(1 - std::pow(0.999, 3));
  double error_m[2], error_v[2], m_of_absmax[2], v_of_absmax[2], m_relative[2], v_relative[2], adam[2];
  double elements = 0;
  for (size_t run = 0; run < 2; ++run) {
    config.seed = static_cast<int64_t>(run) + 1;
    Sums m, v;
    std::vector<double> updates;
    double m_shares = 0, v_shares = 0;
    const std::vector<tools::NamedAdamState> states = tools::trained_state(config, data, 3);
    CHECK(states.size() == 9);  // of the 19 those of 4,096 elements or more
    for (const auto& [name, x] : states) {
      const Values stored_m = stored_in("blockwise8", optim::Book::Signed, x.m, 256).values,
                   stored_v = stored_in("blockwise8", optim::Book::Unsigned, x.v, 256).values;
      Sums first, second;
      first.add(x.m, stored_m), second.add(x.v, stored_v);
      m_shares += first.error / first.largest, v_shares += second.error / second.largest;
      m.add(x.m, stored_m), v.add(x.v, stored_v);
      append(updates, adam_errors(x.m, x.v, stored_m, stored_v, eps));
    }
    elements = m.elements;
    error_m[run] = m.error / elements, error_v[run] = v.error / elements;
    m_of_absmax[run] = m_shares / elements, v_of_absmax[run] = v_shares / elements;
    m_relative[run] = m.error / m.magnitude, v_relative[run] = v.error / v.magnitude;
    adam[run] = testing::mean_of(updates);
    CHECK(static_cast<double>(updates.size()) < elements);  // rows of words that have not come up yet
  }
  const Json& line = with(lines, "storage", "blockwise8");
  CHECK(line["states"] == "sms");
  CHECK(line["units"] == 2);
  CHECK(line["elements"] == elements);
  check_mean(line["error_m"], error_m), check_mean(line["error_v"], error_v);
  check_mean(line["error_m_of_absmax"], m_of_absmax), check_mean(line["error_v_of_absmax"], v_of_absmax);
  check_mean(line["relative_m"], m_relative), check_mean(line["relative_v"], v_relative);
  check_mean(line["adam_error"], adam);
}

TEST_CASE("state to measure is what octet train leaves after as many steps") {
  const Runs runs;
  runs.trained("run", {"--epochs", "2", "--min-8bit-size", "768"});
  tools::TrainConfig config;
  config.task = "sms", config.data = runs.data();
  config.batch_size = 8, config.lr = 0.003, config.hidden = 16, config.embedding = 12, config.min_freq = 2;
  config.min_8bit_size = 768;
  config.optimizer = "lion", config.state = "blockwise8", config.state_override = {"*=bf16"};  // not heeded
  const tools::TextData data = tools::load_text_data(config);
  const std::vector<tools::NamedAdamState> states = tools::trained_state(config, data, 2 * 66);
  const TensorFile file = read_safetensors(runs.path("run/last.ckpt.safetensors"));
  size_t large = 0;
  for (const auto& [name, tensor] : file.tensors)
    large += name.ends_with(".exp_avg_sq") && tensor.numel() >= 768;
  CHECK(states.size() == large);
  for (const auto& [name, state] : states) {
    INFO(name);
    CHECK(state.m == file.at(name + ".exp_avg").to_vector<float>());
    CHECK(state.v == file.at(name + ".exp_avg_sq").to_vector<float>());
  }
  // After one step, and no more, m = g / 10 and v = g g / 1000.
  for (const auto& [name, state] : tools::trained_state(config, data, 1)) {
    double off = 0;
    for (size_t i = 0; i < state.m.size(); ++i) {
      const double squared = 0.1 * state.m[i] * double{state.m[i]};
      off = std::max(off, std::abs(state.v[i] - squared) - 1e-5 * squared);
    }
    INFO(name);
    CHECK(off < 1e-30);
  }
}

TEST_CASE("and so on state of the SMS model") {
  const std::string data = NEED_DATA("sms_spam.csv").string();
  check_gaps(quantization({"--states", "sms", "--steps", "40", "--runs", "3", "--data", data}));
}

TEST_CASE("one unit has no standard error, and is refused") {
  const Outcome outcome = run_process({octet_program(), "bench", "quantization", "--sets", "1"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("--sets") != std::string::npos);
}
