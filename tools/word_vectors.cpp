#include "tools/word_vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "core/error.h"
#include "tools/format.h"

namespace octet::tools {

WordVectors load_word_vectors(const TrainConfig& config, const TextEncoder& encoder,
                              const std::vector<std::vector<int32_t>>& sequences) {
  const int64_t dimension = glove_dimension(config.glove, config.embedding);
  require(dimension == config.embedding, ErrorKind::Data, config.glove, ": vectors of ", dimension,
          " dimensions, but --embedding is ", config.embedding, "; leave it out or give --embedding ",
          dimension);
  std::vector<std::string_view> words;
  for (int32_t id = 0; id < encoder.size(); ++id) words.push_back(encoder.token(id));
  const Rng rng = Rng(static_cast<uint64_t>(config.seed)).split("word vectors");
  WordVectors result{.glove = read_glove(config.glove, dimension, words, rng)};

  const std::vector<GloveMatch>& matches = result.glove.matches;
  const auto first_word = matches.begin() + encoder.specials();
  result.words = matches.end() - first_word;
  result.as_written = std::count(first_word, matches.end(), GloveMatch::AsWritten);
  result.lower_cased = std::count(first_word, matches.end(), GloveMatch::LowerCased);
  int64_t tokens = 0, covered = 0;
  for (const std::vector<int32_t>& sequence : sequences) {
    tokens += static_cast<int64_t>(sequence.size());
    covered += std::count_if(sequence.begin(), sequence.end(), [&](int32_t id) {
      return id >= encoder.specials() && matches[static_cast<size_t>(id)] != GloveMatch::None;
    });
  }
  result.token_share = tokens > 0 ? static_cast<double>(covered) / static_cast<double>(tokens) : 0;
  return result;
}

void put_word_vectors(const WordVectors& vectors, const Module& model) {
  for (const NamedParameter& parameter : model.parameters()) {
    if (parameter.name != "embedding.weight") continue;
    const Tensor& weight = parameter.variable.value();
    weight.copy_from(Tensor::from(vectors.glove.values, weight.shape(), Device::cpu(), MemoryTag::Workspace)
                         .to(weight.dtype(), MemoryTag::Workspace));
    return;
  }
  fail(ErrorKind::Internal, "the model has no embedding for word vectors");
}

std::vector<std::string> lines_about(const WordVectors& vectors) {
  const GloveVectors& glove = vectors.glove;
  std::vector<std::string> lines = {
      fmt::format("glove: {} of {} words have a vector ({} as written, {} in lower case), {:.1f} % of the "
                  "training tokens, "
                  "from {} ({} of {} dimensions); the others are drawn like them",
                  format_count(vectors.as_written + vectors.lower_cased), format_count(vectors.words),
                  format_count(vectors.as_written), format_count(vectors.lower_cased),
                  100 * vectors.token_share, glove.source, format_count(glove.lines), glove.dimension)};
  for (const std::string& note : glove.notes) lines.push_back("glove: " + note);
  return lines;
}

}  // namespace octet::tools
