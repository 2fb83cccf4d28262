#include "datasets/word_table.h"

#include <functional>

namespace octet {

WordTable::Slot& WordTable::slot_of(uint32_t hash, std::string_view text) {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at].number >= 0 && (slots_[at].hash != hash || word(slots_[at].number) != text))
    at = (at + 1) & mask;
  return slots_[at];
}

int32_t WordTable::number(std::string_view text) {
  const auto hash = static_cast<uint32_t>(std::hash<std::string_view>{}(text));
  Slot& slot = slot_of(hash, text);
  if (slot.number >= 0) return slot.number;
  const int32_t number = size();
  slot = {hash, number};
  text_.append(text);
  begins_.push_back(text_.size());
  if (2 * begins_.size() > slots_.size()) grow();
  return number;
}

void WordTable::grow() {
  std::vector<Slot> old(2 * slots_.size());
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.number < 0) continue;
    size_t at = slot.hash & mask;  // all words are different: only a free slot is looked for
    while (slots_[at].number >= 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

}  // namespace octet
