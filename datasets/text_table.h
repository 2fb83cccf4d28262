// A file of rows and columns, whatever its layout: comma-, tab- or semicolon-separated (RFC 4180, csv.h), or
// JSON Lines (one object a line; its keys are the columns). The content decides which of them it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

struct Cell {
  enum class Kind : uint8_t {
    Text,    // also a JSON number or boolean, as it is written; null is an empty text
    Absent,  // the object of this line lacks the key
    Nested,  // a JSON array or object
  };
  std::string_view text;
  Kind kind = Kind::Text;
};

// Moves, but is not copied: cells point into it.
struct TextTable {
  std::string source;              // stands in messages
  bool json = false;               // JSON Lines
  char delimiter = ',';            // of the other layouts
  size_t columns = 0;              // at least 1
  std::vector<std::string> names;  // of the columns, without blanks around them; empty: there are none
  std::vector<Cell> cells;         // [rows, columns]
  std::vector<int64_t> lines;      // [rows], the line of the file that each row begins in, from 1
  std::vector<std::string> notes;  // what a person should know about how the file was read
  std::deque<std::string> kept;    // bytes behind the cells; a deque leaves them where they are

  TextTable() = default;
  TextTable(TextTable&&) = default;
  TextTable& operator=(TextTable&&) = default;

  size_t rows() const { return lines.size(); }
  std::span<const Cell> row(size_t i) const { return {cells.data() + i * columns, columns}; }
  const Cell& cell(size_t row, size_t column) const { return cells[row * columns + column]; }
  std::string where(size_t row) const;           // "reviews.csv, line 12"
  std::string column_name(size_t column) const;  // "column 2 'review'", or "column 2"
  std::string columns_with_values() const;       // "1 'id' (17), 2 'review' (Not bad at ...)"
  void first_row_to_names();                     // takes the header out of the rows
};

// Reads `text` (UTF-8). JSON Lines if the first line begins with a JSON object; otherwise the delimiter is
// the one of tab, semicolon and comma that divides most of the first 200 lines into as many columns, at least
// two, as the first. The header, if there is one, is the first row here. Tab-separated files circulate with
// and without quoting: a quote is an ordinary character where reading it as quotation would break rows or
// swallow line ends in a file that is regular without. Errors (Data) with file and line: those of csv.h, a
// row with another number of columns than the first, no columns at all, a line that is no JSON object, a
// value over 1 MiB, no rows.
TextTable read_text_table(std::string text, const std::string& source);

// The first `most` code points of a value for a message, on one line, with "..." where there were more.
std::string excerpt(std::string_view text, size_t most);

inline constexpr size_t kLongestValue = size_t{1} << 20;  // bytes

// The two layouts: `text` are the bytes that table.kept holds; table.source stands in messages.
void read_delimited(std::string_view text, TextTable& table);
void read_json_lines(std::string_view text, TextTable& table);
bool looks_like_json_lines(std::string_view text);

}  // namespace octet
