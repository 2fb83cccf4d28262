// How a batch is split for cuDNN's fast LSTM. Needs no GPU.
#include "cuda/lstm_groups.h"

#include <span>

#include "core/rng.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::cuda;

namespace {

using Ids = std::vector<int32_t>;

std::vector<int64_t> random_lengths(Rng& rng) {
  std::vector<int64_t> lengths = {1 + static_cast<int64_t>(rng.below(20))};
  const size_t count = 1 + rng.below(40);
  while (lengths.size() < count)
    lengths.push_back(std::max<int64_t>(1, lengths.back() - static_cast<int64_t>(rng.below(3))));
  return lengths;
}

}  // namespace

TEST_CASE("a group is the sequences of one length, and begins at a multiple of four rows") {
  const PackingPtr packing = Packing::of({3, 3, 2, 1, 1, 1});
  const LstmGroups all = group_by_length(*packing, {.input = 1, .hidden = 1, .bidirectional = true});
  REQUIRE(all.groups.size() == 3);
  const auto check = [&](size_t i, int64_t first, int64_t count, int64_t steps, int64_t row,
                         int64_t state_row) {
    CAPTURE(i);
    const LstmGroup& group = all.groups[i];
    CHECK(group.first == first);
    CHECK(group.count == count);
    CHECK(group.steps == steps);
    CHECK(group.row == row);
    CHECK(group.state_row == state_row);
  };
  check(0, 0, 2, 3, 0, 0);   // rows 0 to 5, states 0 to 3
  check(1, 2, 1, 2, 8, 4);   // rows 8 and 9, states 4 and 5
  check(2, 3, 3, 1, 12, 8);  // rows 12 to 14, states 8 to 13
  CHECK(all.rows == 15);
  CHECK(all.state_rows == 14);
}

TEST_CASE("rows of a group are ordered by step, and its states by cell") {
  const PackingPtr packing = Packing::of({3, 3, 1});  // packed: 0 1 2, 3 4, 5 6
  const LstmConfig config = {.input = 1, .hidden = 1, .layers = 2};
  const LstmGroups all = group_by_length(*packing, config);
  CHECK(row_maps(*packing, all, config) == Ids{0, 1, 3, 4, 5, 6, -1, -1, 2,  // grouped from packed
                                               0, 1, 8, 2, 3, 4, 5,          // packed from grouped
                                               0, 1, 3, 4, 2, 5,             // states
                                               0, 1, 4, 2, 3, 5});
}

TEST_CASE("the maps of rows are each other's inverse and leave none out") {
  Rng rng(1);
  for (int round = 0; round < 100; ++round) {
    const PackingPtr packing = Packing::of(random_lengths(rng));
    const LstmConfig config = {.input = 1,
                               .hidden = 1,
                               .layers = 1 + static_cast<int64_t>(rng.below(3)),
                               .bidirectional = rng.below(2) == 1};
    const LstmGroups all = group_by_length(*packing, config);
    const Ids maps = row_maps(*packing, all, config);
    std::span<const int32_t> rest = maps;
    const auto check = [&](int64_t grouped, int64_t packed) {
      const auto to_grouped = rest.first(static_cast<size_t>(grouped));
      const auto to_packed = rest.subspan(to_grouped.size(), static_cast<size_t>(packed));
      rest = rest.subspan(to_grouped.size() + to_packed.size());
      int64_t used = 0;
      for (const int32_t row : to_grouped) used += row >= 0 ? 1 : 0;
      CHECK(used == packed);
      for (int64_t row = 0; row < packed; ++row)
        CHECK(to_grouped[static_cast<size_t>(to_packed[static_cast<size_t>(row)])] == row);
    };
    check(all.rows, packing->total());
    check(all.state_rows, config.cells() * packing->batch());
    CHECK(rest.empty());
  }
}

TEST_CASE("a batch as one group stands as it is packed") {
  const LstmGroups all =
      as_one_group(*Packing::of({4, 2, 2}), {.input = 1, .hidden = 1, .bidirectional = true});
  REQUIRE(all.groups.size() == 1);
  CHECK(all.groups[0].first == 0);
  CHECK(all.groups[0].count == 3);
  CHECK(all.groups[0].steps == 4);
  CHECK(all.rows == 8);
  CHECK(all.state_rows == 6);
}

TEST_CASE("few lengths are worth a group each, many are not") {
  const auto worth = [](const std::vector<int64_t>& lengths, bool bidirectional) {
    const LstmConfig config = {.input = 1, .hidden = 64, .bidirectional = bidirectional};
    return worth_grouping(group_by_length(*Packing::of(lengths), config), config);
  };
  CHECK(worth({22, 22, 20, 20, 17}, true));
  CHECK(worth({500, 499, 498, 300, 20, 1}, false));
  CHECK(!worth({9, 8, 7, 6, 5, 4, 3, 2, 1}, true));
  // 5 x 50 us and 1.1 us a step, against 15 us or 30 us a step.
  CHECK(!worth({12, 11, 10, 9, 8}, false));
  CHECK(worth({12, 11, 10, 9, 8}, true));
}
