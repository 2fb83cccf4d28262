// What was converted when a file was loaded, in a sentence.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace octet {

class Conversions {
 public:
  void note(const std::string& from, const std::string& to) { ++counts_[{from, to}]; }
  // "WHAT converted from fp32 to bf16 (9 of 19 tensors), from ..."; empty if nothing was.
  std::string text(const std::string& what, size_t tensors) const {
    std::string text;
    for (const auto& [formats, count] : counts_) {
      text += text.empty() ? what + " converted from " : ", from ";
      text += formats.first + " to " + formats.second + " (" + std::to_string(count) + " of " +
              std::to_string(tensors) + " tensors)";
    }
    return text;
  }

 private:
  std::map<std::pair<std::string, std::string>, int64_t> counts_;
};

}  // namespace octet
