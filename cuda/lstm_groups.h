// cuDNN's fast LSTM takes sequences of equal length only. A batch of several lengths is therefore split into
// groups of one length each, and its rows are brought into an order in which a group's rows lie together.
// Arithmetic of the host alone.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kernels.h"
#include "core/packing.h"

namespace octet::cuda {

// Neighbours in the batch, because that is sorted by length.
struct LstmGroup {
  int64_t first, count;  // sequences
  int64_t steps;         // of each
  // Where its rows begin in grouped order: count rows a step, and of a state count rows a cell.
  int64_t row, state_row;
};

struct LstmGroups {
  std::vector<LstmGroup> groups;
  int64_t rows = 0, state_rows = 0;  // with the unused ones between groups
};

LstmGroups group_by_length(const Packing& packing, const LstmConfig& config);

// The whole batch as one group, which is in packed order already.
LstmGroups as_one_group(const Packing& packing, const LstmConfig& config);

// Whether a call of the fast algorithm for each group takes less time than one of the standard algorithm.
bool worth_grouping(const LstmGroups& groups, const LstmConfig& config);

// Four maps of rows, one behind the other so that one copy brings them to the device:
//   [rows]          the packed row that stands at each grouped row, -1 at unused ones
//   [total]         the grouped row of each packed row
//   [state_rows]    the same for states, whose rows in packed order are [cells, batch]
//   [cells * batch]
std::vector<int32_t> row_maps(const Packing& packing, const LstmGroups& groups, const LstmConfig& config);

}  // namespace octet::cuda
