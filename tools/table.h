// Aligned columns for people.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace octet::tools {

class Table {
 public:
  // The first `left` columns hold words and start at the left, the others hold numbers and end at the right.
  Table(std::vector<std::string> header, size_t left);
  void row(std::vector<std::string> cells);  // as many as the header has
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  size_t left_;
};

}  // namespace octet::tools
