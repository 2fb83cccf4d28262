// Reader for comma- and tab-separated text after RFC 4180: quoted fields, "" for a quote inside one, line
// breaks inside quotes, LF or CRLF, an optional byte order mark, a last line with or without its line end.
//
//   CsvReader rows(bytes, "reviews.csv");
//   while (rows.next()) use(rows.fields()[0], rows.line());
//
// Two liberties that files in the wild need: a quote that does not open a field is an ordinary character, and
// empty lines are skipped (spreadsheets leave them at the end). Text after a closing quote is an error,
// because guessing there silently swallows rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

struct CsvFormat {
  char delimiter = ',';
  bool quoting = true;                   // false: a quote is an ordinary character, as in the UCI files
  size_t columns = 0;                    // every row must have this many; 0: any number
  size_t field_limit = size_t{1} << 20;  // bytes
};

class CsvReader {
 public:
  // Reads `text`, which must outlive the reader; `name` stands in error messages.
  CsvReader(std::string_view text, std::string name, CsvFormat format = {});

  // Moves to the next row; false at the end. Errors (Data) name file and line: a quote that is never closed,
  // text after a closing quote, a field over the limit, a wrong number of columns.
  bool next();

  // The row's fields. They point into the text, or into this reader where a "" had to be undone, and live
  // until the next call of next().
  std::span<const std::string_view> fields() const { return fields_; }

  int64_t line() const { return row_line_; }  // line the row begins in, from 1

  // "reviews.csv, line 12", for messages about the row's content.
  std::string where() const;

 private:
  std::string_view quoted_field();
  std::string_view plain_field();
  bool at_line_end() const;
  void skip_line_end();
  [[noreturn]] void too_long(int64_t line, bool quoted) const;

  std::string_view text_;
  std::string name_;
  CsvFormat format_;
  size_t at_ = 0;
  int64_t line_ = 1;
  int64_t row_line_ = 0;
  std::vector<std::string_view> fields_;
  std::deque<std::string> unescaped_;  // a deque, so that views of earlier fields stay valid
};

}  // namespace octet
