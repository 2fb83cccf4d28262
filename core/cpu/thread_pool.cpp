#include "core/cpu/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
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

// Workers wait for a new generation, spinning for a moment first: the phases of a training step follow one
// another within microseconds, and waking a sleeping thread takes longer than many of them.
class Pool {
 public:
  ~Pool() { stop(); }

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  void resize(int threads) {
    if (threads == size()) return;
    stop();
    stopping_ = false;
    for (int i = 1; i < threads; ++i)
      workers_.emplace_back([this, seen = generation_.load()] { work(seen); });
  }

  void run(int64_t chunks, detail::ChunkFunction function, const void* body) {
    const std::lock_guard one_at_a_time(run_mutex_);
    function_ = function;
    body_ = body;
    chunks_ = chunks;
    next_.store(0, std::memory_order_relaxed);
    busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    take_chunks();
    for (int left = busy_.load(std::memory_order_acquire); left > 0;
         left = busy_.load(std::memory_order_acquire))
      if (!spin([&] { return busy_.load(std::memory_order_acquire) == 0; })) busy_.wait(left);
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  template <class Condition>
  static bool spin(const Condition& condition) {
    for (int i = 0; i < 4000; ++i) {
      if (condition()) return true;
      __builtin_ia32_pause();
    }
    return false;
  }

  void work(uint64_t seen) {
    inside = true;
    while (true) {
      spin([&] { return generation_.load(std::memory_order_acquire) != seen; });
      generation_.wait(seen, std::memory_order_acquire);
      seen = generation_.load(std::memory_order_acquire);
      if (stopping_) return;
      take_chunks();
      if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
    }
  }

  void take_chunks() {
    try {
      for (int64_t i = next_.fetch_add(1, std::memory_order_relaxed); i < chunks_;
           i = next_.fetch_add(1, std::memory_order_relaxed))
        function_(body_, i);
    } catch (...) {
      const std::lock_guard lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  void stop() {
    stopping_ = true;
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  std::vector<std::thread> workers_;
  std::mutex run_mutex_, error_mutex_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int64_t> next_{0};
  std::atomic<int> busy_{0};
  std::atomic<bool> stopping_{false};
  detail::ChunkFunction function_ = nullptr;
  const void* body_ = nullptr;
  int64_t chunks_ = 0;
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
