#include "datasets/text_corpus.h"

#include <algorithm>

#include "core/error.h"

namespace octet {

std::string TextCorpus::source() const {
  if (generated) return "generated";
  return entry.empty() ? path : path + " (" + entry + ")";
}

void require_trainable(const TextCorpus& corpus) {
  const std::string source = corpus.source();
  require(!corpus.texts.empty(), ErrorKind::Data, source, ": no rows are left");
  require(corpus.texts.size() == corpus.labels.size(), ErrorKind::Data, source, ": ", corpus.texts.size(),
          " texts but ", corpus.labels.size(), " labels");
  const auto classes = static_cast<int32_t>(corpus.label_names.size());
  for (const int32_t label : corpus.labels)
    require(label >= 0 && label < classes, ErrorKind::Data, source, ": label ", label, " of ", classes,
            " classes");
  const int32_t first = corpus.labels.front();
  const bool mixed =
      std::any_of(corpus.labels.begin(), corpus.labels.end(), [&](int32_t l) { return l != first; });
  require(mixed, ErrorKind::Data, source, ": all ", corpus.rows(), " rows are labelled '",
          corpus.label_names[static_cast<size_t>(first)], "'; at least two classes are needed");
}

}  // namespace octet
