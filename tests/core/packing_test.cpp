#include "core/packing.h"

#include <algorithm>

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

TEST_CASE("a step of a shared beginning has one row for it, before those that have left it") {
  const PackingPtr packing = Packing::sharing(5, {3, 0, 4, 3});
  CHECK(packing->lengths == std::vector<int64_t>{5, 5, 5, 5});
  CHECK(packing->shared == 4);
  CHECK(packing->place == std::vector<int64_t>{1, 0, 3, 2});
  CHECK(packing->batch_sizes == std::vector<int64_t>{2, 2, 2, 4, 4});
  CHECK(packing->offsets == std::vector<int64_t>{0, 2, 4, 6, 10, 14});
  const auto rows_of = [&](int64_t sequence) {
    std::vector<int64_t> rows;
    for (int64_t step = 0; step < 5; ++step) rows.push_back(packing->at(sequence, step));
    return rows;
  };
  CHECK(rows_of(0) == std::vector<int64_t>{0, 2, 4, 8, 11});
  CHECK(rows_of(1) == std::vector<int64_t>{1, 3, 5, 7, 10});
  CHECK(rows_of(2) == std::vector<int64_t>{0, 2, 4, 6, 13});
  CHECK(rows_of(3) == std::vector<int64_t>{0, 2, 4, 9, 12});
  // Without one it is an ordinary packing.
  CHECK(Packing::sharing(3, {0, 0})->offsets == Packing::of({3, 3})->offsets);
  CHECK(Packing::sharing(3, {0, 0})->at(1, 2) == 5);
}

TEST_CASE("sequences have the same packed row where they share a beginning and nowhere else") {
  Rng rng(8);
  for (int round = 0; round < 50; ++round) {
    const auto length = 1 + static_cast<int64_t>(rng.below(20));
    std::vector<int64_t> prefix;
    while (prefix.size() < 1 + rng.below(30))
      prefix.push_back(static_cast<int64_t>(rng.below(static_cast<uint64_t>(length))));
    const PackingPtr packing = Packing::sharing(length, prefix);
    std::vector<int64_t> used(static_cast<size_t>(packing->total()));
    for (size_t row = 0; row < prefix.size(); ++row)
      for (int64_t step = 0; step < length; ++step)
        ++used.at(static_cast<size_t>(packing->at(static_cast<int64_t>(row), step)));
    for (int64_t step = 0; step < length; ++step) {
      const auto sharing = std::count_if(prefix.begin(), prefix.end(), [&](int64_t p) { return step < p; });
      const auto begin = used.begin() + packing->offsets[static_cast<size_t>(step)],
                 end = used.begin() + packing->offsets[static_cast<size_t>(step) + 1];
      if (sharing > 0) CHECK(*begin == sharing);
      CHECK(std::all_of(begin + (sharing > 0 ? 1 : 0), end, [](int64_t n) { return n == 1; }));
    }
  }
}

TEST_CASE("a packing refuses what cannot be packed") {
  CHECK_ERROR(ErrorKind::Usage, "at least one sequence", Packing::sharing(3, {}));
  CHECK_ERROR(ErrorKind::Usage, "have length 0", Packing::sharing(0, {0}));
  CHECK_ERROR(ErrorKind::Usage, "sequence 1 shares 3 steps, which is not in 0..2",
              Packing::sharing(3, {0, 3}));
  CHECK_ERROR(ErrorKind::Usage, "sequence 0 shares -1 steps", Packing::sharing(3, {-1}));
  CHECK_ERROR(ErrorKind::Usage, "at least one sequence", Packing::of({}));
  CHECK_ERROR(ErrorKind::Usage, "sequence 1 has length 0", Packing::of({3, 0}));
  CHECK_ERROR(ErrorKind::Usage, "sequence 0 has length -2", Packing::of({-2}));
  CHECK_ERROR(ErrorKind::Usage, "sequence 2 has length 4 after 3", Packing::of({5, 3, 4}));
}
