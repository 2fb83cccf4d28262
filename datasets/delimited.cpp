// Comma-, tab- and semicolon-separated tables.

#include <optional>
#include <utility>

#include "core/error.h"
#include "datasets/csv.h"
#include "datasets/text_table.h"

namespace octet {
namespace {

constexpr std::pair<char, const char*> kDelimiters[] = {{'\t', "tab"}, {';', "semicolon"}, {',', "comma"}};
constexpr int kSample = 200;  // rows

CsvFormat format_of(char delimiter, bool quoting) {
  return {.delimiter = delimiter, .quoting = quoting, .field_limit = kLongestValue};
}

// How many of the first rows have as many columns as row 1; none if that has only one.
int agreement(std::string_view text, char delimiter, bool quoting) {
  CsvReader rows(text, "", format_of(delimiter, quoting));
  size_t columns = 0;
  int agreeing = 0;
  try {
    for (int i = 0; i < kSample && rows.next(); ++i) {
      if (columns == 0) columns = rows.fields().size();
      if (columns < 2) return 0;
      agreeing += rows.fields().size() == columns;
    }
  } catch (const Error&) {  // not how this file is divided, or damage that the whole reading will name
  }
  return agreeing;
}

char delimiter_of(std::string_view text, const std::string& source) {
  int best = 0;
  char found = 0;
  for (const auto& [delimiter, name] : kDelimiters) {
    int agreeing = agreement(text, delimiter, true);
    if (delimiter == '\t') agreeing = std::max(agreeing, agreement(text, delimiter, false));
    if (agreeing > best) best = agreeing, found = delimiter;
  }
  require(best > 0, ErrorKind::Data, source,
          ", line 1: no tab, semicolon or comma divides this line into columns, nor is it a JSON object; "
          "files of one text a line are given with --positive FILE --negative FILE");
  return found;
}

// The number of rows, if all have as many columns as the first and the quotes are right.
std::optional<int64_t> regular_rows(std::string_view text, char delimiter, bool quoting) {
  CsvReader rows(text, "", format_of(delimiter, quoting));
  size_t columns = 0;
  int64_t count = 0;
  try {
    for (; rows.next(); ++count) {
      if (columns == 0) columns = rows.fields().size();
      if (rows.fields().size() != columns) return std::nullopt;
    }
  } catch (const Error&) {
    return std::nullopt;
  }
  return count;
}

bool has_quoting(std::string_view text, char delimiter) {
  if (delimiter != '\t' || text.find('"') == std::string_view::npos) return true;
  const std::optional<int64_t> plain = regular_rows(text, delimiter, false);
  return !plain || regular_rows(text, delimiter, true) == plain;
}

const char* name_of(char delimiter) {
  for (const auto& [known, name] : kDelimiters)
    if (known == delimiter) return name;
  return "";
}

}  // namespace

void read_delimited(std::string_view text, TextTable& table) {
  table.delimiter = delimiter_of(text, table.source);
  const bool quoting = has_quoting(text, table.delimiter);
  if (!quoting)
    table.notes.push_back(
        table.source + ": quotes are taken as ordinary characters, since as quotation they would break rows");
  CsvReader rows(text, table.source, format_of(table.delimiter, quoting));
  while (rows.next()) {
    const auto fields = rows.fields();
    if (table.columns == 0) table.columns = fields.size();
    if (fields.size() != table.columns)
      fail(ErrorKind::Data, rows.where(), ": ", table.columns, " columns wanted as in the first row, ",
           fields.size(), " found; a text that holds a ", name_of(table.delimiter), " must stand in quotes");
    for (const std::string_view field : fields) {
      // What lies outside of the text belongs to the reader and goes with the next row.
      const bool lasts =
          field.empty() || (field.data() >= text.data() && field.data() < text.data() + text.size());
      table.cells.push_back({lasts ? field : std::string_view(table.kept.emplace_back(field))});
    }
    table.lines.push_back(rows.line());
  }
}

}  // namespace octet
