// One field of a config struct: its name, what it may hold, and how text from a flag, a file or a log becomes
// its value. Every source goes through assign(), so that each rejects the same values with the same sentence.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace octet::tools {

// Whether a field changes the numbers of a run, which a resumed run must then share; how optimizer state and
// weights are stored, to which a resumed run converts them; or only where a run looks for its input, where it
// writes and what it shows.
enum class Affects { Numbers, StateFormat, RunOnly };

struct Field {
  std::string_view name;  // "batch_size": the key in files and logs; the flag is --batch-size
  std::string_view help;
  Affects affects = Affects::Numbers;
  bool positional = false;      // `octet train TASK` rather than --task
  std::string_view group = {};  // its heading in --help
};

// What a number may be: low to high, both included unless said otherwise. NaN never is.
struct Range {
  double low, high;
  bool above_low = false, below_high = false;
  bool power_of_two = false;
};
struct Choice {  // one of these names
  std::span<const std::string_view> names;
};
struct Text {  // anything; the placeholder stands for it in --help
  std::string_view placeholder;
  bool given = false;  // empty only where it is not given
};
struct Overrides {  // repeatable "PATTERN=NAME"
  std::span<const std::string_view> names;
};
struct Patterns {};  // repeatable, of parameter names
struct Switch {};    // off unless given

// Text from outside, and where it stood.
struct Value {
  enum Form { Flag, String, Bare, Array } form;  // Bare: a number or true/false in a file; String: quoted
  std::vector<std::string> texts;                // one, or the entries of an array
  std::string where;                             // "--lr", "run.toml:3: lr"
  ErrorKind kind = ErrorKind::Usage;             // of the error if it does not fit
};

// Sets `member` from `value`, or throws an Error that says where, what, and what would be right.
void assign(int64_t& member, const Range& range, const Value& value);
void assign(double& member, const Range& range, const Value& value);
void assign(std::string& member, const Choice& choice, const Value& value);
void assign(std::string& member, const Text& text, const Value& value);
void assign(std::vector<std::string>& member, const Overrides& overrides, const Value& value);
void assign(std::vector<std::string>& member, const Patterns&, const Value& value);
void assign(bool& member, const Switch&, const Value& value);

// The value as TOML: 64, 1e-04, "adam", ["embedding=fp32"], true. Numbers read back as the same bits.
std::string toml_text(int64_t member);
std::string toml_text(double member);
std::string toml_text(const std::string& member);
std::string toml_text(const std::vector<std::string>& member);
std::string toml_text(bool member);

// For --help: what may be given, "greater than 0 and at most 100", and what stands for it, "N". Empty if
// anything may.
std::string describe(const Range& range);
std::string describe(const Choice& choice);
std::string describe(const Text&);
std::string describe(const Overrides& overrides);
std::string describe(const Patterns&);
std::string describe(const Switch&);

std::string flag_name(std::string_view field);     // "batch_size" -> "--batch-size"
std::string setting_name(std::string_view field);  // likewise, but "the task"

}  // namespace octet::tools
