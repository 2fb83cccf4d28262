#include "core/cpu/thread_pool.h"

#include <atomic>
#include <cmath>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/error.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

// Back to one thread a core at the end of a case.
struct Threads {
  explicit Threads(int count) { cpu::set_thread_count(count); }
  ~Threads() { cpu::set_thread_count(0); }
};

}  // namespace

TEST_CASE("every chunk runs once, for one to four threads and any number of chunks") {
  for (int threads = 1; threads <= 4; ++threads) {
    const Threads scope(threads);
    CHECK(cpu::thread_count() == threads);
    for (const int64_t chunks : {0, 1, 2, 3, 7, 64, 1000}) {
      std::vector<int> runs(static_cast<size_t>(chunks));  // a chunk has its element for itself
      cpu::parallel_for(chunks, [&](int64_t chunk) { ++runs[static_cast<size_t>(chunk)]; });
      CHECK(runs == std::vector<int>(static_cast<size_t>(chunks), 1));
    }
  }
}

TEST_CASE("ranges cover all items once, in pieces that do not depend on the threads") {
  for (const int64_t items : {0, 1, 99, 100, 101, 12345}) {
    std::vector<std::vector<int64_t>> ends;
    for (int threads = 1; threads <= 4; ++threads) {
      const Threads scope(threads);
      std::vector<int64_t> end_of(static_cast<size_t>(items), -1);
      cpu::parallel_ranges(items, 100, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) end_of[static_cast<size_t>(i)] = end;
      });
      for (int64_t i = 0; i < items; ++i)
        REQUIRE(end_of[static_cast<size_t>(i)] == std::min(items, (i / 100 + 1) * 100));
      ends.push_back(end_of);
    }
    for (const auto& other : ends) CHECK(other == ends[0]);
  }
}

TEST_CASE("what the chunks wrote is seen by the caller, call after call") {
  const Threads scope(4);
  std::vector<double> values(4000);
  for (int round = 1; round <= 300; ++round) {
    cpu::parallel_ranges(4000, 50, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) values[static_cast<size_t>(i)] += static_cast<double>(i);
    });
    REQUIRE(std::accumulate(values.begin(), values.end(), 0.0) == round * (3999.0 * 4000.0 / 2));
  }
}

TEST_CASE("chunks run on several threads when there are several") {
  const Threads scope(3);
  // Each chunk waits until another thread has begun one too: this ends only if at least two threads work.
  std::atomic<int> begun{0};
  std::vector<std::thread::id> ids(2);
  cpu::parallel_for(2, [&](int64_t chunk) {
    ids[static_cast<size_t>(chunk)] = std::this_thread::get_id();
    begun.fetch_add(1);
    while (begun.load() < 2) std::this_thread::yield();
  });
  CHECK(ids[0] != ids[1]);
}

TEST_CASE("a parallel_for inside another runs on the thread that called it") {
  const Threads scope(4);
  std::vector<int> runs(16 * 16);
  std::atomic<int> elsewhere{0};
  cpu::parallel_for(16, [&](int64_t outer) {
    const auto self = std::this_thread::get_id();
    cpu::parallel_for(16, [&](int64_t inner) {
      if (std::this_thread::get_id() != self) ++elsewhere;
      ++runs[static_cast<size_t>(outer * 16 + inner)];
    });
  });
  CHECK(elsewhere == 0);
  CHECK(runs == std::vector<int>(256, 1));
}

TEST_CASE("an exception reaches the caller, and the pool works on") {
  for (int threads = 1; threads <= 4; ++threads) {
    const Threads scope(threads);
    for (int round = 0; round < 20; ++round) {
      CHECK_ERROR(ErrorKind::Data, "chunk 7", cpu::parallel_for(50, [](int64_t chunk) {
                    require(chunk != 7, ErrorKind::Data, "chunk ", chunk);
                  }));
      std::atomic<int> runs{0};
      cpu::parallel_for(50, [&](int64_t) { ++runs; });
      CHECK(runs == 50);
    }
    CHECK_THROWS_AS(cpu::parallel_for(100, [](int64_t) { throw std::bad_alloc(); }), std::bad_alloc);
    CHECK_THROWS_AS(
        cpu::parallel_for(
            4, [](int64_t) { cpu::parallel_for(4, [](int64_t) { throw std::out_of_range("inner"); }); }),
        std::out_of_range);
  }
}

TEST_CASE("threads outside the pool may call it at the same time") {
  const Threads scope(3);
  std::vector<int> sums(4);
  std::vector<std::thread> callers;
  for (size_t caller = 0; caller < sums.size(); ++caller)
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 50; ++round) {
        std::vector<int> runs(20);
        cpu::parallel_for(20, [&](int64_t chunk) { ++runs[static_cast<size_t>(chunk)]; });
        sums[caller] += std::accumulate(runs.begin(), runs.end(), 0);
      }
    });
  for (std::thread& thread : callers) thread.join();
  CHECK(sums == std::vector<int>(4, 1000));
}

TEST_CASE("a thread count out of range is an error that changes nothing") {
  const Threads scope(2);
  CHECK_ERROR(ErrorKind::Usage, "threads: -1 is not in 0..1024", cpu::set_thread_count(-1));
  CHECK_ERROR(ErrorKind::Usage, "threads: 1025", cpu::set_thread_count(1025));
  CHECK(cpu::thread_count() == 2);
  cpu::set_thread_count(0);
  CHECK(cpu::thread_count() >= 1);
}
