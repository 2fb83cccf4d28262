#include "datasets/column_choice.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_set>

#include "core/error.h"
#include "datasets/column_profile.h"

namespace octet {
namespace {

struct Role {
  const char* what;
  const char* flag;
  std::vector<std::string_view> names;
};
const Role kText = {
    "text",
    "--text-column",
    {"text", "review", "message", "content", "sentence", "tweet", "comment", "body", "document", "sms"}};
const Role kLabel = {
    "label",
    "--label-column",
    {"label", "class", "category", "sentiment", "target", "type", "topic", "intent", "emotion"}};

constexpr size_t kLongestName = 64;  // bytes of a header's cell

bool is_named(const Role& role, std::string_view name) {
  return std::any_of(role.names.begin(), role.names.end(),
                     [&](std::string_view known) { return equal_ignoring_case(known, name); });
}

bool is_column_number(std::string_view flag) {
  return !flag.empty() && flag.size() < 7 && flag.find_first_not_of("0123456789") == std::string_view::npos;
}

// The columns of that name: those that are equal to it, else those that differ in case.
std::vector<size_t> columns_named(const std::vector<std::string>& names, std::string_view wanted) {
  std::vector<size_t> exact, loose;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == wanted) exact.push_back(i);
    if (equal_ignoring_case(names[i], wanted)) loose.push_back(i);
  }
  return exact.empty() ? loose : exact;
}

std::optional<size_t> column_of(const TextTable& table, const Role& role, std::string_view flag) {
  if (flag.empty()) return std::nullopt;
  const std::vector<size_t> named = columns_named(table.names, flag);
  require(named.size() <= 1, ErrorKind::Usage, table.source, ": ", named.size(), " columns are named '", flag,
          "'; give ", role.flag, " the number of one. Columns: ", table.columns_with_values());
  if (named.size() == 1) return named[0];
  if (is_column_number(flag)) {
    const size_t number = std::stoul(std::string(flag));
    if (number >= 1 && number <= table.columns) return number - 1;
  }
  fail(ErrorKind::Usage, table.source, ": no column '", flag, "' for ", role.flag,
       table.names.empty() ? ", which takes a number as there is no header" : "",
       ". Columns: ", table.columns_with_values());
}

// Whether the first row is a header, and why.
bool guess_header(const TextTable& table, std::string& why) {
  const auto row = table.row(0);
  for (const Cell& cell : row)
    if (is_named(kText, trimmed(cell.text)) || is_named(kLabel, trimmed(cell.text))) {
      why = "it names '" + std::string(trimmed(cell.text)) + "'";
      return true;
    }
  std::unordered_set<std::string_view> names;
  for (const Cell& cell : row) {
    const std::string_view name = trimmed(cell.text);
    if (name.empty()) continue;
    why = "'" + excerpt(name, 24) + "' is no name of a column";
    if (is_number(name) || name.size() > kLongestName || !names.insert(name).second) return false;
  }
  const std::vector<ColumnProfile> below = profiles_of(table, 1);
  bool header = false;
  for (size_t column = 0; column < table.columns; ++column) {
    const std::string_view name = trimmed(row[column].text);
    const ColumnProfile& profile = below[column];
    if (name.empty() || !(profile.like_labels() || profile.all_numbers())) continue;
    const bool again = profile.values.contains(name);
    if (!header || again)
      why = "'" + excerpt(name, 24) + "' " + (again ? "comes again" : "is none of the values") + " below";
    if (again) return false;
    header = true;
  }
  if (!header) why = "nothing sets it apart";
  return header;
}

bool take_header(TextTable& table, const ColumnFlags& flags) {
  if (table.json) return false;
  bool header = flags.header == Header::Yes;
  if (flags.header == Header::Auto) {
    std::vector<std::string> first;
    for (const Cell& cell : table.row(0)) first.emplace_back(trimmed(cell.text));
    bool by_name = false;
    for (const std::string& flag : {flags.text, flags.label})
      by_name |= !flag.empty() && (!is_column_number(flag) || !columns_named(first, flag).empty());
    header = by_name;
    if (!by_name) {
      std::string why;
      header = guess_header(table, why);
      table.notes.push_back(table.where(0) + " is taken as " +
                            (header ? "the header" : "data, there is no header") + ": " + why +
                            " (--header yes or no decides)");
    }
  }
  if (header) table.first_row_to_names();
  return header;
}

