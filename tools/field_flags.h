// Flags from fields: every field of a config struct becomes a flag with its help, limits and default, and
// what was given goes through assign(). CLI11 is all headers and takes seconds to compile, so commands
// declare their flags through this file and do not include it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "tools/fields.h"

namespace CLI {
class App;
}

namespace octet::tools {

// Flags that are no fields: `name` is "--html". `member` takes what is given and must outlive the parsing.
void add_switch(CLI::App& app, const std::string& name, bool& member, const std::string& help);
void add_option(CLI::App& app, const std::string& name, std::string& member, const std::string& placeholder,
                const std::string& help);
void add_option(CLI::App& app, const std::string& name, int64_t& member, const std::string& placeholder,
                const std::string& help);
void add_option(CLI::App& app, const std::string& name, std::vector<std::string>& member,
                const std::string& placeholder, const std::string& help);
// Those that must be given, by their place: `name` is "folder".
void add_argument(CLI::App& app, const std::string& name, std::string& member, const std::string& placeholder,
                  const std::string& help);
void add_argument(CLI::App& app, const std::string& name, std::vector<std::string>& member,
                  const std::string& placeholder, const std::string& help);
// Goes before what closes --help so far.
void add_footer(CLI::App& app, const std::string& text);

class FieldFlags {
 public:
  // `app` must outlive declare(), this object the parsing.
  explicit FieldFlags(CLI::App& app);
  FieldFlags(const FieldFlags&) = delete;
  FieldFlags& operator=(const FieldFlags&) = delete;

  // Declares a flag for every field; what `defaults` holds is shown as the default.
  template <class Config>
  void declare(Config defaults) {
    defaults.visit([&](const Field& field, const auto& member, const auto& constraint) {
      using Member = std::decay_t<decltype(member)>;
      if constexpr (std::is_same_v<Member, bool>) {
        declare_switch(field);
      } else {
        constexpr bool repeatable = std::is_same_v<Member, std::vector<std::string>>;
        declare_option(field, placeholder(constraint), describe(constraint), shown(member), repeatable);
      }
    });
  }

  // Sets the fields that were given. Throws Error (Usage) for a value that does not fit.
  template <class Config>
  void apply(Config& config) const {
    config.visit([&](const Field& field, auto& member, const auto& constraint) {
      const Value value = given(field);
      if (!value.texts.empty()) assign(member, constraint, value);
    });
  }

 private:
  static std::string placeholder(const Range&) { return "N"; }
  static std::string placeholder(const Choice&) { return "NAME"; }
  static std::string placeholder(const Text& text) { return std::string(text.placeholder); }
  static std::string placeholder(const Overrides&) { return "PATTERN=NAME"; }
  static std::string placeholder(const Patterns&) { return "PATTERN"; }

  static std::string shown(const std::string& member) { return member; }
  static std::string shown(const std::vector<std::string>&) { return ""; }
  template <class Number>
  static std::string shown(Number member) {
    return toml_text(member);
  }

  void declare_switch(const Field& field);
  void declare_option(const Field& field, const std::string& placeholder, const std::string& limits,
                      const std::string& fallback, bool repeatable);
  Value given(const Field& field) const;  // no texts: not given

  CLI::App* app_;
  std::string command_;                                    // "octet train"
  std::map<std::string, std::vector<std::string>> given_;  // by field name
  std::map<std::string, bool> switched_;
};

// For commands that need nothing else: declares the flags of Config and returns what reads them and runs.
template <class Config>
std::function<int()> declare_with(CLI::App& app, int (*run)(const Config& config)) {
  const auto flags = std::make_shared<FieldFlags>(app);
  flags->declare(Config());
  return [flags, run] {
    Config config;
    flags->apply(config);
    return run(config);
  };
}

}  // namespace octet::tools
