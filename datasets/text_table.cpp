#include "datasets/text_table.h"

#include <algorithm>

#include "core/error.h"
#include "datasets/utf8.h"

namespace octet {

std::string excerpt(std::string_view text, size_t most) {
  std::string shown;
  for (size_t at = 0; at < text.size(); --most) {
    if (most == 0) return shown + "...";
    const CodePoint c = utf8_at(text, at);
    if (c.value < 0x20 || c.value == 0x7F) {
      shown += ' ';
    } else {
      shown += text.substr(at, c.size);
    }
    at += c.size;
  }
  return shown;
}

std::string TextTable::where(size_t row) const { return source + ", line " + std::to_string(lines.at(row)); }

std::string TextTable::column_name(size_t column) const {
  std::string name = "column " + std::to_string(column + 1);
  if (column < names.size() && !names[column].empty()) name += " '" + excerpt(names[column], 40) + "'";
  return name;
}

std::string TextTable::columns_with_values() const {
  constexpr size_t kMost = 30;
  std::string list;
  for (size_t column = 0; column < std::min(columns, kMost); ++column) {
    std::string_view value;
    for (size_t i = 0; i < rows() && value.empty(); ++i) value = cell(i, column).text;
    list += (column ? ", " : "") + column_name(column).substr(sizeof "column " - 1);
    list += value.empty() ? " (empty)" : " (" + excerpt(value, 24) + ")";
  }
  if (columns > kMost) list += " and " + std::to_string(columns - kMost) + " more";
  return list;
}

void TextTable::first_row_to_names() {
  names.clear();
  for (const Cell& cell : row(0)) {
    const size_t begin = std::min(cell.text.find_first_not_of(" \t"), cell.text.size());
    const std::string_view name = cell.text.substr(begin);
    names.emplace_back(name.substr(0, name.find_last_not_of(" \t") + 1));
  }
  cells.erase(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(columns));
  lines.erase(lines.begin());
}

TextTable read_text_table(std::string text, const std::string& source) {
  // Line ends of old Macs, which some spreadsheets still offer.
  if (text.find('\n') == std::string::npos) std::replace(text.begin(), text.end(), '\r', '\n');
  require(text.find_first_not_of(" \t\r\n") != std::string::npos, ErrorKind::Data, source,
          ": no rows, only white space");
  TextTable table;
  table.source = source;
  const std::string_view kept = table.kept.emplace_back(std::move(text));
  looks_like_json_lines(kept) ? read_json_lines(kept, table) : read_delimited(kept, table);
  return table;
}

}  // namespace octet
