// Different words and their numbers, in the order in which they are first seen.
//
// A hash table with open addressing beside one string that holds all words. The reviews of the IMDB corpus
// are eleven million words; std::unordered_map takes three times as long for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

class WordTable {
 public:
  WordTable() : slots_(size_t{1} << 12) {}

  int32_t number(std::string_view word);  // of this word, which is added if it is new
  int32_t size() const { return static_cast<int32_t>(begins_.size()) - 1; }
  std::string_view word(int32_t number) const {  // until the next call of number()
    const size_t begin = begins_[static_cast<size_t>(number)];
    return {text_.data() + begin, begins_[static_cast<size_t>(number) + 1] - begin};
  }

 private:
  struct Slot {
    uint32_t hash = 0;
    int32_t number = -1;  // -1: free
  };
  // Where the word is, or the free slot that it would take.
  Slot& slot_of(uint32_t hash, std::string_view word);
  void grow();

  std::vector<Slot> slots_;  // a power of two of them, at most half of them taken
  std::string text_;
  std::vector<size_t> begins_ = {0};  // of the words in text_, and its end
};

}  // namespace octet
