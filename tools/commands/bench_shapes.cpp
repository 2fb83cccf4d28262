#include <numeric>

#include "tools/commands/bench.h"

namespace octet::tools {

// Embedding 100 wide, two bidirectional LSTM layers of width 64, one linear layer to one logit.
std::vector<Shape> sms_shapes(int64_t vocabulary) {
  constexpr int64_t embedding = 100, hidden = 64, layers = 2, directions = 2, gates = 4 * hidden;
  std::vector<Shape> shapes = {{vocabulary, embedding}};
  for (int64_t layer = 0; layer < layers; ++layer) {
    const int64_t input = layer == 0 ? embedding : directions * hidden;
    for (int64_t direction = 0; direction < directions; ++direction)
      shapes.insert(shapes.end(), {{gates, input}, {gates, hidden}, {gates}, {gates}});
  }
  shapes.insert(shapes.end(), {{1, directions * hidden}, {1}});
  return shapes;
}

// Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers", NAACL 2019, the uncased base model.
std::vector<Shape> bert_base_shapes() {
  constexpr int64_t words = 30522, positions = 512, types = 2, width = 768, inner = 3072, layers = 12;
  std::vector<Shape> shapes = {{words, width}, {positions, width}, {types, width}, {width}, {width}};
  const auto linear = [&](int64_t in, int64_t out) { shapes.insert(shapes.end(), {{out, in}, {out}}); };
  const auto layer_norm = [&] { shapes.insert(shapes.end(), {{width}, {width}}); };
  for (int64_t layer = 0; layer < layers; ++layer) {
    for (int i = 0; i < 4; ++i) linear(width, width);  // query, key, value, output
    layer_norm();
    linear(width, inner);
    linear(inner, width);
    layer_norm();
  }
  linear(width, width);  // pooler
  return shapes;
}

int64_t elements_in(const std::vector<Shape>& shapes) {
  return std::accumulate(shapes.begin(), shapes.end(), int64_t{0},
                         [](int64_t sum, const Shape& shape) { return sum + shape.numel(); });
}

}  // namespace octet::tools
