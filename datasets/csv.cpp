#include "datasets/csv.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace octet {

CsvReader::CsvReader(std::string_view text, std::string name, CsvFormat format)
    : text_(text), name_(std::move(name)), format_(format) {
  if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
}

std::string CsvReader::where() const { return name_ + ", line " + std::to_string(row_line_); }

bool CsvReader::at_line_end() const {
  return text_[at_] == '\n' || (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n');
}

void CsvReader::skip_line_end() {
  at_ += text_[at_] == '\r' ? 2 : 1;
  ++line_;
}

bool CsvReader::next() {
  while (at_ < text_.size() && at_line_end()) skip_line_end();
  if (at_ >= text_.size()) return false;
  fields_.clear();
  unescaped_.clear();
  row_line_ = line_;
  for (;;) {
    const bool quoted = format_.quoting && at_ < text_.size() && text_[at_] == '"';
    fields_.push_back(quoted ? quoted_field() : plain_field());
    if (at_ >= text_.size()) break;
    if (text_[at_] == format_.delimiter) {
      ++at_;
      continue;  // at the end of the text one more, empty field follows
    }
    skip_line_end();
    break;
  }
  if (format_.columns != 0 && fields_.size() != format_.columns)
    fail(ErrorKind::Data, where(), ": ", format_.columns, " columns wanted, ", fields_.size(), " found");
  return true;
}

// Leaves at_ on the delimiter, on the line end, or at the end of the text.
std::string_view CsvReader::plain_field() {
  const size_t begin = at_;
  while (at_ < text_.size() && text_[at_] != format_.delimiter && !at_line_end()) ++at_;
  if (at_ - begin > format_.field_limit) too_long(line_, false);
  return text_.substr(begin, at_ - begin);
}

std::string_view CsvReader::quoted_field() {
  const int64_t opened = line_;
  std::string* copy = nullptr;  // made at the first ""
  size_t begin = ++at_;
  size_t length = 0;
  for (;;) {
    const size_t quote = text_.find('"', at_);
    const size_t end = quote == std::string_view::npos ? text_.size() : quote;
    length += end - begin;
    if (length > format_.field_limit) too_long(opened, true);
    if (quote == std::string_view::npos)
      fail(ErrorKind::Data, name_, ", line ", opened, ": a quote is opened here and never closed");
    line_ += std::count(text_.begin() + static_cast<std::ptrdiff_t>(begin),
                        text_.begin() + static_cast<std::ptrdiff_t>(end), '\n');
    const std::string_view piece = text_.substr(begin, end - begin);
    at_ = end + 1;
    if (at_ < text_.size() && text_[at_] == '"') {  // "" stands for one quote
      if (!copy) copy = &unescaped_.emplace_back();
      copy->append(piece).push_back('"');
      begin = ++at_;
      ++length;
      continue;
    }
    if (at_ < text_.size() && text_[at_] != format_.delimiter && !at_line_end())
      fail(ErrorKind::Data, name_, ", line ", line_,
           ": text after a closing quote; a quote inside a quoted field is written \"\"");
    if (!copy) return piece;
    copy->append(piece);
    return *copy;
  }
}

void CsvReader::too_long(int64_t line, bool quoted) const {
  fail(ErrorKind::Data, name_, ", line ", line, ": a field of more than ", format_.field_limit, " bytes",
       quoted ? " (is its closing quote missing?)" : "");
}

}  // namespace octet
