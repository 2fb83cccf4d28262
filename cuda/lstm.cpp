// The LSTM by cuDNN: every layer and direction of a batch in one call of the library, or in one for each
// group of sequences of equal length where that is faster (lstm_groups.h). A Packing is in the library's own
// packed order.
#include <algorithm>

#include "cuda/check.h"
#include "cuda/context.h"
#include "cuda/kernels.h"
#include "cuda/lstm_plan.h"

namespace octet::cuda {
namespace {

// Address of a row; null for an undefined tensor.
void* row_of(const Tensor& x, int64_t row) {
  return x.defined() ? static_cast<std::byte*>(x.raw()) + row * x.cols() * size_of(x.dtype()) : nullptr;
}

// The reserves of a batch's calls, one after another; null all along for inference.
struct Reserves {
  std::byte* next;
  explicit Reserves(const Tensor& reserve) : next(static_cast<std::byte*>(reserve.raw())) {}
  void* take(const LstmRun& run) {
    std::byte* taken = next;
    if (next) next += run.reserve();
    return taken;
  }
};

// [rows, input], in the order of the batch's calls
Tensor input_rows(const LstmBatch& batch, const Tensor& x, const Tensor& index) {
  return index.defined() ? gathered(x, batch.rows.grouped(index.reshape({index.numel(), 1})))
                         : batch.rows.grouped(x);
}

int64_t lstm_reserve(Device device, const LstmConfig& config, const Packing& packing, DType dtype) {
  const Op op("recurrent.lstm_reserve");
  Context& c = context(device);
  LstmPlan& plan = lstm_plan(c, device, config, dtype);
  return plan.reserve_bytes(c, plan.batch(packing));
}

void lstm_forward(const LstmForward& a) {
  const Op op("recurrent.lstm_forward");
  Context& c = context(a.x);
  const Device device = a.x.device();
  LstmPlan& plan = lstm_plan(c, device, a.config, a.x.dtype());
  const LstmBatch& batch = plan.batch(*a.packing);
  const auto mode = a.reserve.defined() ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE;
  const Tensor x = input_rows(batch, a.x, a.index), weights = plan.weight_space(c, a.weights),
               work = workspace(device, plan.work_bytes(c, batch, mode));
  const Tensor h0 = batch.state_rows.grouped(a.h0), c0 = batch.state_rows.grouped(a.c0);
  const Tensor y = batch.rows.room_for(a.y), h_n = batch.state_rows.room_for(a.h_n),
               c_n = batch.state_rows.room_for(a.c_n);
  Reserves reserves(a.reserve);
  for (const auto& [group, shape] : batch.calls) {
    LstmRun& run = plan.run(c, *shape, mode);
    void* const reserve = reserves.take(run);
    const auto call = [&, row = group.row, state = group.state_row, &s = *shape] {
      return cudnnRNNForward(c.dnn, plan.rnn(run.algorithm), mode, nullptr, s.x, row_of(x, row), s.y,
                             row_of(y, row), s.state, row_of(h0, state), row_of(h_n, state), s.state,
                             row_of(c0, state), row_of(c_n, state), plan.weight_bytes(), weights.raw(),
                             run.own().work, work.raw(), run.own().reserve, reserve);
    };
    cudnnStatus_t status = call();
    if (plan.falls_back(status, *shape, mode, run)) status = call();
    check(status);
  }
  batch.rows.deliver(y, a.y);
  batch.state_rows.deliver(h_n, a.h_n);
  batch.state_rows.deliver(c_n, a.c_n);
}

void lstm_backward(const LstmBackward& a) {
  const Op op("recurrent.lstm_backward");
  Context& c = context(a.x);
  const Device device = a.x.device();
  LstmPlan& plan = lstm_plan(c, device, a.config, a.x.dtype());
  const LstmBatch& batch = plan.batch(*a.packing);
  const RowOrder &rows = batch.rows, &state_rows = batch.state_rows;
  const Tensor x = input_rows(batch, a.x, a.index), weights = plan.weight_space(c, a.weights),
               work = workspace(device, plan.work_bytes(c, batch, CUDNN_FWD_MODE_TRAINING));
  const Tensor y = rows.grouped(a.y), h0 = state_rows.grouped(a.h0), c0 = state_rows.grouped(a.c0),
               dh_n = state_rows.grouped(a.dh_n), dc_n = state_rows.grouped(a.dc_n);
  Tensor dy = rows.grouped(a.dy);  // the one gradient that must be there
  if (!dy.defined()) {
    dy = Tensor::like(y, MemoryTag::Workspace);
    check(cudaMemsetAsync(dy.raw(), 0, static_cast<size_t>(dy.bytes()), c.stream));
  }
  // The library always computes dx. Through an index, rows of it add up.
  const bool direct = a.dx.defined() && !a.index.defined();
  const Tensor dx = direct ? rows.room_for(a.dx) : Tensor::like(x, MemoryTag::Workspace);
  const Tensor dh0 = state_rows.room_for(a.dh0), dc0 = state_rows.room_for(a.dc0);
  Tensor dweights;
  if (std::any_of(a.dweights.begin(), a.dweights.end(), [](const Tensor& t) { return t.defined(); })) {
    dweights = workspace(device, static_cast<int64_t>(plan.weight_bytes()));
    check(cudaMemsetAsync(dweights.raw(), 0, plan.weight_bytes(), c.stream));  // the library adds to it
  }
  Reserves reserves(a.reserve);
  for (const auto& [group, shape] : batch.calls) {
    const LstmRun& run = plan.run(c, *shape, CUDNN_FWD_MODE_TRAINING);
    const LstmShape& s = *shape;
    const cudnnRNNDescriptor_t rnn = plan.rnn(run.algorithm);
    const auto [work_bytes, reserve_bytes] = run.own();
    const int64_t row = group.row, state = group.state_row;
    void* const reserve = reserves.take(run);
    check(cudnnRNNBackwardData_v8(c.dnn, rnn, nullptr, s.y, row_of(y, row), row_of(dy, row), s.x,
                                  row_of(dx, row), s.state, row_of(h0, state), row_of(dh_n, state),
                                  row_of(dh0, state), s.state, row_of(c0, state), row_of(dc_n, state),
                                  row_of(dc0, state), plan.weight_bytes(), weights.raw(), work_bytes,
                                  work.raw(), reserve_bytes, reserve));
    if (dweights.defined())
      check(cudnnRNNBackwardWeights_v8(c.dnn, rnn, CUDNN_WGRAD_MODE_ADD, nullptr, s.x, row_of(x, row),
                                       s.state, row_of(h0, state), s.y, row_of(y, row), plan.weight_bytes(),
                                       dweights.raw(), work_bytes, work.raw(), reserve_bytes, reserve));
  }
  if (direct) {
    rows.deliver(dx, a.dx);
  } else if (a.dx.defined()) {
    embedding_kernels().backward(a.index, rows.moves() ? gathered(dx, rows.to_packed) : dx, -1, a.dx);
  }
  state_rows.deliver(dh0, a.dh0);
  state_rows.deliver(dc0, a.dc0);
  if (dweights.defined()) plan.scatter(c, dweights, a.dweights);
}

}  // namespace

RecurrentKernels recurrent_kernels() {
  return {.lstm_reserve = lstm_reserve, .lstm_forward = lstm_forward, .lstm_backward = lstm_backward};
}

}  // namespace octet::cuda
