#include "nn/packed_ids.h"

#include <algorithm>

#include "core/error.h"

namespace octet {
namespace {

// ids: one a packed row, none negative.
PackedIds packed_ids(PackingPtr packing, std::vector<int32_t> ids, Device device) {
  PackedIds packed;
  packed.packing = std::move(packing);
  const int64_t total = packed.packing->total();
  if (!device.is_cpu()) {
    packed.ids = Tensor::from(ids, {total}, device);
    return packed;
  }
  std::vector<int32_t> distinct = ids;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  for (int32_t& id : ids)
    id = static_cast<int32_t>(std::lower_bound(distinct.begin(), distinct.end(), id) - distinct.begin());
  packed.ids = Tensor::from(distinct, {static_cast<int64_t>(distinct.size())}, device);
  packed.index = Tensor::from(ids, {total}, device);
  return packed;
}

}  // namespace

PackedIds pack_ids(std::span<const std::span<const int32_t>> sequences, Device device) {
  std::vector<int64_t> lengths;
  for (const auto& sequence : sequences) lengths.push_back(static_cast<int64_t>(sequence.size()));
  PackingPtr packing = Packing::of(std::move(lengths));
  std::vector<int32_t> ids;
  ids.reserve(static_cast<size_t>(packing->total()));
  for (int64_t step = 0; step < packing->steps(); ++step)
    for (int64_t row = 0; row < packing->batch_sizes[static_cast<size_t>(step)]; ++row)
      ids.push_back(sequences[static_cast<size_t>(row)][static_cast<size_t>(step)]);
  const int32_t least = *std::min_element(ids.begin(), ids.end());
  require(least >= 0, ErrorKind::Data, "pack_ids: token id ", least, " is negative");
  return packed_ids(std::move(packing), std::move(ids), device);
}

PackedIds pad_ids_left(std::span<const std::span<const int32_t>> sequences, int64_t length, int32_t padding,
                       Device device, bool share) {
  require(length >= 1, "pad_ids_left: length ", length, " is below 1");
  require(padding >= 0, ErrorKind::Data, "pad_ids_left: the padding id ", padding, " is negative");
  std::vector<int64_t> prefix;
  int64_t sharing = 0;
  for (size_t row = 0; row < sequences.size(); ++row) {
    const auto& ids = sequences[row];
    const auto given = static_cast<int64_t>(ids.size());
    require(given <= length, ErrorKind::Data, "pad_ids_left: sequence ", row, " has ", given,
            " ids, at most ", length, " fit");
    if (const auto bad = std::find_if(ids.begin(), ids.end(), [](int32_t id) { return id < 0; });
        bad != ids.end())
      fail(ErrorKind::Data, "pad_ids_left: token id ", *bad, " of sequence ", row, " is negative");
    const auto first = std::find_if(ids.begin(), ids.end(), [&](int32_t id) { return id != padding; });
    // The last step is a sequence's own even if all are padding.
    prefix.push_back(std::min(length - given + (first - ids.begin()), length - 1));
    if (prefix.back() > 0) ++sharing;
  }
  const bool shares = share && device.is_cpu() && sharing > 1;
  PackingPtr packing = shares ? Packing::sharing(length, std::move(prefix))
                              : Packing::of(std::vector<int64_t>(sequences.size(), length));
  std::vector<int32_t> ids(static_cast<size_t>(packing->total()), padding);
  for (int64_t row = 0; row < packing->batch(); ++row) {
    const auto& given = sequences[static_cast<size_t>(row)];
    int64_t step = length - static_cast<int64_t>(given.size());
    for (const int32_t id : given) ids[static_cast<size_t>(packing->at(row, step++))] = id;
  }
  return packed_ids(std::move(packing), std::move(ids), device);
}

PackedIds without_sharing(const PackedIds& batch) {
  const Packing& packing = *batch.packing;
  if (packing.shared == 0) return batch;
  PackedIds whole = batch;
  whole.packing = Packing::of(packing.lengths);
  std::vector<int32_t> index(static_cast<size_t>(whole.packing->total()));
  const auto shared = batch.index.span<int32_t>();
  for (int64_t step = 0; step < packing.steps(); ++step)
    for (int64_t row = 0; row < packing.batch(); ++row)
      index[static_cast<size_t>(whole.packing->at(row, step))] =
          shared[static_cast<size_t>(packing.at(row, step))];
  whole.index = Tensor::from(index, {whole.packing->total()}, batch.index.device());
  return whole;
}

}  // namespace octet
