// octet bench optimizer: the step of every rule and codec, beside a plain copy of as many bytes.
#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/cpu/thread_pool.h"
#include "core/names.h"
#include "optim/bench.h"
#include "optim/registry.h"
#include "optim/state_layout.h"
#include "tools/commands/bench.h"
#include "tools/config.h"
#include "tools/field_flags.h"
#include "tools/format.h"
#include "tools/jsonl.h"
#include "tools/table.h"

namespace octet::tools {
namespace {

std::vector<std::string_view> rule_names() {
  std::vector<std::string_view> names;
  for (const optim::RuleInfo& rule : optim::rules()) names.push_back(rule.name);
  return names;
}

std::vector<std::string_view> codec_names() {
  std::vector<std::string_view> names;
  for (const optim::CodecInfo& codec : optim::codecs())
    if (codec.offered) names.push_back(codec.name);
  return names;
}

constexpr std::string_view kDefaultParams = "359549,1e7,5e7";
constexpr int64_t kMostTensors = 100'000;

struct BenchConfig {
  std::string optimizer = "adam", state, params, shapes, device = "cpu";
  std::string second_moment = "dither", rounding = "nearest", weight_dtype = "fp32",
              weight_rounding = "stochastic";
  int64_t threads = 0, repeats = 10, block_size = 256;
  bool json = false;

  template <class V>
  void visit(V&& v) {
    static const std::vector<std::string_view> rules = rule_names(), codecs = codec_names();
    static const std::string states = "how state is stored, separated by commas: " + join(codecs) + " [all]";
    static const std::string sizes =
        "weights of each case, separated by commas; 1e6x20 is 20 tensors of 1e6 [" +
        std::string(kDefaultParams) + "]";
    v(Field{"optimizer", "update rule"}, optimizer, Choice{rules});
    v(Field{"state", states}, state, Text{"NAME[,NAME...]", true});
    v(Field{"params", sizes}, params, Text{"N[xTENSORS][,...]", true});
    v(Field{"shapes", "the tensors of a model instead of --params"}, shapes, Choice{kModelShapes});
    v(Field{"block_size", "elements that share one scale in 8-bit state"}, block_size,
      Range{.low = 64, .high = 4096, .power_of_two = true});
    v(Field{"second_moment", "as of `octet train`"}, second_moment, Choice{kSecondMoments});
    v(Field{"rounding", "as of `octet train`"}, rounding, Choice{kRoundings});
    v(Field{"weight_dtype", "how tensors of 4,096 weights or more are stored"}, weight_dtype,
      Choice{kWeightTypes});
    v(Field{"weight_rounding", "as of `octet train`"}, weight_rounding, Choice{kRoundings});
    v(Field{"device", "where to compute"}, device, Choice{kDevices});
    v(Field{"threads", "CPU threads; 0: all"}, threads, Range{0, 1024});
    v(Field{"repeats", "steps of each case, of which the fastest counts"}, repeats, Range{1, 100000});
    v(Field{"json", "a JSON line a case"}, json, Switch{});
  }
};

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) c == ',' ? parts.emplace_back() : parts.back() += c;
  return parts;
}

std::vector<std::string> parse_states(const std::string& text) {
  const std::vector<std::string_view> names = codec_names();
  if (text.empty()) return {names.begin(), names.end()};
  std::vector<std::string> states = split_at_commas(text);
  for (const std::string& state : states)
    require(std::find(names.begin(), names.end(), state) != names.end(), ErrorKind::Usage,
            "--state: ", unknown_name("name", state, names));
  return states;
}

// "50000000" or "5e7"; a part of `all`.
int64_t parse_count(const std::string& text, const std::string& all) {
  double count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool number = end == text.data() + text.size() && !text.empty();
  const bool huge = number && text[0] != '-' && (error == std::errc::result_out_of_range || count >= 0x1p53);
  if (huge && !std::isinf(count))
    fail(ErrorKind::Memory, "--params ", text, ": no machine has memory for so many weights");
  require(number && error == std::errc() && count >= 1 && count == std::floor(count) && !huge,
          ErrorKind::Usage, "--params ", text.empty() ? "''" : text,
          text == all ? std::string() : " of '" + all + "'",
          ": must be a whole number of at least 1, such as 50000000 or 5e7");
  return static_cast<int64_t>(count);
}

