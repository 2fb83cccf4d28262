// Scratch of a GPU's kernels: that the cuts cover everything, and how large they may become.
#include "core/gpu_scratch.h"

#include <doctest/doctest.h>

using namespace octet;

TEST_CASE("the segments of a cut sum hold every term once, and none is empty") {
  for (const int64_t outputs : {1, 2, 31, 32, 33, 256, 1000, 5000})
    for (const int64_t terms : {1, 15, 16, 17, 1000, 1024, 1025, 25000, 3000001})
      for (const bool columns : {false, true}) {
        CAPTURE(outputs);
        CAPTURE(terms);
        CAPTURE(columns);
        const SumCut cut = SumCut::of(outputs, terms, columns);
        CHECK(cut.segments >= 1);
        CHECK(cut.segments * cut.segment >= terms);
        CHECK((cut.segments - 1) * cut.segment < terms);
        CHECK(SumCut::kThreads % cut.width == 0);
        CHECK(sum_scratch(outputs, terms, columns) == (cut.segments > 1 ? cut.segments * outputs * 8 : 0));
      }
  CHECK(sum_scratch(0, 10, true) == 0);
  CHECK(sum_scratch(10, 0, true) == 0);
}

TEST_CASE("the segments of a norm's gradient hold every row once, and none is empty") {
  for (const int64_t rows : {1, 63, 64, 65, 4000, 1000003})
    for (const int64_t cols : {1, 31, 33, 768, 100000}) {
      CAPTURE(rows);
      CAPTURE(cols);
      const auto [segments, segment] = NormCut::of(rows, cols);
      CHECK(segments * segment >= rows);
      CHECK((segments - 1) * segment < rows);
      CHECK(norm_scratch(rows, cols) == segments * 2 * cols * 8);
    }
  CHECK(norm_scratch(0, 8) == 0);
}

TEST_CASE("a product's scratch grows with its sums, not with a result that keeps a GPU busy by itself") {
  const int64_t always = product_scratch(1, 1, 1, 1, 4);
  CHECK(product_scratch(1, 256, 64, 25000, 4) == always + 66 * 256 * 64 * 4);  // the gradient of a weight
  CHECK(product_scratch(1, 25000, 256, 64, 4) == always);                      // all steps' inputs
  CHECK(product_scratch(1, 8192, 3072, 768, 4) == always);
  CHECK(product_scratch(1, 16000, 64, 511, 4) == always);  // a sum too short for two parts
  CHECK(product_scratch(1, 256, 64, 511, 4) == always);
  CHECK(product_scratch(1, 256, 64, 512, 4) == always + 2 * 256 * 64 * 4);
  CHECK(product_scratch(1, 3072, 768, 8192, 4) == always + 3072 * 768 * 4);
  CHECK(product_scratch(1, 256, 64, 25000, 8) - always ==
        2 * (product_scratch(1, 256, 64, 25000, 4) - always));
  CHECK(product_scratch(300, 64, 64, 4096, 4) == always);  // as many results as a GPU has places
  CHECK(product_scratch(0, 5, 5, 5, 4) == always);
}

TEST_CASE("a binary loss has a part for every 1024 rows, up to a number that no GPU decides") {
  CHECK(binary_loss_parts(0) == 1);
  CHECK(binary_loss_parts(1024) == 1);
  CHECK(binary_loss_parts(1025) == 2);
  CHECK(binary_loss_parts(int64_t{1} << 21) == 2048);
  CHECK(binary_loss_parts(int64_t{1} << 40) == 2048);
}

TEST_CASE("an embedding's gradient takes lists of ids and places, and ends of chunks") {
  const auto scratch = EmbeddingScratch::of(1000, 64, 4);
  CHECK(scratch[0] == 4 * 4 * 1000);
  CHECK(scratch[2] == 16 * 64 * 4);  // 16 chunks of 64 ids
  CHECK(scratch[3] == scratch[2]);
  for (const int64_t bytes : EmbeddingScratch::of(0, 64, 4)) CHECK(bytes == 0);
}
