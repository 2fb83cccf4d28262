#include "tools/reproduce_sizes.h"

#include "tools/commands/bench.h"

namespace octet::tools {

std::vector<Shape> sms_model() { return sms_shapes(1751); }

std::vector<Shape> imdb_model(int64_t layers) {
  constexpr int64_t words = 1001, width = 64, gates = 4 * width;  // embedding and hidden have one width
  std::vector<Shape> shapes = {{words, width}};
  for (int64_t layer = 0; layer < layers; ++layer)
    shapes.insert(shapes.end(), {{gates, width}, {gates, width}, {gates}, {gates}});
  shapes.insert(shapes.end(), {{1, width}, {1}});
  return shapes;
}

std::vector<Shape> bert_model() {
  std::vector<Shape> shapes = bert_base_shapes();
  shapes.insert(shapes.end(), {{6, 768}, {6}});
  return shapes;
}

int64_t fp32_state_bytes(const std::vector<Shape>& model) { return 8 * elements_in(model); }

int64_t coded_state_bytes(const std::vector<Shape>& model) {
  constexpr int64_t kSmallest = 4096, kBlock = 2048;
  int64_t bytes = 0;
  for (const Shape& shape : model) {
    const int64_t n = shape.numel();
    bytes += n < kSmallest ? 8 * n : 2 * n + 8 * ((n + kBlock - 1) / kBlock);
  }
  return bytes;
}

}  // namespace octet::tools
