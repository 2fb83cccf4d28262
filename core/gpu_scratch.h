// What kernels of a GPU take beside their operands, in bytes. Sizes alone decide, not the GPU and not the
// choices of a library, so that results are the same on all of them and memory can be foretold without one.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "core/ceil_div.h"

namespace octet {

// How a sum over one axis is cut (cuda/reduce.cu): a block of kThreads threads takes `width` outputs, and the
// terms of each may be cut into segments whose sums, in f64, are summed again.
struct SumCut {
  static constexpr int64_t kThreads = 256, kWarp = 32;
  // Few outputs alone would leave most of the device idle: this many blocks are wanted, yet a thread gets at
  // least this many terms.
  static constexpr int64_t kBlocks = 1024, kTermsOfThread = 16;

  int64_t width, segments, segment;  // segment: terms in one

  // Neighbours in memory: outputs, if `columns`, else terms.
  static SumCut of(int64_t outputs, int64_t terms, bool columns) {
    const auto power = [](int64_t n) { return int64_t(std::bit_ceil(static_cast<uint64_t>(n))); };
    const int64_t width = columns ? std::min(power(outputs), std::max(kWarp, kThreads / power(terms)))
                                  : kThreads / (terms <= 1024 ? std::min(power(terms), kWarp) : kThreads);
    const int64_t blocks = ceil_div(outputs, width);
    const int64_t wanted =
        std::max<int64_t>(1, std::min(kBlocks / blocks, terms / (kThreads / width * kTermsOfThread)));
    const int64_t segment = ceil_div(terms, wanted);
    return {width, ceil_div(terms, segment), segment};
  }
};

inline int64_t sum_scratch(int64_t outputs, int64_t terms, bool columns) {
  const int64_t segments = outputs > 0 && terms > 0 ? SumCut::of(outputs, terms, columns).segments : 1;
  return segments > 1 ? segments * outputs * 8 : 0;
}

// A matrix product (cuda/matmul.cpp) may cut its sums of k terms into parts and add these up. It pays where
// the result alone has too few tiles to keep a GPU busy: the gradient of a weight, a sum over all rows of a
// batch. cuBLASLt knows the cuts; this is the memory that one of them may take.
inline int64_t product_scratch(int64_t batch, int64_t m, int64_t n, int64_t k, int64_t element) {
  constexpr int64_t kTile = 128, kTiles = 264;      // two for each multiprocessor of an H100 or H200
  constexpr int64_t kTerms = 256, kMostParts = 66;  // of a part, about; a sum of fewer than two stays whole
  constexpr int64_t kAlways = 4096;                 // for what the library counts and joins in any case
  const int64_t tiles = std::max<int64_t>(1, batch * ceil_div(m, kTile) * ceil_div(n, kTile));
  const int64_t parts = k < 2 * kTerms ? 0 : std::min({kTiles / tiles, ceil_div(k, kTerms), kMostParts});
  return kAlways + parts * batch * m * n * element;
}

// The gradient of an embedding of n ids into rows of `cols` (cuda/embedding.cu): ids and places, sorted from
// one buffer into another; the sort's own; sums of the runs that cross the ends of chunks, before and behind.
struct EmbeddingScratch {
  static constexpr int64_t kChunk = 64;  // sorted positions

  static int64_t chunks(int64_t n) { return ceil_div(n, kChunk); }
  // More than CUB's radix sort takes: histograms, and counters of tiles of some thousand keys.
  static int64_t sort(int64_t n) { return 16384 + n / 8; }
  static std::array<int64_t, 4> of(int64_t n, int64_t cols, int64_t element) {
    if (n == 0 || cols == 0) return {};
    const int64_t ends = chunks(n) * cols * element;
    return {16 * n, sort(n), ends, ends};
  }
};

// The gradients of a layer norm's gain and bias (cuda/layer_norm.cu): sums over segments of rows, in f64.
struct NormCut {
  static constexpr int64_t kBlocks = 1024, kRows = 64;  // blocks wanted; a segment has at least so many rows

  int64_t segments, segment;

  static NormCut of(int64_t rows, int64_t cols) {
    const int64_t wanted = std::max<int64_t>(1, kBlocks / ceil_div(cols, 32));
    const int64_t segment = ceil_div(rows, std::min(wanted, ceil_div(rows, kRows)));
    return {ceil_div(rows, segment), segment};
  }
};

inline int64_t norm_scratch(int64_t rows, int64_t cols) {
  return rows > 0 && cols > 0 ? NormCut::of(rows, cols).segments * 2 * cols * 8 : 0;
}

// The parts whose sums, in f64, are summed again to the mean of n binary losses (cuda/loss.cu): a block each.
inline int64_t binary_loss_parts(int64_t n) {
  constexpr int64_t kLosses = 1024, kBlocks = 2048;  // losses of a block: more, once there are so many blocks
  return std::clamp<int64_t>(ceil_div(n, kLosses), 1, kBlocks);
}

}  // namespace octet
