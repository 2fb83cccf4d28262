#include "optim/hyper_use.h"

#include <array>
#include <cstddef>
#include <type_traits>

#include "optim/codecs.h"
#include "optim/conclude.h"
#include "optim/registry.h"
#include "optim/rules.h"

namespace octet::optim {
namespace {

using Constants = std::array<std::byte, kUpdateBytes>;

Constants constants_of(int rule, const HyperParameters& hyper, int64_t step) {
  alignas(16) Constants out{};
  StepPlan plan{};
  plan.rule = rule;
  plan.codec = codec_place("fp32");
  plan.update = out.data();
  write_constants(Rules(), plan, hyper, step);
  return out;
}

bool same_steps(int rule, const HyperParameters& a, const HyperParameters& b) {
  for (const int64_t step : {1, 2, 100})
    if (constants_of(rule, a, step) != constants_of(rule, b, step)) return false;
  return true;
}

}  // namespace

std::vector<std::string_view> without_effect(const HyperParameters& given, std::string_view rule) {
  const int place = rule_place(rule);
  const RuleInfo& info = rule_at(place);
  const auto same = [&](const HyperParameters& other) {
    return same_steps(place, given, other) && (info.others < 0 || same_steps(info.others, given, other)) &&
           (info.applied_by < 0 || same_steps(info.applied_by, given, other)) &&
           (info.matrix_slots.empty() || given.unfactored == other.unfactored);  // which is no constant
  };
  std::vector<double> own;
  HyperParameters defaults = info.defaults, other = given;
  defaults.visit([&](const char*, double value) { own.push_back(value); });
  std::vector<std::string_view> out;
  other.visit([&, i = size_t{0}](const char* name, auto& value) mutable {
    const auto asked = value;
    value = static_cast<std::decay_t<decltype(value)>>(own[i++]);
    if (value != asked && same(other)) out.emplace_back(name);
    value = asked;
  });
  return out;
}

}  // namespace octet::optim
