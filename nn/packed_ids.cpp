#include "nn/packed_ids.h"

#include <algorithm>

#include "core/error.h"

namespace octet {

PackedIds pack_ids(std::span<const std::span<const int32_t>> sequences, Device device) {
  std::vector<int64_t> lengths;
  for (const auto& sequence : sequences) lengths.push_back(static_cast<int64_t>(sequence.size()));
  PackedIds packed;
  packed.packing = Packing::of(std::move(lengths));
  std::vector<int32_t> ids;
  ids.reserve(static_cast<size_t>(packed.packing->total()));
  for (int64_t step = 0; step < packed.packing->steps(); ++step)
    for (int64_t row = 0; row < packed.packing->batch_sizes[static_cast<size_t>(step)]; ++row)
      ids.push_back(sequences[static_cast<size_t>(row)][static_cast<size_t>(step)]);

  if (!device.is_cpu()) {
    require(*std::min_element(ids.begin(), ids.end()) >= 0, ErrorKind::Data,
            "pack_ids: a token id is negative");
    packed.ids = Tensor::from(ids, {packed.packing->total()}, device);
    return packed;
  }
  std::vector<int32_t> distinct = ids;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  require(distinct.front() >= 0, ErrorKind::Data, "pack_ids: token id ", distinct.front(), " is negative");
  for (int32_t& id : ids)
    id = static_cast<int32_t>(std::lower_bound(distinct.begin(), distinct.end(), id) - distinct.begin());

  packed.ids = Tensor::from(distinct, {static_cast<int64_t>(distinct.size())}, device);
  packed.index = Tensor::from(ids, {packed.packing->total()}, device);
  return packed;
}

}  // namespace octet
