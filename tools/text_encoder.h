// The way from a text to ids as one run goes it: what is a token, which tokens have an id, how many of a text
// are read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "datasets/vocabulary.h"
#include "datasets/word_ids.h"
#include "tools/config.h"

namespace octet::tools {

// A value that is cheap to copy.
class TextEncoder {
 public:
  TextEncoder() = default;
  // English tokens; unknown ones are <unk>.
  TextEncoder(Vocabulary vocabulary, const TrainConfig& config);
  // Cleaned words of reviews; unknown ones are left out.
  TextEncoder(WordVocabulary vocabulary, const TrainConfig& config);

  int32_t size() const;      // ids
  std::string text() const;  // the file vocab.txt
  std::string hash() const;  // equal for equal ids
  const std::string& token(int32_t id) const;
  int32_t specials() const;  // ids below it are no tokens of a text
  // At most max_length; a text without any is the single id 0.
  std::vector<int32_t> ids(std::string_view text) const;
  // The same for the ids of a text's known tokens.
  std::vector<int32_t> cut(std::vector<int32_t> ids) const;

 private:
  std::variant<Vocabulary, WordVocabulary> vocabulary_ = Vocabulary();
  int64_t longest_ = 0;  // 0: any
  Keep keep_ = Keep::First;
};

}  // namespace octet::tools
