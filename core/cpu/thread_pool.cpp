#include "core/cpu/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"

namespace octet::cpu {
namespace {

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

thread_local bool inside = false;

// The chunks that are left stand in one word beside the number of the run, and are taken by compare-and-swap.
// So the caller waits for chunks, not for threads: a worker that the system does not schedule costs nothing
// unless it has taken one. Idle workers spin for a moment before they sleep: the phases of a training step
// follow one another within microseconds, and waking a thread takes longer than many of them.
class Pool {
 public:
  ~Pool() { stop(); }

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  void resize(int threads) {
    if (threads == size()) return;
    stop();
    stopping_ = false;
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, seen = run_.load()] { work(seen); });
  }

  void run(int64_t chunks, detail::ChunkFunction function, const void* body) {
    require(chunks <= UINT32_MAX, "parallel_for: ", chunks, " chunks are too many");
    const std::lock_guard one_at_a_time(run_mutex_);
    // No worker looks at these until it has taken a chunk of this run, and all chunks of the last run are
    // done.
    function_ = function;
    body_ = body;
    done_.store(0, std::memory_order_relaxed);
    const auto number = static_cast<uint32_t>(run_.load(std::memory_order_relaxed)) + 1;
    left_.store(uint64_t{number} << 32 | static_cast<uint64_t>(chunks), std::memory_order_release);
    run_.store(static_cast<int>(number), std::memory_order_release);
    run_.notify_all();
    take_chunks();
    const auto all = static_cast<int>(chunks);
    for (int done = done_.load(std::memory_order_acquire); done != all;
         done = done_.load(std::memory_order_acquire))
      if (!spin([&] { return done_.load(std::memory_order_acquire) == all; })) done_.wait(done);
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  // Waits a moment without sleeping: a sleeper that is woken often lands on the core of the one who wakes it,
  // and stays there until the system's balancing, far slower than a step, moves it away. Yielding lets others
  // have the core.
  template <class Condition>
  static bool spin(const Condition& condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) return true;
      __builtin_ia32_pause();
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
    while (std::chrono::steady_clock::now() < end) {
      if (condition()) return true;
      sched_yield();
    }
    return false;
  }

  void work(int seen) {
    inside = true;
    while (true) {
      spin([&] { return run_.load(std::memory_order_acquire) != seen; });
      run_.wait(seen, std::memory_order_acquire);
      seen = run_.load(std::memory_order_acquire);
      if (stopping_) return;
      take_chunks();
    }
  }

  void take_chunks() {
    uint64_t left = left_.load(std::memory_order_acquire);
    while (static_cast<uint32_t>(left) != 0) {
      if (!left_.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel, std::memory_order_acquire))
        continue;
      try {
        function_(body_, static_cast<int64_t>(static_cast<uint32_t>(left)) - 1);
      } catch (...) {
        const std::lock_guard lock(error_mutex_);
        if (!error_) error_ = std::current_exception();
      }
      done_.fetch_add(1, std::memory_order_acq_rel);
      done_.notify_one();  // only the caller of run() ever waits for it
      left = left_.load(std::memory_order_acquire);
    }
  }

  void stop() {
    stopping_ = true;
    run_.fetch_add(1, std::memory_order_release);
    run_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  std::vector<std::thread> workers_;
  std::mutex run_mutex_, error_mutex_;
  std::atomic<int> run_{0};        // number of the run, what idle workers wait for
  std::atomic<uint64_t> left_{0};  // number of the run, and its chunks that nobody has taken
  std::atomic<int> done_{0};       // chunks of the run that are finished
  std::atomic<bool> stopping_{false};
  detail::ChunkFunction function_ = nullptr;
  const void* body_ = nullptr;
  std::exception_ptr error_;
};

Pool& pool() {
  static Pool pool;
  static std::once_flag started;
  std::call_once(started, [] { pool.resize(usable_cores()); });
  return pool;
}

}  // namespace

int thread_count() { return pool().size(); }

void set_thread_count(int threads) {
  require(threads >= 0 && threads <= 1024, "threads: ", threads, " is not in 0..1024");
  pool().resize(threads == 0 ? usable_cores() : threads);
}

void detail::run_chunks(int64_t chunks, ChunkFunction function, const void* body) {
  if (inside || chunks <= 1 || pool().size() == 1) {
    for (int64_t i = 0; i < chunks; ++i) function(body, i);
    return;
  }
  inside = true;
  struct Leave {
    ~Leave() { inside = false; }
  } leave;
  pool().run(chunks, function, body);
}

}  // namespace octet::cpu
