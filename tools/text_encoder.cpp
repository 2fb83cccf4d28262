#include "tools/text_encoder.h"

#include <limits>

#include "datasets/tokenizer.h"

namespace octet::tools {
namespace {

Keep keep_of(const TrainConfig& config) { return config.keep == "last" ? Keep::Last : Keep::First; }

}  // namespace

TextEncoder::TextEncoder(Vocabulary vocabulary, const TrainConfig& config)
    : vocabulary_(std::move(vocabulary)), longest_(config.max_length), keep_(keep_of(config)) {}
TextEncoder::TextEncoder(WordVocabulary vocabulary, const TrainConfig& config)
    : vocabulary_(std::move(vocabulary)), longest_(config.max_length), keep_(keep_of(config)) {}

int32_t TextEncoder::size() const {
  return std::visit([](const auto& v) { return v.size(); }, vocabulary_);
}
std::string TextEncoder::text() const {
  return std::visit([](const auto& v) { return v.text(); }, vocabulary_);
}
std::string TextEncoder::hash() const {
  return std::visit([](const auto& v) { return v.hash(); }, vocabulary_);
}
const std::string& TextEncoder::token(int32_t id) const {
  if (const auto* tokens = std::get_if<Vocabulary>(&vocabulary_)) return tokens->token(id);
  return std::get<WordVocabulary>(vocabulary_).word(id);
}
int32_t TextEncoder::specials() const {
  if (std::holds_alternative<WordVocabulary>(vocabulary_)) return WordVocabulary::kPadding + 1;
  return static_cast<int32_t>(std::size(Vocabulary::kSpecials));
}

std::vector<int32_t> TextEncoder::ids(std::string_view text) const {
  if (const auto* tokens = std::get_if<Vocabulary>(&vocabulary_))
    return cut(tokens->encode(english_tokens(text)));
  return cut(
      word_sequence(std::get<WordVocabulary>(vocabulary_), text, std::numeric_limits<int64_t>::max(), keep_));
}

std::vector<int32_t> TextEncoder::cut(std::vector<int32_t> ids) const {
  if (const auto size = static_cast<int64_t>(ids.size()); longest_ > 0 && size > longest_)
    keep_ == Keep::First ? ids.erase(ids.begin() + longest_, ids.end())
                         : ids.erase(ids.begin(), ids.end() - longest_);
  if (ids.empty()) ids.push_back(0);
  return ids;
}

}  // namespace octet::tools
