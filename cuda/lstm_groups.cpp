#include "cuda/lstm_groups.h"

#include <limits>
#include <span>

namespace octet::cuda {
namespace {

// Microseconds of a forward or a backward pass, measured on an H200 with cuDNN 9.19, fp32, 64 units, 64
// sequences. The standard algorithm launches kernels for every step of every cell. The fast one is a kernel
// or two for a layer, of which both directions run side by side.
constexpr double kStandardStep = 15;  // and cell
constexpr double kFastCall = 50;
constexpr double kFastStep = 1.1;  // and layer

// A multiple of 4 rows is a multiple of 16 bytes at any width, so that a group begins aligned as if it were a
// tensor of its own.
constexpr int64_t kRowAlignment = 4;
int64_t aligned(int64_t row) { return (row + kRowAlignment - 1) / kRowAlignment * kRowAlignment; }

// A map of rows and its inverse.
struct Order {
  std::span<int32_t> to_grouped, to_packed;
  void link(int64_t grouped, int64_t packed) const {
    to_grouped[static_cast<size_t>(grouped)] = static_cast<int32_t>(packed);
    to_packed[static_cast<size_t>(packed)] = static_cast<int32_t>(grouped);
  }
};

}  // namespace

LstmGroups group_by_length(const Packing& packing, const LstmConfig& config) {
  LstmGroups all;
  for (int64_t first = 0; first < packing.batch();) {
    const int64_t steps = packing.lengths[static_cast<size_t>(first)];
    int64_t end = first + 1;
    while (end < packing.batch() && packing.lengths[static_cast<size_t>(end)] == steps) ++end;
    const LstmGroup group{first, end - first, steps, aligned(all.rows), aligned(all.state_rows)};
    all.rows = group.row + group.count * steps;
    all.state_rows = group.state_row + group.count * config.cells();
    all.groups.push_back(group);
    first = end;
  }
  return all;
}

LstmGroups as_one_group(const Packing& packing, const LstmConfig& config) {
  return {{{0, packing.batch(), packing.steps(), 0, 0}}, packing.total(), config.cells() * packing.batch()};
}

bool worth_grouping(const LstmGroups& all, const LstmConfig& config) {
  constexpr int64_t kMostRows = std::numeric_limits<int32_t>::max();  // that the maps can name
  if (all.rows > kMostRows || all.state_rows > kMostRows) return false;
  double fast = 0;
  for (const LstmGroup& group : all.groups)
    fast += kFastCall + kFastStep * static_cast<double>(group.steps * config.layers);
  return fast < kStandardStep * static_cast<double>(config.cells() * all.groups.front().steps);
}

std::vector<int32_t> row_maps(const Packing& packing, const LstmGroups& all, const LstmConfig& config) {
  const int64_t states = config.cells() * packing.batch();
  std::vector<int32_t> ids(static_cast<size_t>(all.rows + packing.total() + all.state_rows + states), -1);
  auto part = [rest = std::span(ids)](int64_t count) mutable {
    const auto taken = rest.first(static_cast<size_t>(count));
    rest = rest.subspan(taken.size());
    return taken;
  };
  const Order rows{part(all.rows), part(packing.total())};
  const Order state_rows{part(all.state_rows), part(states)};
  for (const LstmGroup& group : all.groups) {
    for (int64_t step = 0; step < group.steps; ++step)
      for (int64_t i = 0; i < group.count; ++i)
        rows.link(group.row + step * group.count + i, packing.at(group.first + i, step));
    for (int64_t cell = 0; cell < config.cells(); ++cell)
      for (int64_t i = 0; i < group.count; ++i)
        state_rows.link(group.state_row + cell * group.count + i, cell * packing.batch() + group.first + i);
  }
  return ids;
}

}  // namespace octet::cuda