// Of one case: a model's, or equal tensors of one axis.
using Shapes = std::vector<Shape>;

// "5e7", or "1e6x20".
Shapes parse_case(const std::string& text, const std::string& all) {
  const size_t times = text.find('x');
  const int64_t tensors = times == std::string::npos ? 1 : parse_count(text.substr(times + 1), all);
  require(tensors <= kMostTensors, ErrorKind::Usage, "--params ", text, ": at most ",
          format_count(kMostTensors), " tensors");
  const int64_t weights = parse_count(text.substr(0, times), all);
  require(weights <= (int64_t{1} << 53) / tensors, ErrorKind::Memory, "--params ", text,
          ": no machine has memory for so many weights");
  return Shapes(static_cast<size_t>(tensors), Shape{weights});
}

std::vector<Shapes> cases_of(const BenchConfig& config) {
  require(config.params.empty() || config.shapes.empty(), ErrorKind::Usage,
          "--params and --shapes cannot be given together: a case has one set of tensors");
  if (config.shapes == "sms") return {sms_shapes()};
  if (config.shapes == "bert-base") return {bert_base_shapes()};
  std::vector<Shapes> cases;
  const std::string all = config.params.empty() ? std::string(kDefaultParams) : config.params;
  for (const std::string& one : split_at_commas(all)) cases.push_back(parse_case(one, all));
  return cases;
}

// What the kernel says can still be had without swapping; 0 if it does not say.
double available_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("MemAvailable:")) return std::atof(line.c_str() + 13) * 1024;
  return 0;
}

// Asked before anything is touched: Linux would hand the memory out and end the program later.
void require_memory(const Shapes& shapes, const optim::GroupOptions& options, bool bf16_weights) {
  double wanted = 0;
  for (const Shape& shape : shapes) {
    // Weights and gradients.
    wanted += (bf16_weights ? 6.0 : 8.0) * static_cast<double>(shape.numel());
    for (const optim::StateSlot& slot : state_layout(options, {.name = "", .shape = shape}).slots)
      wanted += static_cast<double>(slot.bytes());
  }
  const double there = available_memory();
  require(there == 0 || wanted <= there, ErrorKind::Memory,
          "out of memory: ", format_count(elements_in(shapes)), " weights with gradients and state need ",
          format_bytes(static_cast<int64_t>(wanted)), ", ", format_bytes(static_cast<int64_t>(there)),
          " are available");
}

// What a rule for matrices was timed at.
std::string note_of(const optim::RuleInfo& rule, bool products) {
  if (rule.others < 0) return "";
  if (products)
    return fmt::format(
        "\n{} steps matrices by matrix products: they decide, so there are no bytes to compare\n", rule.name);
  return fmt::format("\nnone of these tensors is a matrix: {} stepped them; --shapes has matrices\n",
                     optim::rule_at(rule.others).name);
}

// A line of the table. bytes: moved for each weight, 0 where nobody counts them; copy: in GB/s.
std::vector<std::string> text_row(const std::string& pass, const std::string& state, int64_t params,
                                  size_t tensors, double seconds, double bytes,
                                  const std::string& state_bytes, double copy) {
  const auto n = static_cast<double>(params);
  const double gbps = bytes * n / seconds / 1e9;
  const auto counted = [&](const std::string& text) { return bytes > 0 ? text : "-"; };
  return {pass,
          state,
          format_count(params),
          format_count(static_cast<int64_t>(tensors)),
          fixed(1e3 * seconds, seconds < 1e-4 ? 4 : 3),
          fixed(1e9 * seconds / n, 3),
          counted(fixed(bytes, 2)),
          state_bytes,
          counted(fixed(gbps, 2)),
          counted(fixed(copy, 2)),
          counted(fixed(100 * gbps / copy, 0) + " %")};
}

