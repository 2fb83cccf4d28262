#include "core/packing.h"

#include "core/error.h"
#include "core/rng.h"
#include "tests/support/support.h"

using namespace octet;

TEST_CASE("a packing lays out time steps one after another, live rows first") {
  const PackingPtr packing = Packing::of({4, 2, 2, 1});
  CHECK(packing->batch() == 4);
  CHECK(packing->steps() == 4);
  CHECK(packing->total() == 9);
  CHECK(packing->batch_sizes == std::vector<int64_t>{4, 3, 1, 1});
  CHECK(packing->offsets == std::vector<int64_t>{0, 4, 7, 8, 9});
  CHECK(packing->at(0, 0) == 0);
  CHECK(packing->at(3, 0) == 3);
  CHECK(packing->at(2, 1) == 6);
  CHECK(packing->at(0, 3) == 8);
  CHECK(Packing::of({1})->total() == 1);
}

TEST_CASE("every step of every sequence has a packed row of its own") {
  Rng rng(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<int64_t> lengths = {1 + static_cast<int64_t>(rng.below(40))};
    while (lengths.size() < 30)
      lengths.push_back(1 + static_cast<int64_t>(rng.below(static_cast<uint64_t>(lengths.back()))));
    const PackingPtr packing = Packing::of(lengths);
    std::vector<int> used(static_cast<size_t>(packing->total()));
    for (size_t row = 0; row < lengths.size(); ++row)
      for (int64_t step = 0; step < lengths[row]; ++step)
        ++used.at(static_cast<size_t>(packing->at(static_cast<int64_t>(row), step)));
    CHECK(used == std::vector<int>(used.size(), 1));
  }
}

TEST_CASE("a packing refuses what cannot be packed") {
  CHECK_ERROR(ErrorKind::Usage, "at least one sequence", Packing::of({}));
  CHECK_ERROR(ErrorKind::Usage, "sequence 1 has length 0", Packing::of({3, 0}));
  CHECK_ERROR(ErrorKind::Usage, "sequence 0 has length -2", Packing::of({-2}));
  CHECK_ERROR(ErrorKind::Usage, "sequence 2 has length 4 after 3", Packing::of({5, 3, 4}));
}
