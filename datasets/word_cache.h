// A WordCorpus kept in a file, so that 50,000 reviews are unpacked and cut into words once. A cache is never
// trusted: its name and its head say of which bytes and by which rules it was made, and a SHA-256 covers all
// of it. Whatever is wrong with one, it is made anew.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "datasets/word_corpus.h"

namespace octet {

struct WordCache {
  std::filesystem::path folder;  // empty: nothing is kept
  std::string name;              // of the corpus
  std::string content;           // SHA-256 of the file that the corpus is read from, as it lies on disk
  std::string rules;             // everything else that the words depend on

  // <folder>/<name>-<16 digits of content, rules and version of the format>.words
  std::filesystem::path path() const;
};

struct CachedWords {
  WordCorpus corpus;
  bool from_cache = false;
  std::string note;  // for people; empty if all is well: a damaged cache, or one that cannot be written
};

// The corpus from the cache or, where that is absent or unusable in any way, from `make`, and then the cache
// is written. `corpus_path` becomes the path of a corpus from the cache. Only errors of `make` are thrown.
CachedWords cached_words(const WordCache& cache, const std::string& corpus_path,
                         const std::function<WordCorpus()>& make);

}  // namespace octet
