#include "optim/registry.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "core/error.h"
#include "core/names.h"
#include "optim/step.h"

namespace octet::optim {
namespace {

template <class Rule>
RuleInfo rule_info() {
  RuleInfo out{.name = Rule::name,
               .slots = Rule::slots,
               .matrix_slots = {},
               .has_factor = has_factor<Rule>,
               .measures_state = measures_state<Rule>,
               .applied_by = -1,
               .others = -1,
               .other_slots = {},
               .defaults = Rule::defaults};
  if constexpr (has_matrix_form<Rule>) out.matrix_slots = Rule::matrix_slots;
  if constexpr (is_orthogonal<Rule>) {
    out.applied_by = Rules::place_of<typename Rule::AppliedBy>();
    out.others = Rules::place_of<typename Rule::Others>();
    out.other_slots = Rule::Others::slots;
  }
  return out;
}

template <class Codec>
CodecInfo codec_info() {
  CodecInfo out{.name = Codec::name,
                .offered = Codec::offered,
                .value = dtype_of<typename Codec::Value>,
                .stored = dtype_of<typename Codec::Stored>,
                .values_per_stored = Codec::values_per_stored,
                .scale = Codec::scale,
                .map = Map::Dynamic,
                .own_block_size = Codec::own_block_size,
                .coarse = Codec::coarse,
                .historical = Codec::historical};
  if constexpr (Codec::scale != Scale::None) out.map = Codec::map;
  return out;
}

template <class Infos>
std::vector<std::string_view> names_of(const Infos& infos) {
  std::vector<std::string_view> names;
  for (const auto& info : infos) names.push_back(info.name);
  return names;
}

}  // namespace

std::span<const RuleInfo> rules() {
  static const std::vector<RuleInfo> table = [] {
    std::vector<RuleInfo> out;
    Rules::for_each([&]<class Rule>(int) {
      if constexpr (requires { Rule::name; }) out.push_back(rule_info<Rule>());
    });
    return out;
  }();
  return table;
}

std::span<const CodecInfo> codecs() {
  static const std::vector<CodecInfo> table = [] {
    std::vector<CodecInfo> out;
    Codecs::for_each([&]<class Codec>(int) { out.push_back(codec_info<Codec>()); });
    return out;
  }();
  return table;
}

int place_of(std::string_view name, std::span<const std::string_view> names, std::string_view what) {
  require_name(what, name, names);
  return static_cast<int>(std::find(names.begin(), names.end(), name) - names.begin());
}

double CodecInfo::zero(Book book) const {
  if (!has_absmax()) return 0;
  const int code = zero_code(book, map);
  return values_per_stored == 2 ? code << 4 | code : code;
}

void set_rounding(StepPlan& plan, const CodecInfo& codec, SecondMoment second_moment, Rounding rounding) {
  plan.second_moment = codec.second_moment(second_moment);
  plan.rounding = codec.rounding(rounding);
  plan.slow_rounding = codec.rounding(Rounding::Stochastic);
  plan.signed_absmax = codec.signs_absmax(plan.second_moment);
}

int rule_place(std::string_view name) { return place_of(name, names_of(rules()), "optimizer"); }
int codec_place(std::string_view name) {
  const std::vector<std::string_view> all = names_of(codecs());
  const auto found = std::find(all.begin(), all.end(), name);
  if (found != all.end()) return static_cast<int>(found - all.begin());
  std::vector<CodecInfo> offered;
  std::copy_if(codecs().begin(), codecs().end(), std::back_inserter(offered),
               [](const CodecInfo& codec) { return codec.offered; });
  fail(ErrorKind::Usage, unknown_name("state codec", name, names_of(offered)));
}

SecondMoment second_moment(std::string_view name) {
  static constexpr std::string_view names[] = {"dither", "floor", "plain"};
  return static_cast<SecondMoment>(place_of(name, names, "second moment"));
}

Rounding rounding(std::string_view name) {
  static constexpr std::string_view names[] = {"nearest", "stochastic"};
  return static_cast<Rounding>(place_of(name, names, "rounding"));
}

const RuleInfo& rule_named(std::string_view name) { return rule_at(rule_place(name)); }
const CodecInfo& codec_named(std::string_view name) { return codec_at(codec_place(name)); }

HyperParameters default_hyper(std::string_view rule) { return rule_named(rule).defaults; }

bool glob_match(std::string_view pattern, std::string_view name) {
  // After a mismatch, the last * takes one character more.
  size_t p = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace octet::optim
