// octet bench quantization: what each way of storing Adam's state does to it, and to the updates it makes.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/cpu/thread_pool.h"
#include "optim/state_error.h"
#include "tools/commands/bench.h"
#include "tools/field_flags.h"
#include "tools/format.h"
#include "tools/jsonl.h"
#include "tools/table.h"
#include "tools/trained_state.h"

namespace octet::tools {
namespace {

using optim::Book;

constexpr std::string_view kSets[] = {"all", "sms", "lognormal"};

// In the order of the table. The first three are those of the paper's claim, best first.
constexpr std::string_view kStorages[] = {"blockwise8", "tensorwise8", optim::kTensorwiseLinear,
                                          "linear8",    "blockwise4",  "blockwise8-v0.36",
                                          "bf16"};
constexpr size_t kClaimed = 3;

struct QuantizationConfig {
  std::string states = "all", second_moment = "plain", data;
  int64_t runs = 5, steps = 500, sets = 20, block_size = 256, threads = 0;
  bool json = false;

  template <class V>
  void visit(V&& v) {
    v(Field{"states", "sms: of the SMS model, trained here; lognormal: made from a seed"}, states,
      Choice{kSets});
    v(Field{"runs", "sms: runs with seeds 1, 2, ...; each is a unit of the standard error"}, runs,
      Range{2, 1000});
    v(Field{"steps", "sms: steps of Adam with fp32 state"}, steps, Range{1, 1e6});
    v(Field{"sets", "lognormal: tensors with seeds 1, 2, ...; each is a unit"}, sets, Range{2, 100000});
    v(Field{"second_moment", "how second moments are stored; plain: as in the paper"}, second_moment,
      Choice{kSecondMoments});
    v(Field{"block_size", "elements that share one scale"}, block_size,
      Range{.low = 64, .high = 4096, .power_of_two = true});
    v(Field{"data", "sms: file or folder of the data set; empty: look in the usual places"}, data,
      Text{"PATH"});
    v(Field{"threads", "CPU threads; 0: all"}, threads, Range{0, 1024});
    v(Field{"json", "a JSON line for each way of storing, and for each gap"}, json, Switch{});
  }
};

// One run, or one made tensor.
using Unit = std::vector<optim::AdamState>;
struct StateSet {
  std::string name, source;
  bool generated = false;
  double eps = 0;  // of the update, with its bias correction
  std::vector<Unit> units;
};

StateSet sms_states(const QuantizationConfig& config) {
  TrainConfig train;
  train.task = "sms";
  train.data = config.data;
  const TextData data = load_text_data(train);
  StateSet set{.name = "sms", .source = data.source, .generated = data.generated};
  for (int64_t run = 1; run <= config.runs; ++run) {
    train.seed = run;
    set.units.emplace_back();
    for (NamedAdamState& named : trained_state(train, data, config.steps))
      set.units.back().push_back(std::move(named.state));
  }
  set.eps = train.eps * std::sqrt(1 - std::pow(train.beta2, static_cast<double>(config.steps)));
  return set;
}

StateSet lognormal_states(const QuantizationConfig& config) {
  StateSet set{.name = "lognormal", .source = "seeds 1 to " + std::to_string(config.sets), .eps = 1e-8};
  for (int64_t seed = 1; seed <= config.sets; ++seed)
    set.units.push_back({optim::log_normal_state({}, static_cast<uint64_t>(seed))});
  return set;
}

// A value for each unit.
using Samples = std::vector<double>;
struct Measured {
  Samples error_m, error_v;        // mean |x - q|
  Samples absmax_m, absmax_v;      // the same as a share of the tensor's largest |x|
  Samples relative_m, relative_v;  // sum |x - q| / sum |x|
  Samples adam;                    // mean |u - u'| / |u|
  double bytes_per_value = 0;
};

// Errors of several tensors, each weighted by its elements; those of updates by the elements that move.
void add_unit(const optim::Storage& how, const Unit& unit, double eps, Measured& out) {
  double elements = 0, bytes = 0, adam = 0, moved = 0;
  double error[2] = {}, absmax[2] = {}, magnitude[2] = {};
  for (const optim::AdamState& state : unit) {
    const auto n = static_cast<double>(state.m.size());
    const optim::StoredSlot m = store(how, Book::Signed, state.m, 0),
                            v = store(how, Book::Unsigned, state.v, 1);
    const optim::ValueError of[2] = {optim::value_error(state.m, m.values),
                                     optim::value_error(state.v, v.values)};
    const std::vector<float>* exact[2] = {&state.m, &state.v};
    for (size_t slot = 0; slot < 2; ++slot) {
      error[slot] += n * of[slot].mean_abs;
      absmax[slot] += n * of[slot].of_absmax;
      for (const float x : *exact[slot]) magnitude[slot] += std::abs(static_cast<double>(x));
    }
    const optim::AdamError update = optim::adam_error(state.m, state.v, m.values, v.values, eps);
    adam += static_cast<double>(update.count) * update.mean, moved += static_cast<double>(update.count);
    elements += n;
    bytes += static_cast<double>(m.bytes + v.bytes);
  }
  out.error_m.push_back(error[0] / elements), out.error_v.push_back(error[1] / elements);
  out.absmax_m.push_back(absmax[0] / elements), out.absmax_v.push_back(absmax[1] / elements);
  out.relative_m.push_back(error[0] / magnitude[0]), out.relative_v.push_back(error[1] / magnitude[1]);
  out.adam.push_back(moved > 0 ? adam / moved : 0);
  out.bytes_per_value = bytes / (2 * elements);
}

// By how much the second exceeds the first, unit by unit.
optim::Mean gap(const Samples& smaller, const Samples& larger) {
  Samples difference;
  for (size_t i = 0; i < smaller.size(); ++i) difference.push_back(larger[i] - smaller[i]);
  return optim::mean_of(difference);
}

class Report {
 public:
  Report(const QuantizationConfig& config, const StateSet& set) : config_(config), set_(set) {}

