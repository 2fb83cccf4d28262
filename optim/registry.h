// Rules and codecs by name, and what each is like: the run-time face of the type lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/dtype.h"
#include "optim/codecs/codec.h"
#include "optim/hyper.h"
#include "optim/rules/slot.h"

namespace octet::optim {

struct RuleInfo {
  std::string_view name;
  std::span<const Slot> slots;
  std::span<const Slot> matrix_slots;  // of the form for matrices; empty where there is none
  bool has_factor, measures_state;     // see rules.h
  // Of rules for matrices, whose directions are made orthogonal: the rule (a place in Rules) that applies
  // them, and that of all other parameters, with its slots. -1 and none in other rules.
  int applied_by, others;
  std::span<const Slot> other_slots;
  HyperParameters defaults;
};

// How a slot's values are to be rounded where the options say `asked`; a codec may have its own way.
inline Rounding rounding_of(const Slot& slot, Rounding asked) {
  return slot.slow ? Rounding::Stochastic : asked;
}

inline std::span<const Slot> slots_of(const RuleInfo& rule, bool matrices) {
  return matrices ? rule.matrix_slots : rule.slots;
}

struct CodecInfo {
  std::string_view name;
  bool offered;  // a choice for users, not only for tests
  DType value;   // of weights, gradients and arithmetic
  DType stored;  // of the tensors of state
  int values_per_stored;
  Scale scale;         // codecs with an absmax honour block_size and min_8bit_size
  Map map;             // of codecs with an absmax
  int own_block_size;  // 0: that of the options
  bool coarse;         // stochastic rounding whatever the options say
  bool historical;     // nearest codes and plain second moments whatever the options say

  bool has_absmax() const { return scale != Scale::None; }
  bool rounds() const { return stored != value; }  // what is kept is not what a step computed
  // For `count` values: elements of the stored type, and of absmax.
  int64_t stored_count(int64_t count) const { return (count + values_per_stored - 1) / values_per_stored; }
  int64_t absmax_count(int64_t count, int block_size) const {
    return scale == Scale::Tensor  ? (count > 0 ? 1 : 0)
           : scale == Scale::Block ? (count + block_size - 1) / block_size
                                   : 0;
  }
  // `asked`: by the options, or rounding_of() a slot.
  Rounding rounding(Rounding asked) const {
    return historical ? Rounding::Nearest : coarse ? Rounding::Stochastic : asked;
  }
  SecondMoment second_moment(SecondMoment asked) const { return historical ? SecondMoment::Plain : asked; }
  // Whether the absmax of signed slots has a sign (see Encoding): not where all is to be as in the paper.
  bool signs_absmax(SecondMoment used) const {
    return scale == Scale::Block && map == Map::Dynamic && used != SecondMoment::Plain;
  }
  // What state that was never updated holds, apart from absmax 0.
  double zero(Book book) const;
};

struct StepPlan;  // step.h
// Writes into a plan how state in the codec is rounded where the options say this.
void set_rounding(StepPlan& plan, const CodecInfo& codec, SecondMoment second_moment, Rounding rounding);

// In the order of the type lists; of rules those that have a name, which come first.
std::span<const RuleInfo> rules();
std::span<const CodecInfo> codecs();
inline const RuleInfo& rule_at(int place) { return rules()[static_cast<size_t>(place)]; }
inline const CodecInfo& codec_at(int place) { return codecs()[static_cast<size_t>(place)]; }

// The place of a name in its list. Errors: unknown name, kind Usage, with the nearest name and all that are
// offered.
int rule_place(std::string_view name);
int codec_place(std::string_view name);
SecondMoment second_moment(std::string_view name);  // dither, floor, plain
Rounding rounding(std::string_view name);           // nearest, stochastic
int place_of(std::string_view name, std::span<const std::string_view> names, std::string_view what);

// Errors: unknown name, as above.
const RuleInfo& rule_named(std::string_view name);
const CodecInfo& codec_named(std::string_view name);
// A rule's own defaults. Errors: unknown rule.
HyperParameters default_hyper(std::string_view rule);

// True if the whole of `name` fits `pattern`, where * stands for any text and ? for one character.
bool glob_match(std::string_view pattern, std::string_view name);

}  // namespace octet::optim
