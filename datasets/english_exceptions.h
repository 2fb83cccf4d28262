// The words that no rule may touch: contractions with their parts, abbreviations, emoticons. Internal to
// datasets/.
#pragma once

#include <string>
#include <vector>

namespace octet::english {

// Every exception as its parts, joined by kPartEnd: {"do", "n't"} is "do" kPartEnd "n't". One part means that
// the word stays whole. Each is there with the typewriter apostrophe and with U+2019.
inline constexpr char kPartEnd = '\n';
std::vector<std::string> exceptions();

}  // namespace octet::english
