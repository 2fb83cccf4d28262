#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <thread>
namespace octet::shim {
inline int threads = std::getenv("T") ? std::atoi(std::getenv("T")) : 2;
template <class F>
void parallel_for(int64_t chunks, const F& body) {
  if (threads == 1 || chunks < 2) { for (int64_t i = 0; i < chunks; ++i) body(i); return; }
  std::thread t([&] { for (int64_t i = chunks / 2; i < chunks; ++i) body(i); });
  for (int64_t i = 0; i < chunks / 2; ++i) body(i);
  t.join();
}
}
