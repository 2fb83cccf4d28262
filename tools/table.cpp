#include "tools/table.h"

#include <algorithm>

#include "core/error.h"

namespace octet::tools {
namespace {

// In characters: bytes that do not continue one in UTF-8.
size_t width(const std::string& cell) {
  return static_cast<size_t>(std::count_if(
      cell.begin(), cell.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

Table::Table(std::vector<std::string> header, size_t left) : rows_{std::move(header)}, left_(left) {}

void Table::row(std::vector<std::string> cells) {
  require(cells.size() == rows_.front().size(), ErrorKind::Internal, "a table row of ", cells.size(),
          " cells under a header of ", rows_.front().size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<size_t> widths(rows_.front().size());
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string fill(widths[i] - width(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (i < left_ ? row[i] + fill : fill + row[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace octet::tools