  void measure() {
    for (const std::string_view name : kStorages) {
      const optim::Storage how{.name = name,
                               .block_size = static_cast<int>(config_.block_size),
                               .second_moment = optim::second_moment(config_.second_moment)};
      Measured& out = measured_.emplace_back();
      for (const Unit& unit : set_.units) add_unit(how, unit, set_.eps, out);
    }
  }

  void write_json(JsonLines& lines) const {
    for (size_t i = 0; i < measured_.size(); ++i) {
      const Measured& x = measured_[i];
      nlohmann::ordered_json line = {{"states", set_.name},
                                     {"storage", kStorages[i]},
                                     {"units", set_.units.size()},
                                     {"elements", elements()},
                                     {"bytes_per_value", x.bytes_per_value},
                                     {"second_moment", config_.second_moment}};
      const auto put = [&](const char* name, const Samples& samples) {
        const optim::Mean mean = optim::mean_of(samples);
        line[name] = {{"mean", mean.mean}, {"standard_error", mean.standard_error}};
      };
      put("error_m", x.error_m), put("error_v", x.error_v);
      put("error_m_of_absmax", x.absmax_m), put("error_v_of_absmax", x.absmax_v);
      put("relative_m", x.relative_m), put("relative_v", x.relative_v);
      put("adam_error", x.adam);
      if (set_.generated) line["generated"] = true;
      lines.write(line);
    }
    for_each_gap([&](const char* measure, size_t smaller, const optim::Mean& mean) {
      nlohmann::ordered_json line = {{"states", set_.name},
                                     {"gap", {kStorages[smaller], kStorages[smaller + 1]}},
                                     {"measure", measure},
                                     {"mean", mean.mean},
                                     {"standard_error", mean.standard_error},
                                     {"in_standard_errors", mean.mean / mean.standard_error}};
      if (set_.generated) line["generated"] = true;
      lines.write(line);
    });
  }

