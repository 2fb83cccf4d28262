// What the English rules split off at the start, at the end and inside of a word. Internal to datasets/.
//
// Every function takes one non-empty word without white space and answers in bytes. Each looks only at the
// ends it is asked about (a run of full stops is the one thing of any length), so peeling a word costs time
// in its length.
#pragma once

#include <cstddef>
#include <string_view>

namespace octet::english {

size_t prefix_size(std::string_view word);  // 0: none
size_t suffix_size(std::string_view word);  // 0: none; what stands before `word` is not seen

// The first split inside of `word` at or after byte `from`; size 0: none.
struct Infix {
  size_t begin = 0, size = 0;
};
Infix find_infix(std::string_view word, size_t from);

}  // namespace octet::english