class Guess {
 public:
  Guess(TextTable& table, const ColumnFlags& flags) : table_(table) {
    text_ = column_of(table, kText, flags.text);
    label_ = column_of(table, kLabel, flags.label);
    require(!text_ || text_ != label_, ErrorKind::Usage, table.source, ": ",
            table.column_name(text_.value_or(0)),
            " is both the text and the label. Columns: ", table.columns_with_values());
  }

  void complete() {
    if (text_ && label_) return;
    require(table_.columns >= 2, ErrorKind::Data, table_.source,
            ": only one column, wanted are one of texts and one of labels. Columns: ",
            table_.columns_with_values());
    by_name(kText, text_, label_);
    by_name(kLabel, label_, text_);
    the_other(kText, text_, label_);
    the_other(kLabel, label_, text_);
    if (!text_) text_ = longest();
    the_other(kLabel, label_, text_);
    if (!label_) label_ = repeated();
  }

  size_t text() const { return *text_; }
  size_t label() const { return *label_; }

 private:
  using Column = std::optional<size_t>;

  void by_name(const Role& role, Column& column, const Column& other) {
    if (column) return;
    std::vector<size_t> named;
    for (size_t i = 0; i < table_.names.size(); ++i)
      if (i != other && is_named(role, table_.names[i])) named.push_back(i);
    if (named.size() > 1) ambiguous(role, named);
    if (named.size() == 1) column = settle(role, named[0], "by its name");
  }

  void the_other(const Role& role, Column& column, const Column& other) {
    if (!column && other && table_.columns == 2)
      column = settle(role, 1 - *other, "the only one beside the other");
  }

  // Every value is looked at, which is left out where names tell.
  const std::vector<ColumnProfile>& profiles() {
    if (profiles_.empty()) profiles_ = profiles_of(table_);
    return profiles_;
  }

  size_t longest() {
    std::vector<size_t> able;
    for (size_t i = 0; i < table_.columns; ++i)
      if (i != label_ && !profiles()[i].all_numbers() && !profiles()[i].like_labels() &&
          profiles()[i].filled > 0)
        able.push_back(i);
    if (able.empty()) none(kText, "none holds words that differ from row to row");
    const auto length = [&](size_t i) { return profiles()[i].mean_length(); };
    std::stable_sort(able.begin(), able.end(), [&](size_t a, size_t b) { return length(a) > length(b); });
    if (able.size() > 1 && length(able[0]) < 2 * length(able[1])) ambiguous(kText, {able[0], able[1]});
    return settle(kText, able[0],
                  "the one with the longest values, " + std::to_string(std::lround(length(able[0]))) +
                      " bytes in the mean");
  }

  size_t repeated() {
    std::vector<size_t> able;
    for (size_t i = 0; i < table_.columns; ++i)
      if (i != text_ && profiles()[i].like_labels()) able.push_back(i);
    if (able.empty()) none(kLabel, "none holds few, short values that come again");
    if (able.size() > 1) ambiguous(kLabel, able);
    return settle(
        kLabel, able[0],
        "the one with few values, " + std::to_string(profiles()[able[0]].values.size()) + " different ones");
  }

  size_t settle(const Role& role, size_t column, const std::string& why) {
    table_.notes.push_back(table_.source + ": " + table_.column_name(column) + " is taken as the " +
                           role.what + ", " + why + " (" + role.flag + " decides)");
    return column;
  }

  [[noreturn]] void none(const Role& role, const char* why) const {
    fail(ErrorKind::Usage, table_.source, ": which column is the ", role.what, "? ", why, "; give ",
         role.flag, " a name or a number. Columns: ", table_.columns_with_values());
  }

  [[noreturn]] void ambiguous(const Role& role, const std::vector<size_t>& able) const {
    std::string which;
    for (size_t i = 0; i < able.size(); ++i)
      which += (i == 0 ? "" : i + 1 < able.size() ? ", " : " or ") + table_.column_name(able[i]);
    fail(ErrorKind::Usage, table_.source, ": the ", role.what, " could be ", which, "; give ", role.flag,
         " a name or a number. Columns: ", table_.columns_with_values());
  }

  TextTable& table_;
  std::vector<ColumnProfile> profiles_;
  Column text_, label_;
};

}  // namespace

ColumnChoice choose_columns(TextTable& table, const ColumnFlags& flags) {
  const bool header = take_header(table, flags);
  require(table.rows() > 0, ErrorKind::Data, table.source, ": no rows below the header");
  Guess guess(table, flags);
  guess.complete();
  return {guess.text(), guess.label(), header};
}

}  // namespace octet
