#include "core/error.h"
#include "nn/models/bag_classifier.h"
#include "tests/cuda/layer_check.h"

using namespace octet;
using namespace octet::testing;

namespace {

// An id for each position, some of them often.
std::vector<int32_t> some_ids(int64_t count, int64_t rows) {
  Rng rng(17);
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i)
    ids.push_back(static_cast<int32_t>(rng.below(static_cast<uint64_t>(i % 3 ? rows : (rows + 3) / 4))));
  return ids;
}

std::vector<bool> mask_of(Device device, const Shape& shape, double p, Rng& masks) {
  const Variable ones(Tensor::full(shape, 1, DType::F32, device, MemoryTag::Data));
  std::vector<bool> mask;
  for (const float value : Dropout(p).forward(ones, &masks).value().to_vector<float>())
    mask.push_back(value != 0);
  return mask;
}

}  // namespace

TEST_CASE("a Linear layer and its gradients agree with float64") {
  struct Case {
    int64_t rows, in, out;
    bool bias;
  };
  for (const Case& c : {Case{1, 1, 1, true},
                        {7, 5, 3, true},
                        {7, 5, 3, false},
                        {64, 128, 1, true},
                        {301, 129, 65, true},
                        {1000, 100, 256, false}})
    check_layer(
        Shape{c.rows, c.in, c.out}.text() + (c.bias ? " with bias" : ""), {{c.rows, c.in}},
        [&](const Init& init) { return Linear(c.in, c.out, init, c.bias); },
        [](const Linear& layer, Side& side) { return std::vector{layer.forward(side[0])}; });
}

TEST_CASE("a Linear layer over an input of three axes agrees with float64") {
  check_layer(
      "[4,9,33]", {{4, 9, 33}}, [](const Init& init) { return Linear(33, 17, init); },
      [](const Linear& layer, Side& side) { return std::vector{layer.forward(side[0])}; });
}

TEST_CASE("an Embedding and its gradient agree with float64, with and without a padding row") {
  struct Case {
    int64_t count, rows, width, padding;
  };
  for (const Case& c : {Case{1, 1, 1, -1}, {9, 5, 3, 1}, {25000, 1001, 64, -1}, {3001, 400, 131, 0}})
    check_layer(
        Shape{c.rows, c.width}.text() + " at " + std::to_string(c.count) + " ids", {},
        [&](const Init& init) { return Embedding(c.rows, c.width, init, c.padding); },
        [&](const Embedding& layer, Side& side) {
          return std::vector{layer.forward(side.stage.ids(some_ids(c.count, c.rows)))};
        });
}

TEST_CASE("the bag classifier's logits and gradients agree with float64") {
  for (const std::vector<int64_t>& lengths :
       {std::vector<int64_t>{1}, {9, 4, 4, 1}, {3000, 700, 65, 64, 63, 1}, std::vector<int64_t>(64, 131)}) {
    int64_t total = 0;
    for (const int64_t length : lengths) total += length;
    const std::vector<int32_t> ids = some_ids(total, 400);
    std::vector<std::span<const int32_t>> texts;
    for (auto at = ids.begin(); const int64_t length : lengths) {
      texts.emplace_back(at, at + length);
      at += length;
    }
    check_layer(
        std::to_string(lengths.size()) + " texts, the longest of " + std::to_string(lengths[0]), {},
        [&](const Init& init) {
          return BagClassifier({.vocabulary = 400, .embedding = 65, .dropout = 0.2, .outputs = 6}, init);
        },
        [&](const BagClassifier& model, Side& side) {
          return std::vector{model.forward(pack_ids(texts, side.stage.device()), &side.masks)};
        });
  }
}

TEST_CASE("layers whose weights are stored in BF16 agree with float64 on the widened weights") {
  for (const auto& [in, out] : {std::pair{1, 1}, {5, 3}, {129, 65}, {100, 256}})
    check_layer(
        "Linear " + Shape{out, in}.text(), {{301, in}},
        [&, in = in, out = out](const Init& init) { return Linear(in, out, init); },
        [](const Linear& layer, Side& side) { return std::vector{layer.forward(side[0])}; }, 1);
  for (const int64_t width : {1, 3, 6, 64, 131})
    check_layer(
        "Embedding " + Shape{400, width}.text(), {},
        [&](const Init& init) { return Embedding(400, width, init, 2); },
        [&](const Embedding& layer, Side& side) {
          return std::vector{layer.forward(side.stage.ids(some_ids(3001, 400)))};
        },
        1);
  check_layer(
      "StableEmbedding", {}, [](const Init& init) { return StableEmbedding(400, 131, init); },
      [](const StableEmbedding& layer, Side& side) {
        return std::vector{layer.forward(side.stage.ids(some_ids(3001, 400)))};
      },
      1);
}

