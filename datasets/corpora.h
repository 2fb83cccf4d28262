// The named corpora: where their files are looked for, how they are read, and by which SHA-256 the well-known
// files are recognised.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "datasets/locate.h"
#include "datasets/text_corpus.h"

namespace octet {

// A file as its publisher gives it out. `sha256` is that of the text itself, whatever it was packed in.
struct KnownFile {
  std::string_view name;  // "sms_spam.csv"
  std::string_view sha256;
  std::string_view about;  // where it comes from
};

// What an experiment takes for the words of a text.
enum class TextRules {
  EnglishTokens,  // tokenizer.h
  ReviewWords,    // review_words.h
};

struct NamedCorpus {
  std::string_view name;                              // "sms"
  std::string_view summary;                           // what it holds, in a few words
  std::span<const std::string_view> (*file_names)();  // that are looked for in a folder, in this order
  std::span<const KnownFile> known_files;
  TextRules rules;
  TextCorpus (*read)(const std::filesystem::path& file);
  TextCorpus (*load)(const DataPlaces& places);  // from the first place that has it, or generated
};

std::span<const NamedCorpus> corpora();

// The known file of this content, and of this name (the last part of a path); null if there is none.
const KnownFile* known_by_content(const NamedCorpus& corpus, std::string_view sha256);
const KnownFile* known_by_name(const NamedCorpus& corpus, std::string_view path);

}  // namespace octet