int bench_optimizer(const BenchConfig& config) {
  const std::vector<std::string> states = parse_states(config.state);
  const std::vector<Shapes> cases = cases_of(config);
  const Device device = config.device == "cuda" ? Device::cuda() : Device::cpu();
  const optim::RuleInfo& rule = optim::rule_named(config.optimizer);
  cpu::set_thread_count(static_cast<int>(config.threads));
  const int repeats = static_cast<int>(config.repeats);
  const bool bf16_weights = config.weight_dtype == "bf16";

  JsonLines lines(1, "standard output");
  Table table({"optimizer", "state", "params", "tensors", "ms", "ns/param", "bytes/param",
               "state bytes/param", "GB/s", "copy GB/s", "of copy"},
              2);
  bool products = false;
  for (const Shapes& shapes : cases) {
    optim::StepTiming timing;
    for (const std::string& state : states) {
      if (device.is_cpu())
        require_memory(
            shapes,
            {.rule = config.optimizer, .codec = state, .block_size = static_cast<int>(config.block_size)},
            bf16_weights);
      timing = optim::time_step({.rule = config.optimizer,
                                 .codec = state,
                                 .shapes = shapes,
                                 .block_size = static_cast<int>(config.block_size),
                                 .second_moment = optim::second_moment(config.second_moment),
                                 .rounding = optim::rounding(config.rounding),
                                 .bf16_weights = bf16_weights,
                                 .weight_rounding = optim::rounding(config.weight_rounding),
                                 .repetitions = repeats,
                                 .device = device});
      const auto params = static_cast<double>(timing.parameters);
      const bool counted = timing.bytes_per_parameter > 0;  // not where matrix products decide
      products |= !counted;
      const double copy = counted ? copy_gbps_like(device, timing.bytes_per_parameter * params, repeats) : 0;
      const auto json = [&](double x) { return counted ? nlohmann::ordered_json(x) : nullptr; };
      if (config.json) {
        lines.write({{"optimizer", config.optimizer},
                     {"state", state},
                     {"weight_dtype", config.weight_dtype},
                     {"device", config.device},
                     {"params", timing.parameters},
                     {"tensors", shapes.size()},
                     {"ms", 1e3 * timing.seconds},
                     {"norm_ms", 1e3 * timing.norm_seconds},
                     {"bytes_per_param", json(timing.bytes_per_parameter)},
                     {"state_bytes_per_param", timing.state_bytes_per_parameter},
                     {"gbps", json(timing.gbps)},
                     {"copy_gbps", json(copy)}});
        continue;
      }
      table.row(text_row(config.optimizer, state, timing.parameters, shapes.size(), timing.seconds,
                         timing.bytes_per_parameter, fixed(timing.state_bytes_per_parameter, 3), copy));
    }
    if (config.json) continue;
    // One line a case: states differ by a launch at most.
    const double bytes = timing.norm_bytes_per_parameter;
    const double copy = copy_gbps_like(device, bytes * static_cast<double>(timing.parameters), repeats);
    table.row(text_row("norm pass", states.back(), timing.parameters, shapes.size(), timing.norm_seconds,
                       bytes, "-", copy));
  }
  if (config.json) return 0;
  std::fputs((table.text() + note_of(rule, products)).c_str(), stdout);
  if (bf16_weights) std::fputs("\nweights of 4,096 elements or more are bf16, gradients f32\n", stdout);
  std::printf("\n%s, %d threads; update pass, fastest of %d; a training step adds the norm pass\n",
              config.device.c_str(), cpu::thread_count(), repeats);
  std::fputs(
      "bytes/param: read and written by the pass; copy: a plain copy that moves as many bytes. A copy also\n"
      "fetches the lines that it overwrites, which does not count: a good step can be faster than a copy.\n",
      stdout);
  return 0;
}

}  // namespace

std::function<int()> declare_bench_optimizer(CLI::App& app) { return declare_with(app, bench_optimizer); }

}  // namespace octet::tools
