// One small pool of threads. Work is cut into chunks by the caller, by size alone and never by the number of
// threads, so a result does not depend on how many there are.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace octet::cpu {

// Threads that parallel_for uses, the caller among them.
int thread_count();
// 0 means one a core that this process may use. Not while a parallel_for runs.
void set_thread_count(int threads);

namespace detail {
using ChunkFunction = void (*)(const void* body, int64_t chunk);
void run_chunks(int64_t chunks, ChunkFunction function, const void* body);
}  // namespace detail

// Calls body(chunk) for chunk 0..chunks-1, each once, in any order and on any thread; returns when all are
// done. The first exception is thrown on to the caller. A parallel_for inside another runs on the calling
// thread.
template <class Body>
void parallel_for(int64_t chunks, const Body& body) {
  detail::run_chunks(
      chunks, [](const void* b, int64_t chunk) { (*static_cast<const Body*>(b))(chunk); },
      std::addressof(body));
}

// parallel_for over ranges [begin, end) of at most `grain` items.
template <class Body>
void parallel_ranges(int64_t items, int64_t grain, const Body& body) {
  parallel_for((items + grain - 1) / grain, [&](int64_t chunk) {
    const int64_t begin = chunk * grain;
    body(begin, begin + grain < items ? begin + grain : items);
  });
}

}  // namespace octet::cpu
