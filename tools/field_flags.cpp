#include "tools/field_flags.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace octet::tools {

namespace {

void in_group(const Field& field, CLI::Option* option) {
  if (!field.group.empty() && !field.positional) option->group(std::string(field.group));
}

template <class Member>
CLI::Option* declare(CLI::App& app, const std::string& name, Member& member, const std::string& placeholder,
                     const std::string& help) {
  return app.add_option(name, member, help)->type_name(placeholder);
}

}  // namespace

void add_switch(CLI::App& app, const std::string& name, bool& member, const std::string& help) {
  app.add_flag(name, member, help);
}

void add_option(CLI::App& app, const std::string& name, std::string& member, const std::string& placeholder,
                const std::string& help) {
  declare(app, name, member, placeholder, help);
}

void add_option(CLI::App& app, const std::string& name, int64_t& member, const std::string& placeholder,
                const std::string& help) {
  declare(app, name, member, placeholder, help);
}

void add_option(CLI::App& app, const std::string& name, std::vector<std::string>& member,
                const std::string& placeholder, const std::string& help) {
  declare(app, name, member, placeholder, help);
}

void add_argument(CLI::App& app, const std::string& name, std::string& member, const std::string& placeholder,
                  const std::string& help) {
  declare(app, name, member, placeholder, help)->required();
}

void add_argument(CLI::App& app, const std::string& name, std::vector<std::string>& member,
                  const std::string& placeholder, const std::string& help) {
  declare(app, name, member, placeholder, help)->required();
}

void add_footer(CLI::App& app, const std::string& text) { app.footer(text + app.get_footer()); }

FieldFlags::FieldFlags(CLI::App& app) : app_(&app), command_(app.get_name()) {}

void FieldFlags::declare_switch(const Field& field) {
  in_group(field, app_->add_flag(flag_name(field.name), switched_[std::string(field.name)],
                                 std::string(field.help)));
}

void FieldFlags::declare_option(const Field& field, const std::string& placeholder, const std::string& limits,
                                const std::string& fallback, bool repeatable) {
  const std::string name(field.name);
  std::string help(field.help);  // "rows per step; at least 1 and at most 65536 [64]"
  if (!limits.empty()) help += "; " + limits;
  if (!fallback.empty()) help += " [" + fallback + "]";
  CLI::Option* option = app_->add_option(field.positional ? name : flag_name(name), given_[name], help);
  in_group(field, option);
  option->type_name(placeholder)->allow_extra_args(false)->expected(1);
  // Given twice, a repeatable flag collects and any other takes the last.
  option->multi_option_policy(repeatable ? CLI::MultiOptionPolicy::TakeAll
                                         : CLI::MultiOptionPolicy::TakeLast);
}

Value FieldFlags::given(const Field& field) const {
  const std::string name(field.name);
  Value value{Value::Flag, {}, field.positional ? command_ : flag_name(name), ErrorKind::Usage};
  if (const auto found = given_.find(name); found != given_.end()) value.texts = found->second;
  if (const auto found = switched_.find(name); found != switched_.end() && found->second)
    value.texts = {"true"};
  return value;
}

}  // namespace octet::tools
