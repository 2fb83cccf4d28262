#include "core/ledger.h"

#include <numeric>
#include <string>
#include <thread>

#include "core/error.h"
#include "core/tensor.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

int64_t total(const BytesByTag& bytes) { return std::accumulate(bytes.begin(), bytes.end(), int64_t{0}); }
int64_t of(const BytesByTag& bytes, MemoryTag tag) { return bytes[static_cast<size_t>(tag)]; }

Tensor make(int64_t bytes, MemoryTag tag) { return Tensor::empty({bytes}, DType::U8, Device::cpu(), tag); }

}  // namespace

TEST_CASE("the ledger keeps live and peak bytes by tag, and what was live at the overall peak") {
  MemoryLedger ledger;
  ledger.allocated(MemoryTag::Weights, 100);
  ledger.allocated(MemoryTag::Workspace, 500);
  ledger.freed(MemoryTag::Workspace, 500);
  ledger.allocated(MemoryTag::Activations, 700);
  ledger.freed(MemoryTag::Activations, 300);
  const MemoryUse use = ledger.use();
  CHECK(use.live_total == 500);
  CHECK(of(use.live, MemoryTag::Weights) == 100);
  CHECK(of(use.live, MemoryTag::Activations) == 400);
  CHECK(of(use.live, MemoryTag::Workspace) == 0);
  CHECK(use.peak_total == 800);
  CHECK(of(use.peak, MemoryTag::Workspace) == 500);  // its own maximum, though gone at the overall peak
  CHECK(of(use.at_peak, MemoryTag::Workspace) == 0);
  CHECK(of(use.at_peak, MemoryTag::Weights) == 100);
  CHECK(of(use.at_peak, MemoryTag::Activations) == 700);
  CHECK(total(use.at_peak) == use.peak_total);
  CHECK(total(use.live) == use.live_total);
}

TEST_CASE("peaks start again from what is live") {
  MemoryLedger ledger;
  ledger.allocated(MemoryTag::Data, 1000);
  ledger.freed(MemoryTag::Data, 900);
  ledger.reset_peaks();
  CHECK(ledger.use().peak_total == 100);
  CHECK(of(ledger.use().peak, MemoryTag::Data) == 100);
  ledger.allocated(MemoryTag::Weights, 10);
  CHECK(ledger.use().peak_total == 110);
  CHECK(total(ledger.use().at_peak) == 110);
}

TEST_CASE("what the system gives is counted apart") {
  MemoryLedger ledger;
  ledger.from_system(64);
  ledger.from_system(128);
  ledger.to_system(64);
  CHECK(ledger.use().system_allocations == 2);
  CHECK(ledger.use().system_bytes == 128);
  CHECK(ledger.use().live_total == 0);
}

TEST_CASE("tensors are booked under their tag as long as a handle lives") {
  MemoryLedger& cpu = ledger(Device::cpu());
  for (int i = 0; i < kMemoryTags; ++i) {
    const auto tag = static_cast<MemoryTag>(i);
    CAPTURE(name_of(tag));
    const MemoryUse before = cpu.use();
    {
      const Tensor a = make(1000, tag);
      const Tensor part = a.slice_rows(0, 10), copy = a;
      CHECK(of(cpu.use().live, tag) - of(before.live, tag) == 1024);  // in units of 64 bytes
      CHECK(cpu.use().live_total - before.live_total == 1024);
    }
    CHECK(cpu.use().live == before.live);
  }
}

TEST_CASE("every peak of a sequence of tensors adds up") {
  MemoryLedger& cpu = ledger(Device::cpu());
  cpu.reset_peaks();
  const int64_t base = cpu.use().live_total;
  {
    const Tensor weights = make(6400, MemoryTag::Weights);
    { const Tensor workspace = make(64000, MemoryTag::Workspace); }
    const Tensor gradients = make(6400, MemoryTag::Gradients), state = make(128, MemoryTag::OptimizerState);
  }
  const MemoryUse use = cpu.use();
  CHECK(use.peak_total - base == 6400 + 64000);
  CHECK(total(use.at_peak) == use.peak_total);
  for (size_t i = 0; i < use.peak.size(); ++i) CHECK(use.peak[i] >= use.at_peak[i]);
}

TEST_CASE("the tags have the names that logs use, and a device that cannot be is an error") {
  const std::string names[] = {"weights", "gradients", "optimizer_state", "activations", "workspace", "data"};
  for (int i = 0; i < kMemoryTags; ++i) CHECK(name_of(static_cast<MemoryTag>(i)) == names[i]);
  CHECK(&ledger(Device::cpu()) != &ledger(Device::cuda(0)));
  CHECK_ERROR(ErrorKind::Device, "cuda:64", ledger(Device::cuda(64)));
  CHECK_ERROR(ErrorKind::Device, "cuda:-1", ledger(Device::cuda(-1)));
}

TEST_CASE("threads that allocate at once leave the ledger as it was") {
  MemoryLedger& cpu = ledger(Device::cpu());
  const MemoryUse before = cpu.use();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i) {
        const Tensor tensor = make(64 + (i * 37 + t) % 3000, MemoryTag::Workspace);
        tensor.fill(t);
        // Handed out once: nobody else has written to it.
        for (const uint8_t value : tensor.span<uint8_t>())
          if (value != t) throw std::logic_error("two tensors share bytes");
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(cpu.use().live == before.live);
  CHECK(total(cpu.use().at_peak) == cpu.use().peak_total);
}

TEST_CASE("an observer sees each change of its ledger and the phases of the device, until it goes") {
  struct Observer : MemoryObserver {
    std::string seen;
    void changed(const BytesByTag& live) override { seen += std::to_string(of(live, MemoryTag::Data)) + " "; }
    void entered(const char* phase) override { seen += std::string(phase) + "( "; }
    void left() override { seen += ") "; }
  } observer;
  MemoryLedger ledger;
  ledger.allocated(MemoryTag::Data, 1);
  ledger.observe(&observer);
  ledger.entered("forward");
  ledger.allocated(MemoryTag::Data, 10);
  ledger.left();
  ledger.freed(MemoryTag::Data, 1);
  ledger.allocated(MemoryTag::Weights, 5);
  ledger.observe(nullptr);
  ledger.freed(MemoryTag::Data, 10);
  ledger.entered("nothing");
  CHECK(observer.seen == "forward( 11 ) 10 10 ");
}