TEST_CASE("a StableEmbedding and its gradients agree with float64") {
  check_layer(
      "[400,131]", {}, [](const Init& init) { return StableEmbedding(400, 131, init, 1); },
      [](const StableEmbedding& layer, Side& side) {
        return std::vector{layer.forward(side.stage.ids(some_ids(3001, 400)))};
      });
}

TEST_CASE("a LayerNorm and its gradients agree with float64") {
  for (const Shape& shape : {Shape{1, 1}, Shape{5, 3}, Shape{2, 7, 64}, Shape{301, 129}, Shape{64, 2000}})
    check_layer(
        shape.text(), {shape}, [&](const Init& init) { return LayerNorm(shape[-1], init); },
        [](const LayerNorm& layer, Side& side) { return std::vector{layer.forward(side[0])}; });
}

TEST_CASE("Dropout and its gradient agree with float64") {
  for (const Shape& shape : {Shape{1}, Shape{31, 7}, Shape{500, 128}, Shape{3, 100, 101}})
    for (const double p : {0.0, 0.2, 0.9})
      check_layer(
          shape.text() + " at " + std::to_string(p), {shape}, [&](const Init&) { return Dropout(p); },
          [](const Dropout& layer, Side& side) {
            const Variable once = layer.forward(side[0], &side.masks);
            return std::vector{once, layer.forward(once, &side.masks)};
          });
}

TEST_CASE("dropout masks are those of the CPU, element by element, from any position of the stream") {
  for (const int64_t count : {1, 2, 3, 4, 5, 1023, 100003})
    for (const double p : {0.1, 0.5}) {
      CAPTURE(count);
      Rng gpu(3), cpu(3);
      for (int round = 0; round < 3; ++round) {
        CHECK((mask_of(Device::cuda(), {count}, p, gpu) == mask_of(Device::cpu(), {count}, p, cpu)));
        CHECK(gpu == cpu);
      }
      Rng late_gpu(11, uint64_t{1} << 33), late_cpu(11, uint64_t{1} << 33);
      CHECK((mask_of(Device::cuda(), {count}, p, late_gpu) == mask_of(Device::cpu(), {count}, p, late_cpu)));
    }
}

TEST_CASE("initialisation gives the GPU the numbers of the CPU") {
  const Linear gpu(33, 17, Init{Rng(4), Device::cuda()}), cpu(33, 17, Init{Rng(4)});
  for (size_t i = 0; i < 2; ++i)
    CHECK((gpu.parameters()[i].variable.value().to_vector<float>() ==
           cpu.parameters()[i].variable.value().to_vector<float>()));
}

TEST_CASE("an id that is no row of an Embedding is an error at the next wait, and the device goes on") {
  const Embedding layer(3, 2, Init{Rng(1), Device::cuda()});
  const auto at = [](int32_t id) {
    return Tensor::from(std::vector<int32_t>{0, id, 1}, {3}, Device::cuda());
  };
  for (const int32_t id : {3, 2000000000, -2}) {
    CAPTURE(id);
    const Variable y = layer.forward(at(id));  // does not wait, so cannot know
    CHECK_ERROR(ErrorKind::Data, "id " + std::to_string(id) + " at position 1", y.value().to_vector<float>());
    CHECK(layer.forward(at(2)).value().to_vector<float>().size() == 6);
  }
  layer.forward(at(7));
  CHECK_ERROR(ErrorKind::Data, "id 7 at position 1", backend(Device::cuda()).synchronize(Device::cuda()));
  backend(Device::cuda()).synchronize(Device::cuda());  // said once
}

TEST_CASE("a label that is no class is an error at the next wait, and the device goes on") {
  const Variable logits(Tensor::zeros({2, 3}, DType::F32, Device::cuda(), MemoryTag::Data));
  const auto loss = [&](int32_t label) {
    return cross_entropy(logits, Tensor::from(std::vector<int32_t>{0, label}, {2}, Device::cuda()));
  };
  for (const int32_t label : {3, -1}) {
    const Variable bad = loss(label);
    CHECK_ERROR(ErrorKind::Data, "label " + std::to_string(label) + " of row 1", bad.value().item());
    CHECK(loss(2).value().item() == doctest::Approx(std::log(3.0)));
  }
}
