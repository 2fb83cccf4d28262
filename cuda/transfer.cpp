// Copies between host and GPU. To the GPU they go through pinned memory, so that neither side waits; batches
// go on a stream of their own, ahead of use, and the computation waits on the GPU for those it needs.

#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "core/error.h"
#include "cuda/allocator.h"
#include "cuda/check.h"
#include "cuda/context.h"
#include "cuda/kernels.h"

namespace octet::cuda {
namespace {

constexpr int64_t kRing = int64_t{8} << 20;   // pinned bytes
constexpr int64_t kPiece = int64_t{1} << 20;  // copied at a time
constexpr size_t kMostPieces = 1024;          // under way, an event each

// Pinned memory handed out in a circle; a piece comes round again when its copy is done.
class Staging {
 public:
  // Space for `bytes` (kPiece at most). Waits only where the GPU is a whole round behind.
  std::byte* reserve(int64_t bytes) {
    if (!base_) check(cudaHostAlloc(&base_, kRing, cudaHostAllocDefault));
    bytes = (bytes + 63) / 64 * 64;
    if (head_ + bytes > kRing) {
      retire(kRing);
      head_ = 0;
    }
    retire(head_ + bytes);
    while (pieces_.size() >= kMostPieces) retire_first();
    std::byte* data = base_ + head_;
    open_ = {head_, head_ + bytes, nullptr};
    head_ += bytes;
    return data;
  }

  // The copy out of the space reserved last has been queued on `stream`. Returns the event that marks its
  // end.
  cudaEvent_t queued(cudaStream_t stream) {
    if (events_.empty()) {
      cudaEvent_t made = nullptr;
      check(cudaEventCreateWithFlags(&made, cudaEventDisableTiming));
      events_.push_back(made);
    }
    open_.done = events_.back();
    events_.pop_back();
    check(cudaEventRecord(open_.done, stream));
    pieces_.push_back(open_);
    return open_.done;
  }

 private:
  struct Piece {
    int64_t begin, end;
    cudaEvent_t done;
  };

  // Waits for the copies out of [head_, end); the oldest ones lie there first.
  void retire(int64_t end) {
    while (!pieces_.empty() && pieces_.front().begin >= head_ && pieces_.front().begin < end) retire_first();
  }
  void retire_first() {
    check(cudaEventSynchronize(pieces_.front().done));
    events_.push_back(pieces_.front().done);
    pieces_.pop_front();
  }

  std::byte* base_ = nullptr;
  int64_t head_ = 0;
  std::deque<Piece> pieces_;  // oldest first
  std::deque<cudaEvent_t> events_;
  Piece open_{};
};

struct Transfers {
  std::mutex mutex;
  Staging staging;
};

Transfers& transfers(Device device) {
  static std::mutex mutex;
  static auto* all = new std::unordered_map<int, std::unique_ptr<Transfers>>;
  const std::lock_guard lock(mutex);
  auto& found = (*all)[device.index];
  if (!found) found = std::make_unique<Transfers>();
  return *found;
}

// What a kernel found wrong with its input. The stream has been waited for.
void check_fault(Context& c) {
  const Fault fault = *c.fault;
  if (fault.kind == Fault::None) return;
  *c.fault = {};
  if (fault.kind == Fault::EmbeddingId)
    fail(ErrorKind::Data, "embedding: id ", fault.value, " at position ", fault.position,
         " is not in a table of ", fault.limit, " rows");
  fail(ErrorKind::Data, "cross_entropy: label ", fault.value, " of row ", fault.position, " is not in 0..",
       fault.limit - 1);
}

// `ahead`: on the stream for copies.
void copy_in(Device device, void* to, const void* from, int64_t bytes, bool ahead) {
  if (bytes == 0) return;
  Context& c = context(device);
  const cudaStream_t stream = ahead ? c.copies : c.stream;
  Transfers& t = transfers(device);
  const std::lock_guard lock(t.mutex);
  cudaEvent_t last = nullptr;
  for (int64_t at = 0; at < bytes; at += kPiece) {
    const auto piece = static_cast<size_t>(std::min(kPiece, bytes - at));
    std::byte* pinned = t.staging.reserve(static_cast<int64_t>(piece));
    std::memcpy(pinned, static_cast<const std::byte*>(from) + at, piece);
    check(cudaMemcpyAsync(static_cast<std::byte*>(to) + at, pinned, piece, cudaMemcpyHostToDevice, stream));
    last = t.staging.queued(stream);
  }
  if (ahead) check(cudaStreamWaitEvent(c.stream, last));
}

}  // namespace

void upload(Device device, void* to, const void* from, int64_t bytes) {
  const Op op("upload");
  copy_in(device, to, from, bytes, is_upload_memory(device, to));
}

void copy_from_host(Device device, void* to, const void* from, int64_t bytes) {
  const Op op("copy_from_host");
  copy_in(device, to, from, bytes, false);
}

void copy_to_host(Device device, void* to, const void* from, int64_t bytes) {
  const Op op("copy_to_host");
  Context& c = context(device);
  if (bytes > 0)
    check(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, c.stream));
  check(cudaStreamSynchronize(c.stream));
  check_fault(c);
}

void synchronize(Device device) {
  const Op op("synchronize");
  Context& c = context(device);
  check(cudaStreamSynchronize(c.copies));
  check(cudaStreamSynchronize(c.stream));
  check_fault(c);
}

}  // namespace octet::cuda
