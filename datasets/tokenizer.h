// From text to tokens. A tokenizer is any callable value that fits `Tokenizer`; one that needs a vocabulary
// carries it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

using Tokenizer = std::function<std::vector<std::string>(std::string_view text)>;

// English by rules, token for token as `spacy.blank("en").tokenizer` of spaCy 3.8 does it, the rules that the
// English models of spaCy are built on (https://spacy.io/usage/linguistic-features#how-tokenizer-works):
// split at white space; unless a piece is a known exception, peel off prefixes and suffixes, looking for an
// exception after each; keep URLs whole; split the rest at infixes; at last look for exceptions across the
// tokens found.
//
// Nothing is lost or changed: a token is a piece of the text, and between two tokens stands either nothing or
// one blank. White space beyond that one blank is a token itself.
//
// `text` is well-formed UTF-8 (the readers check it); other bytes are harmless, each counting as U+FFFD.
// Time is linear in the length of the text whatever it holds, a line of any length without blanks included:
// peeling looks only at the ends of a piece, exceptions are looked up for short pieces only, and no matcher
// goes back.
std::vector<std::string> tokenize_english(std::string_view text);

// The same tokens as views into `text`: 16 bytes a token, where strings take 32 or more.
std::vector<std::string_view> english_tokens(std::string_view text);

}  // namespace octet
