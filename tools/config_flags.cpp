#include "tools/config_flags.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <type_traits>

#include "tools/config_file.h"

namespace octet::tools {
namespace {

// "rows per step; at least 1 and at most 65536 [64]"
std::string help_of(const Field& field, const std::string& limits, const std::string& fallback) {
  std::string text(field.help);
  if (!limits.empty()) text += "; " + limits;
  if (!fallback.empty()) text += " [" + fallback + "]";
  return text;
}

std::string placeholder(const Range&) { return "N"; }
std::string placeholder(const Choice&) { return "NAME"; }
std::string placeholder(const Text& text) { return std::string(text.placeholder); }
std::string placeholder(const Overrides&) { return "PATTERN=NAME"; }

std::string shown_default(const std::string& member) { return member; }
std::string shown_default(const std::vector<std::string>&) { return ""; }
template <class Number>
std::string shown_default(Number member) {
  return toml_text(member);
}

}  // namespace

TrainFlags::TrainFlags(CLI::App& app) : command_(app.get_name()) {
  TrainConfig defaults;
  defaults.visit([&](const Field& field, const auto& member, const auto& constraint) {
    using Member = std::decay_t<decltype(member)>;
    const std::string name(field.name);
    if constexpr (std::is_same_v<Member, bool>) {
      app.add_flag(flag_name(name), switched_[name], std::string(field.help));
    } else {
      const std::string help = help_of(field, describe(constraint), shown_default(member));
      CLI::Option* option = app.add_option(field.positional ? name : flag_name(name), given_[name], help);
      option->type_name(placeholder(constraint))->allow_extra_args(false)->expected(1);
      // Given twice, a repeatable flag collects and any other takes the last.
      option->multi_option_policy(std::is_same_v<Member, std::vector<std::string>>
                                      ? CLI::MultiOptionPolicy::TakeAll
                                      : CLI::MultiOptionPolicy::TakeLast);
    }
  });
  app.add_option("--config", config_path_, "TOML file with these settings; flags win over it")
      ->type_name("FILE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

TrainConfig TrainFlags::resolve(TrainConfig config) const {
  if (!config_path_.empty()) apply_config_file(config, config_path_);
  config.visit([&](const Field& field, auto& member, const auto& constraint) {
    const std::string name(field.name);
    Value value{Value::Flag, {}, field.positional ? command_ : flag_name(name), ErrorKind::Usage};
    if (const auto given = given_.find(name); given != given_.end()) value.texts = given->second;
    if (const auto given = switched_.find(name); given != switched_.end() && given->second)
      value.texts = {"true"};
    if (!value.texts.empty()) assign(member, constraint, value);
  });
  return config;
}

}  // namespace octet::tools
