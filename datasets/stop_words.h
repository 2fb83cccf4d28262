// Words so frequent that they say little of what a text is about.
#pragma once

#include <span>
#include <string_view>

namespace octet {

// 179 English words: the list `stopwords` of the NLTK data package as of July 2022 (Bird, Klein, Loper,
// "Natural Language Processing with Python", 2009; https://www.nltk.org/nltk_data). 26 of them hold an
// apostrophe.
std::span<const std::string_view> english_stop_words();

}  // namespace octet
