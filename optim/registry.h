// Rules and codecs by name, and what each is like: the run-time face of the type lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/dtype.h"
#include "optim/codecs/blockwise8.h"
#include "optim/hyper.h"
#include "optim/rules/slot.h"

namespace octet::optim {

struct RuleInfo {
  std::string_view name;
  std::span<const Slot> slots;
  HyperParameters defaults;
};

struct CodecInfo {
  std::string_view name;
  bool offered;    // a choice for users, not only for tests
  DType value;     // of weights, gradients and arithmetic
  DType stored;    // of one state value
  bool blockwise;  // has an absmax a block, and honours block_size and min_8bit_size
};

// In the order of the type lists.
std::span<const RuleInfo> rules();
std::span<const CodecInfo> codecs();

// The place of a name in its list. Errors: unknown name, kind Usage, with the nearest names and all there
// are.
int rule_place(std::string_view name);
int codec_place(std::string_view name);
SecondMoment second_moment(std::string_view name);  // floor, plain
int place_of(std::string_view name, std::span<const std::string_view> names, std::string_view what);

// A rule's own defaults. Errors: unknown rule.
HyperParameters default_hyper(std::string_view rule);

// True if the whole of `name` fits `pattern`, where * stands for any text and ? for one character.
bool glob_match(std::string_view pattern, std::string_view name);

}  // namespace octet::optim
