#include "core/packing.h"

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

}  // namespace octet