  std::string text() const {
    std::string out = fmt::format("{}: {}\n{} elements each, from {}; second moments: {}\n", set_.name,
                                  units_text(), format_count(elements()), set_.source, config_.second_moment);
    Table table({"storage", "|m - q|", "of absmax", "|v - q|", "of absmax", "Adam error"}, 1);
    for (size_t i = 0; i < measured_.size(); ++i) {
      const Measured& x = measured_[i];
      table.row({std::string(kStorages[i]), with_error(x.error_m), small(x.absmax_m), with_error(x.error_v),
                 small(x.absmax_v), percent_with_error(x.adam)});
    }
    out += table.text() + "\n";
    for_each_gap([&](std::string_view measure, size_t smaller, const optim::Mean& mean) {
      const bool share = measure == "adam_error";  // shown as a percentage, as in the table
      out += fmt::format("{}: {} < {} by {:.3g} +- {:.2g}{}, {:.1f} standard errors\n", measure,
                         kStorages[smaller], kStorages[smaller + 1], (share ? 100 : 1) * mean.mean,
                         (share ? 100 : 1) * mean.standard_error, share ? " %" : "",
                         mean.mean / mean.standard_error);
    });
    if (!set_.generated) return out;
    std::string marked = "generated: ";
    for (size_t i = 0; i < out.size(); ++i) {
      marked += out[i];
      if (out[i] == '\n' && i + 1 < out.size()) marked += "generated: ";
    }
    return marked;
  }

 private:
  int64_t elements() const {
    int64_t sum = 0;
    for (const optim::AdamState& state : set_.units.front()) sum += static_cast<int64_t>(state.m.size());
    return sum;
  }
  std::string units_text() const {
    return set_.name == "sms" ? fmt::format("{} runs of {} steps, tensors of at least 4,096 elements",
                                            config_.runs, config_.steps)
                              : fmt::format("{} tensors", config_.sets);
  }
  static std::string small(const Samples& samples) {
    return fmt::format("{:.2e}", optim::mean_of(samples).mean);
  }
  static std::string with_error(const Samples& samples) {
    const optim::Mean mean = optim::mean_of(samples);
    return fmt::format("{:.2e} +- {:.0e}", mean.mean, mean.standard_error);
  }
  static std::string percent_with_error(const Samples& samples) {
    const optim::Mean mean = optim::mean_of(samples);
    return fmt::format("{:.3g} +- {:.1g} %", 100 * mean.mean, 100 * mean.standard_error);
  }
  template <class Body>
  void for_each_gap(const Body& body) const {
    for (size_t i = 0; i + 1 < kClaimed; ++i) {
      body("error_m", i, gap(measured_[i].error_m, measured_[i + 1].error_m));
      body("error_v", i, gap(measured_[i].error_v, measured_[i + 1].error_v));
      body("adam_error", i, gap(measured_[i].adam, measured_[i + 1].adam));
    }
  }

  const QuantizationConfig& config_;
  const StateSet& set_;
  std::vector<Measured> measured_;
};

int bench_quantization(const QuantizationConfig& config) {
  cpu::set_thread_count(static_cast<int>(config.threads));
  JsonLines lines(1, "standard output");
  const auto show = [&](const StateSet& set) {
    Report report(config, set);
    report.measure();
    if (config.json)
      report.write_json(lines);
    else
      std::printf("%s\n", report.text().c_str());
  };
  if (config.states != "lognormal") show(sms_states(config));
  if (config.states != "sms") show(lognormal_states(config));
  if (config.json) return 0;
  std::fputs(
      "m, v: first and second moment of Adam, q: as stored. |x - q|: mean over all elements; of absmax: as\n"
      "a share of the largest of its tensor. Adam error: mean |u - u'| / |u| of the update u = m / (sqrt(v)\n"
      "+ eps), where m is not 0. +- is one standard error over runs or tensors.\n",
      stdout);
  return 0;
}

}  // namespace

std::function<int()> declare_bench_quantization(CLI::App& app) {
  return declare_with(app, bench_quantization);
}

}  // namespace octet::tools
