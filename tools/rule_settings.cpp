#include "tools/rule_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/names.h"
#include "optim/hyper_use.h"
#include "optim/registry.h"
#include "optim/state_error.h"
#include "tools/fields.h"
#include "tools/format.h"
#include "tools/tasks.h"

namespace octet::tools {
namespace {

// Calls body(field of the config, hyper-parameter) for all that a rule has defaults of.
template <class Config, class Hyper, class Body>
void for_each_pair(Config& c, Hyper& h, const Body& body) {
  body(c.beta1, h.beta1);
  body(c.beta2, h.beta2);
  body(c.eps, h.eps);
  body(c.momentum, h.momentum);
  body(c.dampening, h.dampening);
  body(c.nesterov, h.nesterov);
  body(c.alpha, h.alpha);
  body(c.centered, h.centered);
  body(c.beta3, h.beta3);
  body(c.alpha_slow, h.alpha_slow);
  body(c.t_alpha, h.t_alpha);
  body(c.t_beta3, h.t_beta3);
  body(c.trust_coefficient, h.trust_coefficient);
  body(c.max_trust, h.max_trust);
  body(c.eps2, h.eps2);
  body(c.clip_threshold, h.clip_threshold);
  body(c.decay_rate, h.decay_rate);
  body(c.fixed_step, h.fixed_step);
  body(c.unfactored, h.unfactored);
}

// Rules whose steps are of another size than Adam's, and learning rates to begin with: after 8 epochs of task
// sms they end with validation losses of 0.06 to 0.33, with Adam's 1e-4 of 0.47 to 0.67.
constexpr std::pair<std::string_view, double> kFirstRates[] = {
    {"sgd", 0.3}, {"momentum", 0.03}, {"adagrad", 0.01},  {"lamb", 0.01},
    {"lars", 1},  {"muon", 0.01},     {"adafactor", 0.01}};

void hint_at_rate(const TrainConfig& config, std::vector<std::string>& lines) {
  TrainConfig usual;
  usual.task = config.task;
  if (!usual.task.empty()) task_of(usual).defaults(usual);
  if (config.lr != usual.lr || (config.optimizer == "adafactor" && config.fixed_step)) return;
  for (const auto& [rule, rate] : kFirstRates)
    if (rule == config.optimizer)
      lines.push_back(
          fmt::format("lr {} is the default, which is for adam; {} needs a larger one, to begin with --lr {}",
                      config.lr, rule, rate));
}

// Dither tells a 32,768th of the distance of two codes (optim/dither_pieces.h); of what moves by less in a
// step some values stand still and others go too fast.
void hint_at_decay(const TrainConfig& config, std::vector<std::string>& lines) {
  constexpr double kNearest = 0.99997;
  const optim::HyperParameters hyper = hyper_of(config);
  const optim::RuleInfo& rule = optim::rule_named(config.optimizer);
  const auto decay_of = [&](const optim::RuleInfo& of) {
    const double decay = optim::denominator(of, hyper, 1).decay;
    return decay == 1 ? 0 : decay;  // a sum
  };
  double second = decay_of(rule);
  if (rule.others >= 0) second = std::max(second, decay_of(optim::rule_at(rule.others)));
  const double slow = config.optimizer == "ademamix" ? hyper.beta3 : 0;
  std::vector<std::string> states;  // of overrides the first that fits counts, and then --state
  bool some_left = true;
  for (const optim::CodecOverride& other : group_options(config).overrides) {
    if (some_left) states.push_back(other.codec);
    if (other.pattern == "*") some_left = false;
  }
  if (some_left) states.push_back(config.state);
  for (const std::string& state : states) {
    const optim::CodecInfo& codec = optim::codec_named(state);
    if (!codec.has_absmax() || codec.map == optim::Map::Powers4) continue;
    // What is not dithered follows far less, which is what was asked for.
    const bool dithers_second =
        codec.second_moment(optim::second_moment(config.second_moment)) == optim::SecondMoment::Dither;
    const bool dithers_slow = codec.rounding(optim::Rounding::Stochastic) == optim::Rounding::Stochastic;
    const double decay = std::max(dithers_second ? second : 0, dithers_slow ? slow : 0);
    if (decay <= kNearest) continue;
    lines.push_back(fmt::format(
        "a decay of {} is too near 1 for {} state, which follows decays up to {}; bf16 and fp32 follow all",
        decay, state, kNearest));
    return;
  }
}

}  // namespace

optim::HyperParameters hyper_of(const TrainConfig& config) {
  optim::HyperParameters hyper;
  hyper.lr = config.lr;
  hyper.weight_decay = config.weight_decay;
  for_each_pair(config, hyper, [](const auto& field, auto& value) {
    value = static_cast<std::decay_t<decltype(value)>>(field);
  });
  return hyper;
}

optim::GroupOptions group_options(const TrainConfig& config) {
  optim::GroupOptions options;
  options.rule = config.optimizer;
  options.codec = config.state;
  options.hyper = hyper_of(config);
  options.block_size = static_cast<int>(config.block_size);
  options.min_8bit_size = config.min_8bit_size;
  options.second_moment = optim::second_moment(config.second_moment);
  options.rounding = optim::rounding(config.rounding);
  options.weight_rounding = optim::rounding(config.weight_rounding);
  options.no_decay = config.no_decay;
  for (const std::string& override_text : config.state_override) {
    const size_t equals = override_text.rfind('=');
    options.overrides.push_back({override_text.substr(0, equals), override_text.substr(equals + 1)});
  }
  return options;
}

void check_patterns(const optim::GroupOptions& options, std::span<const optim::ParameterShape> parameters) {
  optim::check_patterns(options, parameters, flag_name("state_override"), flag_name("no_decay"));
}

std::string optimizer_text(const TrainConfig& config) {
  std::string text = config.optimizer + " with " +
                     (config.weight_dtype == "fp32" ? "" : config.weight_dtype + " weights and ") +
                     config.state + " state";
  const char* before = " but ";
  const auto add = [&](const std::string& codec, const std::string& pattern) {
    text += before + codec + " for " + pattern;
    before = ", ";
  };
  for (const optim::CodecOverride& other : group_options(config).overrides) add(other.codec, other.pattern);
  if (config.embedding_layer == "stable" && config.state != "fp32") add("fp32", "embedding.*");
  return text;
}

void take_rule_defaults(TrainConfig& config) {
  const optim::HyperParameters own = optim::default_hyper(config.optimizer);
  for_each_pair(config, own, [](auto& field, const auto& value) {
    field = static_cast<std::decay_t<decltype(field)>>(value);
  });
}

std::vector<std::string> lines_about_settings(const TrainConfig& config, int64_t steps) {
  std::vector<std::string> lines, flags;
  const auto say_unused = [&](const std::string& by) {
    if (!flags.empty())
      lines.push_back("no effect on " + by + ": " +
                      join(std::vector<std::string_view>(flags.begin(), flags.end())));
    flags.clear();
  };
  for (const std::string_view name : optim::without_effect(hyper_of(config), config.optimizer))
    flags.push_back(flag_name(name));
  say_unused(config.optimizer);
  if (!config.no_decay.empty() && config.weight_decay == 0)
    lines.push_back("no effect without weight decay: " + flag_name("no_decay"));

  const optim::CodecInfo& codec = optim::codec_named(config.state);
  const optim::GroupOptions none;
  const optim::RuleInfo& rule = optim::rule_named(config.optimizer);
  const bool has_state = !rule.slots.empty();
  const auto has = [&](optim::Book book) {
    const auto of = [&](const optim::Slot& slot) { return slot.book == book && !slot.slow; };
    return std::any_of(rule.slots.begin(), rule.slots.end(), of) ||
           std::any_of(rule.other_slots.begin(), rule.other_slots.end(), of);
  };
  const auto changed = [&](std::string_view field, bool differs, bool counts) {
    if (differs && !(has_state && counts)) flags.push_back(flag_name(field));
  };
  const optim::SecondMoment second_moment = optim::second_moment(config.second_moment);
  const optim::Rounding rounding = optim::rounding(config.rounding);
  changed("state", config.state != none.codec, true);
  changed("block_size", config.block_size != none.block_size,
          codec.scale == optim::Scale::Block && codec.own_block_size == 0);
  changed(
      "second_moment", second_moment != none.second_moment,
      codec.rounds() && (has(optim::Book::Unsigned)
                             ? codec.second_moment(second_moment) != codec.second_moment(none.second_moment)
                             : codec.signs_absmax(second_moment) != codec.signs_absmax(none.second_moment)));
  changed("rounding", rounding != none.rounding,
          codec.rounds() && codec.rounding(rounding) != codec.rounding(none.rounding) &&
              (has(optim::Book::Signed) || second_moment != optim::SecondMoment::Dither));
  if (config.weight_dtype == "fp32")  // else it says which weights are bf16
    changed("min_8bit_size", config.min_8bit_size != none.min_8bit_size, codec.has_absmax());
  changed("state_override", !config.state_override.empty(), true);
  if (config.state_override.empty() || !has_state)
    say_unused(has_state ? config.state + " state" : config.optimizer + ", which has no state");
  if (config.weight_dtype == "fp32" &&
      optim::rounding(config.weight_rounding) != optim::GroupOptions().weight_rounding)
    lines.push_back("no effect on fp32 weights: " + flag_name("weight_rounding"));
  if (!config.resume.empty()) return lines;  // it keeps its settings
  hint_at_rate(config, lines);
  if (config.optimizer == "adamw" && config.weight_decay == 0)
    lines.push_back("adamw without weight decay is adam; --weight-decay 0.01 is usual");
  if (config.optimizer == "adafactor" && !config.unfactored && codec.rounds())
    lines.push_back(
        "adafactor keeps the second moment of matrices factored, in fp32; --unfactored keeps all of it in " +
        config.state);
  hint_at_decay(config, lines);
  if (config.warmup_steps > steps)
    lines.push_back(
        fmt::format("the warm-up of {} steps is longer than the run of {}: the learning rate ends at {:.2g}",
                    format_count(config.warmup_steps), format_count(steps),
                    config.lr * static_cast<double>(steps) / static_cast<double>(config.warmup_steps)));
  if (config.clip_percentile > 0 && config.clip_percentile < 1)
    lines.push_back(
        fmt::format("clip-percentile {} is in percent: gradients are limited to about the smallest of the "
                    "last 100 norms; {:.4g} may be meant",
                    config.clip_percentile, 100 * config.clip_percentile));
  return lines;
}

}  // namespace octet::tools
