#include "tools/program.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "core/error.h"
#include "core/names.h"
#include "tools/version.h"

namespace octet::tools {
namespace {

// Of the program, and of a command that holds commands. `name`: "octet", "octet data".
std::string help_text(const std::string& name, const Command& parent) {
  std::string text = std::string(parent.summary) + "\n\nUsage: " + name + " COMMAND [OPTIONS]\n";
  if (!parent.commands.empty()) text += "\nCommands:\n";
  for (const Command& command : parent.commands) {
    std::string line = "  " + std::string(command.name);
    line.resize(std::max<size_t>(line.size() + 1, 14), ' ');
    text += line + std::string(command.summary) + "\n";
  }
  text +=
      "\nOptions:\n"
      "  -h, --help  this text; after a command, its flags with defaults and an example\n";
  if (name == "octet") text += "  --version   version, build, compiler, CUDA and CPU features\n";
  if (!parent.example.empty()) text += "\nExample:\n  " + std::string(parent.example) + "\n";
  return text;
}

std::vector<std::string_view> names_of(std::span<const Command> table) {
  std::vector<std::string_view> names;
  for (const Command& command : table) names.push_back(command.name);
  return names;
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  return flags;
}

// CLI11 takes whatever follows a flag that wants a value for that value, the next flag as well.
void require_no_flag_as_value(const CLI::App& app) {
  std::vector<std::string> known = flags_of(app);
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_snames()) known.push_back("-" + name);
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty()) continue;  // of a text behind -- nobody knows
    for (const std::string& value : option->results())
      require(std::find(known.begin(), known.end(), value.substr(0, value.find('='))) == known.end(),
              ErrorKind::Usage, app.get_name(), ": ", option->get_name(), " needs a value, not the flag ",
              value);
  }
}

// What is wrong when CLI11 has arguments left over: a flag it does not know, or a word too many.
[[noreturn]] void fail_on_extras(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining(true);
  const auto is_flag = [](const std::string& text) { return text.size() > 1 && text[0] == '-'; };
  const auto flag = std::find_if(extras.begin(), extras.end(), is_flag);
  if (flag == extras.end())
    fail(ErrorKind::Usage, app.get_name(), ": unexpected argument '", extras.empty() ? "" : extras.front(),
         "'");
  const std::vector<std::string> known = flags_of(app);
  const std::vector<std::string_view> views(known.begin(), known.end());
  const std::string wrong = flag->substr(0, flag->find('='));
  const std::string_view nearest = nearest_name(wrong, views);
  std::string hint = nearest.empty() ? "" : ", did you mean '" + std::string(nearest) + "'?";
  fail(ErrorKind::Usage, app.get_name(), ": unknown flag '", wrong, "'", hint.empty() ? "." : hint, " See ",
       app.get_name(), " --help");
}

// What is wrong with a value that CLI11 could not convert: that of a whole number, or one that a switch was
// given, as "--nesterov=maybe". text: "Could not convert: --nesterov = maybe".
[[noreturn]] void fail_on_value(const CLI::App& app, const std::string& text) {
  const size_t name_at = text.find(": ") + 2, equals = text.find(" = ", name_at);
  require(equals != std::string::npos, ErrorKind::Usage, app.get_name(), ": ", text);
  const std::string name = text.substr(name_at, equals - name_at);
  const CLI::Option* option = app.get_option_no_throw(name);
  const bool is_switch = option && option->get_items_expected_max() == 0;
  fail(ErrorKind::Usage, app.get_name(), ": ", name, " ", text.substr(equals + 3), ": must be ",
       is_switch ? "true or false" : "a whole number");
}

int run_command(const Command& command, const std::string& name, const std::vector<std::string>& arguments) {
  CLI::App app(std::string(command.summary), name);
  app.set_help_flag("-h,--help", "this text");
  app.get_formatter()->column_width(34);
  if (!command.example.empty()) app.footer("Example:\n  " + std::string(command.example));
  const std::function<int()> run = command.declare(app);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 takes them
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    require_no_flag_as_value(app);
    if (dynamic_cast<const CLI::ExtrasError*>(&error)) fail_on_extras(app);
    const std::string text = error.what();  // "--lr: 1 required N missing"
    if (dynamic_cast<const CLI::ConversionError*>(&error)) fail_on_value(app, text);
    const bool none = dynamic_cast<const CLI::ArgumentMismatch*>(&error) && text.ends_with(" missing");
    fail(ErrorKind::Usage, app.get_name(), ": ",
         none ? text.substr(0, text.find(':')) + " needs a value" : text);
  }
  require_no_flag_as_value(app);
  return run();
}

// Runs the command of `parent` that arguments[0] names. `name` is what was given before: "octet".
int dispatch(const std::string& name, const Command& parent, const std::vector<std::string>& arguments) {
  const bool top = name == "octet";
  const std::string first = arguments.empty() ? "" : arguments.front();
  if (first == "--help" || first == "-h") {
    std::fputs(help_text(name, parent).c_str(), stdout);
    return 0;
  }
  if (top && first == "--version") {
    std::fputs(version_text().c_str(), stdout);
    return 0;
  }
  for (const Command& command : parent.commands) {
    if (command.name != first) continue;
    std::string whole = name;
    whole.append(" ").append(first);
    const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
    return command.declare ? run_command(command, whole, rest) : dispatch(whole, command, rest);
  }
  const std::string where = top ? "" : name + ": ";
  const std::string known = join(names_of(parent.commands));
  if (first.empty())
    fail(ErrorKind::Usage, where, "no command given", top ? "" : ", known are " + known, ". See ", name,
         " --help");
  if (first[0] == '-') {
    const std::string_view flags[] = {"--help", "--version"};
    fail(ErrorKind::Usage, where, unknown_name("flag", first, std::span(flags).first(top ? 2 : 1)));
  }
  fail(ErrorKind::Usage, where, unknown_name("command", first, names_of(parent.commands)));
}

// Output that is lost, on a full disk or a closed pipe, is a failure like any other.
void flush_output() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    // An earlier write may have failed, whose reason is gone.
    fail(ErrorKind::Internal, "cannot write to standard output: ",
         errno ? std::strerror(errno) : "a part of it is lost; is the disk full?");
}

}  // namespace

int run_program(const std::vector<std::string>& arguments, std::span<const Command> table) {
  const Command program = {"octet",
                           "octet trains small language models and shows where optimizer memory goes.", "",
                           nullptr, table};
  try {
    const int status = dispatch("octet", program, arguments);
    flush_output();
    return status;
  } catch (const Error& error) {
    std::fprintf(stderr, "octet: %s\n", error.what());
    return error.exit_code();
  } catch (const std::bad_alloc&) {
    std::fputs("octet: out of memory\n", stderr);
    return static_cast<int>(ErrorKind::Memory);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "octet: internal error: %s\n", error.what());
  } catch (...) {
    std::fputs("octet: internal error of unknown kind\n", stderr);
  }
  return static_cast<int>(ErrorKind::Internal);
}

}  // namespace octet::tools
