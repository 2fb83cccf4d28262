// What the allocator of the GPU promises: shapes that repeat cost no driver call, memory stays flat, and
// running out of it is an error that can be survived.
#include <cuda_runtime.h>

#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "core/ledger.h"
#include "tests/support/classifier_training.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

const Device kGpu = Device::cuda();

MemoryUse use() { return ledger(kGpu).use(); }

// With OCTET_ALLOCATOR=plain every tensor is an allocation of its own.
bool caching() {
  const char* set = std::getenv("OCTET_ALLOCATOR");
  return !set || std::string_view(set) != "plain";
}

int64_t bytes_of_gpu(bool free_only) {
  size_t free = 0, total = 0;
  REQUIRE(cudaMemGetInfo(&free, &total) == cudaSuccess);
  return static_cast<int64_t>(free_only ? free : total);
}

Tensor make(int64_t bytes, MemoryTag tag = MemoryTag::Data) {
  return Tensor::empty({bytes}, DType::U8, kGpu, tag);
}

const LstmClassifierConfig kSmall = {.vocabulary = 60, .embedding = 12, .hidden = 16};

}  // namespace

TEST_CASE("after the first step of a shape no step asks the driver for memory" * doctest::skip(!caching())) {
  Rng rng(3);
  for (const std::string codec : {"fp32", "blockwise8"})
    for (const bool equal : {true, false}) {
      CAPTURE(codec);
      CAPTURE(equal);
      Training training(
          {.model = {.vocabulary = 1001, .hidden = 40, .head_dropout = 0.3}, .codec = codec, .max_norm = 1},
          kGpu);
      const TextBatch batch = random_batch(33, 70, equal, 1001, rng);
      training.step(batch);
      const MemoryUse first = use();
      for (int i = 0; i < 20; ++i) training.step(batch);
      CHECK(use().system_allocations == first.system_allocations);
      CHECK(use().system_bytes == first.system_bytes);
      CHECK(use().live == first.live);
      training.evaluate(batch);
      CHECK(use().system_allocations == first.system_allocations);
    }
}

TEST_CASE("device memory stays flat to the byte over 10,000 steps of changing shapes" *
          doctest::skip(!caching())) {
  Rng rng(4);
  std::vector<TextBatch> batches;
  for (int64_t i = 0; i < 25; ++i)
    batches.push_back(random_batch(1 + static_cast<int64_t>(rng.below(16)),
                                   1 + static_cast<int64_t>(rng.below(24)), i % 2 == 0, 60, rng));
  Training training({.model = kSmall, .codec = "blockwise8", .max_norm = 1}, kGpu);
  const auto round = [&] {
    for (const TextBatch& batch : batches) training.step(batch);
    training.evaluate(batches.front()).item();  // waits
  };
  for (int i = 0; i < 8; ++i) round();  // blocks that smaller requests borrowed have settled
  const MemoryUse settled = use();
  const int64_t free = bytes_of_gpu(true);
  for (int i = 0; i < 400; ++i) {
    round();
    if (i % 40 != 39) continue;
    CAPTURE(i);
    CHECK(use().live == settled.live);
    CHECK(use().system_bytes == settled.system_bytes);
    CHECK(use().system_allocations == settled.system_allocations);
    CHECK(use().peak_total == settled.peak_total);
  }
  CHECK(bytes_of_gpu(true) == free);  // nor did cuDNN, cuBLAS or the driver take any
}

TEST_CASE("everything that training held is given back, by every tag") {
  Rng rng(5);
  const TextBatch batch = random_batch(5, 9, false, 60, rng);
  Training({.model = kSmall}, kGpu).step(batch);  // what the libraries keep is there from now on
  const MemoryUse before = use();
  {
    Training training({.model = kSmall}, kGpu);
    const Tensor loss = training.step(batch);
    for (const MemoryTag tag : {MemoryTag::Weights, MemoryTag::Gradients, MemoryTag::OptimizerState,
                                MemoryTag::Activations, MemoryTag::Workspace, MemoryTag::Data})
      CHECK_MESSAGE(use().peak[static_cast<size_t>(tag)] > 0, name_of(tag));
  }
  CHECK(use().live == before.live);
}

TEST_CASE("a request beyond the GPU's memory names itself and what is live, and life goes on") {
  const Tensor weights = make(int64_t{64} << 20, MemoryTag::Weights), state = make(1000, MemoryTag::Data);
  const MemoryUse before = use();
  for (const int64_t wanted : {int64_t{1} << 50, bytes_of_gpu(false) + 1}) {
    CAPTURE(wanted);
    CHECK_ERROR(ErrorKind::Memory,
                "out of memory on cuda:0: " + std::to_string(wanted) + " bytes wanted for optimizer_state",
                make(wanted, MemoryTag::OptimizerState));
    CHECK_ERROR(ErrorKind::Memory, "weights " + std::to_string(before.live[0]),
                make(wanted, MemoryTag::OptimizerState));
  }
  CHECK(use().live == before.live);
  weights.fill(3);
  CHECK(weights.slice_rows(weights.numel() - 1, weights.numel()).item() == 3);
}

TEST_CASE("memory that was filled to the last block can be used again") {
  const MemoryUse before = use();
  const int64_t piece = bytes_of_gpu(false) / 24;
  {
    std::vector<Tensor> all;
    bool full = false;
    while (!full && all.size() < 100) try {
        all.push_back(make(piece));
      } catch (const Error& error) {
        full = true;
        CHECK(error.kind() == ErrorKind::Memory);
      }
    CHECK(full);
    CHECK(all.size() >= 8);
    all.back().fill(1);
    CHECK(all.back().slice_rows(piece - 1, piece).item() == 1);
  }
  CHECK(use().live == before.live);
  // One block of what all the pieces held together: what is cached has to make way for it.
  const Tensor large = make(8 * piece);
  CHECK(large.numel() == 8 * piece);
  Rng rng(6);
  Training training({.model = kSmall}, kGpu);
  CHECK(training.step(random_batch(3, 4, true, 60, rng)).item() > 0);
}
