#include "core/packing.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace octet {

PackingPtr Packing::of(std::vector<int64_t> lengths) {
  require(!lengths.empty(), "Packing: a batch needs at least one sequence");
  for (size_t i = 0; i < lengths.size(); ++i) {
    require(lengths[i] >= 1, "Packing: sequence ", i, " has length ", lengths[i], ", at least 1 is needed");
    require(i == 0 || lengths[i] <= lengths[i - 1],
            "Packing: sequences must be sorted longest first, sequence ", i, " has length ", lengths[i],
            " after ", lengths[i - 1]);
  }
  auto packing = std::make_shared<Packing>();
  packing->offsets.push_back(0);
  int64_t alive = static_cast<int64_t>(lengths.size());
  for (int64_t step = 0; step < lengths.front(); ++step) {
    while (lengths[static_cast<size_t>(alive) - 1] <= step) --alive;
    packing->batch_sizes.push_back(alive);
    packing->offsets.push_back(packing->offsets.back() + alive);
  }
  packing->lengths = std::move(lengths);
  return packing;
}

PackingPtr Packing::sharing(int64_t length, std::vector<int64_t> prefix) {
  require(!prefix.empty(), "Packing: a batch needs at least one sequence");
  require(length >= 1, "Packing: the sequences have length ", length, ", at least 1 is needed");
  for (size_t i = 0; i < prefix.size(); ++i)
    require(prefix[i] >= 0 && prefix[i] < length, "Packing: sequence ", i, " shares ", prefix[i],
            " steps, which is not in 0..", length - 1);
  std::vector<int64_t> lengths(prefix.size(), length);
  const int64_t shared = *std::max_element(prefix.begin(), prefix.end());
  if (shared == 0) return of(std::move(lengths));

  auto packing = std::make_shared<Packing>();
  packing->lengths = std::move(lengths);
  packing->shared = shared;
  std::vector<size_t> order(prefix.size());  // those that leave the beginning first, first
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return prefix[a] < prefix[b]; });
  packing->place.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) packing->place[order[i]] = static_cast<int64_t>(i);

  packing->offsets.push_back(0);
  size_t left = 0;  // sequences that have left it
  for (int64_t step = 0; step < length; ++step) {
    while (left < order.size() && prefix[order[left]] <= step) ++left;
    packing->batch_sizes.push_back(static_cast<int64_t>(left) + (step < shared ? 1 : 0));
    packing->offsets.push_back(packing->offsets.back() + packing->batch_sizes.back());
  }
  packing->prefix = std::move(prefix);
  return packing;
}

}  // namespace octet
