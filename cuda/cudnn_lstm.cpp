// What stays the same from call to call is kept with the device, because the time that the host spends here
// counts.
#include "cuda/cudnn_lstm.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "cuda/check.h"
#include "cuda/context.h"
#include "cuda/kernels.h"
#include "cuda/lstm_weights.h"

namespace octet::cuda {
namespace {

template <class T, cudnnStatus_t (*create)(T*), cudnnStatus_t (*destroy)(T)>
class Descriptor {
 public:
  Descriptor() { check(create(&handle_)); }
  ~Descriptor() { destroy(handle_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator T() const { return handle_; }

 private:
  T handle_ = nullptr;
};
using RnnDescriptor = Descriptor<cudnnRNNDescriptor_t, cudnnCreateRNNDescriptor, cudnnDestroyRNNDescriptor>;
using DropoutDescriptor =
    Descriptor<cudnnDropoutDescriptor_t, cudnnCreateDropoutDescriptor, cudnnDestroyDropoutDescriptor>;
using DataDescriptor =
    Descriptor<cudnnRNNDataDescriptor_t, cudnnCreateRNNDataDescriptor, cudnnDestroyRNNDataDescriptor>;
using TensorDescriptor =
    Descriptor<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;

cudnnDataType_t data_type(DType dtype) {
  require(dtype == DType::F32 || dtype == DType::F64, "lstm: needs f32 or f64, got ", dtype);
  return dtype == DType::F32 ? CUDNN_DATA_FLOAT : CUDNN_DATA_DOUBLE;
}

cudnnMathType_t math_type(const Context& c, DType dtype) {
  return dtype == DType::F32 && c.precision == MatmulPrecision::Fp32 ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
}

int as_int(int64_t n) { return static_cast<int>(n); }

void describe(const TensorDescriptor& descriptor, DType dtype, int64_t cells, int64_t batch, int64_t hidden) {
  const int sizes[] = {as_int(cells), as_int(batch), as_int(hidden)},
            strides[] = {as_int(batch * hidden), as_int(hidden), 1};
  check(cudnnSetTensorNdDescriptor(descriptor, data_type(dtype), 3, sizes, strides));
}

// One LSTM as the library knows it: its descriptors, and where its weights stand.
class Plan {
 public:
  struct Spaces {
    size_t work = 0, reserve = 0;
  };

  Plan(const Context& c, Device device, const LstmConfig& config, DType dtype, cudnnMathType_t math)
      : config_(config), dtype_(dtype) {
    check(cudnnSetDropoutDescriptor(dropout_, c.dnn, 0, nullptr, 0, 0));
    check(cudnnSetRNNDescriptor_v8(rnn, CUDNN_RNN_ALGO_STANDARD, CUDNN_LSTM, CUDNN_RNN_DOUBLE_BIAS,
                                   config.bidirectional ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL,
                                   CUDNN_LINEAR_INPUT, data_type(dtype), data_type(dtype), math,
                                   as_int(config.input), as_int(config.hidden), as_int(config.hidden),
                                   as_int(config.layers), dropout_, CUDNN_RNN_PADDED_IO_DISABLED));
    check(cudnnGetRNNWeightSpaceSize(c.dnn, rnn, &weight_bytes));
    locate_weights(c, workspace(device, static_cast<int64_t>(weight_bytes)));
  }

  // Makes x, y and state describe this batch. The two passes of a step ask for the same one.
  void set_batch(const Packing& packing) {
    if (packing.lengths == lengths_) return;
    lengths_.clear();  // nothing is known if what follows fails
    for (std::optional<Spaces>& spaces : spaces_) spaces.reset();
    const std::vector<int> lengths(packing.lengths.begin(), packing.lengths.end());
    const int steps = as_int(packing.steps()), batch = as_int(packing.batch());
    const auto set = [&](const DataDescriptor& data, int64_t width) {
      check(cudnnSetRNNDataDescriptor(data, data_type(dtype_), CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED, steps,
                                      batch, as_int(width), lengths.data(), nullptr));
    };
    set(x, config_.input);
    set(y, config_.directions() * config_.hidden);
    describe(state, dtype_, config_.cells(), packing.batch(), config_.hidden);
    lengths_ = packing.lengths;
  }
  // For the batch that was set last.
  const Spaces& spaces(const Context& c, cudnnForwardMode_t mode) {
    std::optional<Spaces>& known = spaces_[mode == CUDNN_FWD_MODE_TRAINING ? 1 : 0];
    if (!known) {
      Spaces spaces;
      check(cudnnGetRNNTempSpaceSizes(c.dnn, rnn, mode, x, &spaces.work,
                                      mode == CUDNN_FWD_MODE_TRAINING ? &spaces.reserve : nullptr));
      known = spaces;
    }
    return *known;
  }

  Tensor gathered(const Context& c, Device device, std::span<const Tensor> weights) const {
    Tensor space = workspace(device, static_cast<int64_t>(weight_bytes));
    if (has_gaps_) check(cudaMemsetAsync(space.raw(), 0, weight_bytes, c.stream));
    gather_weights(c, pieces_, weights, space);
    return space;
  }
  void scatter(const Context& c, const Tensor& space, std::span<const Tensor> dweights) const {
    scatter_gradients(c, pieces_, space, dweights);
  }

  RnnDescriptor rnn;
  DataDescriptor x, y;
  TensorDescriptor state;  // of h and c
  size_t weight_bytes = 0;

 private:
  // The library's linear layers of a pseudo layer, which is a cell: 0 to 3 the gates of the input, in our
  // order, 4 to 7 those of the state before. Gates of a tensor that follow one another there as they do here
  // are one piece.
  void locate_weights(const Context& c, const Tensor& space) {
    const TensorDescriptor matrix_shape, bias_shape;
    const int64_t hidden = config_.hidden;
    int64_t covered = 0;
    for (int64_t cell = 0; cell < config_.cells(); ++cell)
      for (int64_t side = 0; side < 2; ++side) {  // input, state
        const int64_t cols = side == 0 ? config_.input_of(cell / config_.directions()) : hidden;
        std::vector<WeightPiece> biases;
        for (int64_t gate = 0; gate < 4; ++gate) {
          void *matrix = nullptr, *bias = nullptr;
          check(cudnnGetRNNWeightParams(c.dnn, rnn, as_int(cell), weight_bytes, space.raw(),
                                        as_int(side * 4 + gate), matrix_shape, &matrix, bias_shape, &bias));
          add(pieces_, static_cast<size_t>(4 * cell + side), gate, hidden * cols, space, matrix,
              matrix_shape);
          add(biases, static_cast<size_t>(4 * cell + 2 + side), gate, hidden, space, bias, bias_shape);
        }
        pieces_.insert(pieces_.end(), biases.begin(), biases.end());
        covered += 4 * hidden * (cols + 1);
      }
    has_gaps_ = covered * size_of(dtype_) != static_cast<int64_t>(weight_bytes);
  }

  void add(std::vector<WeightPiece>& pieces, size_t tensor, int64_t gate, int64_t count, const Tensor& space,
           const void* address, const TensorDescriptor& shape) const {
    cudnnDataType_t type{};
    int axes = 0, sizes[3] = {}, strides[3] = {};
    check(cudnnGetTensorNdDescriptor(shape, 3, &type, &axes, sizes, strides));
    int64_t elements = 1;
    for (int axis = 0; axis < std::min(axes, 3); ++axis) elements *= sizes[axis];
    const int64_t bytes = static_cast<const char*>(address) - static_cast<const char*>(space.raw());
    const int64_t at = bytes / size_of(dtype_);
    require(address != nullptr && elements == count && bytes % size_of(dtype_) == 0 && bytes >= 0 &&
                bytes + count * size_of(dtype_) <= static_cast<int64_t>(weight_bytes),
            ErrorKind::Device, "lstm: cuDNN's weights are not laid out as expected: gate ", gate,
            " of weight ", tensor, " has ", elements, " elements at byte ", bytes, ", expected ", count);
    if (!pieces.empty()) {
      WeightPiece& last = pieces.back();
      if (last.tensor == tensor && last.at + last.count == at) {
        last.count += count;
        return;
      }
    }
    pieces.push_back({tensor, gate * count, at, count});
  }

  LstmConfig config_;
  DType dtype_;
  DropoutDescriptor dropout_;  // of probability 0
  std::vector<WeightPiece> pieces_;
  bool has_gaps_ = false;
  std::vector<int64_t> lengths_;
  std::optional<Spaces> spaces_[2];  // inference, training
};

}  // namespace

struct LstmPlans {
  std::map<std::tuple<int64_t, int64_t, int64_t, bool, DType, cudnnMathType_t>, Plan> of;
};

namespace {

// Set to the packing.
Plan& plan_for(Context& c, Device device, const LstmConfig& config, const Packing& packing, DType dtype) {
  if (!c.lstm_plans) c.lstm_plans = std::make_shared<LstmPlans>();
  const cudnnMathType_t math = math_type(c, dtype);
  const std::tuple key{config.input, config.hidden, config.layers, config.bidirectional, dtype, math};
  Plan& plan = c.lstm_plans->of.try_emplace(key, c, device, config, dtype, math).first->second;
  plan.set_batch(packing);
  return plan;
}

// [total, input]
Tensor packed_input(const Tensor& x, const Tensor& index) {
  if (!index.defined()) return x;
  Tensor packed = Tensor::like(x, {index.numel(), x.cols()}, MemoryTag::Workspace);
  embedding_kernels().forward(x, index, packed);
  return packed;
}

}  // namespace

int64_t cudnn_reserve(Context& c, Device device, const LstmConfig& config, const Packing& packing,
                      DType dtype) {
  Plan& plan = plan_for(c, device, config, packing, dtype);
  return static_cast<int64_t>(plan.spaces(c, CUDNN_FWD_MODE_TRAINING).reserve);
}

void cudnn_forward(Context& c, const LstmForward& a) {
  const Device device = a.x.device();
  Plan& plan = plan_for(c, device, a.config, *a.packing, a.x.dtype());
  const auto mode = a.reserve.defined() ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE;
  const Plan::Spaces spaces = plan.spaces(c, mode);
  const Tensor x = packed_input(a.x, a.index), weights = plan.gathered(c, device, a.weights),
               work = workspace(device, static_cast<int64_t>(spaces.work));
  check(cudnnRNNForward(c.dnn, plan.rnn, mode, nullptr, plan.x, x.raw(), plan.y, a.y.raw(), plan.state,
                        a.h0.raw(), a.h_n.raw(), plan.state, a.c0.raw(), a.c_n.raw(), plan.weight_bytes,
                        weights.raw(), spaces.work, work.raw(), spaces.reserve, a.reserve.raw()));
}

void cudnn_backward(Context& c, const LstmBackward& a) {
  const Device device = a.x.device();
  Plan& plan = plan_for(c, device, a.config, *a.packing, a.x.dtype());
  const Plan::Spaces spaces = plan.spaces(c, CUDNN_FWD_MODE_TRAINING);
  const Tensor x = packed_input(a.x, a.index), weights = plan.gathered(c, device, a.weights),
               work = workspace(device, static_cast<int64_t>(spaces.work));
  Tensor dy = a.dy;  // the one gradient that must be there
  if (!dy.defined()) {
    dy = Tensor::like(a.y, MemoryTag::Workspace);
    check(cudaMemsetAsync(dy.raw(), 0, static_cast<size_t>(dy.bytes()), c.stream));
  }
  const bool direct = a.dx.defined() && !a.index.defined();
  const Tensor dx = direct ? a.dx : Tensor::like(x, MemoryTag::Workspace);
  check(cudnnRNNBackwardData_v8(c.dnn, plan.rnn, nullptr, plan.y, a.y.raw(), dy.raw(), plan.x, dx.raw(),
                                plan.state, a.h0.raw(), a.dh_n.raw(), a.dh0.raw(), plan.state, a.c0.raw(),
                                a.dc_n.raw(), a.dc0.raw(), plan.weight_bytes, weights.raw(), spaces.work,
                                work.raw(), spaces.reserve, a.reserve.raw()));
  if (a.dx.defined() && !direct) embedding_kernels().backward(a.index, dx, -1, a.dx);

  if (std::none_of(a.dweights.begin(), a.dweights.end(), [](const Tensor& t) { return t.defined(); })) return;
  const Tensor dweights = workspace(device, static_cast<int64_t>(plan.weight_bytes));
  check(cudaMemsetAsync(dweights.raw(), 0, plan.weight_bytes, c.stream));  // the library adds to it
  check(cudnnRNNBackwardWeights_v8(c.dnn, plan.rnn, CUDNN_WGRAD_MODE_ADD, nullptr, plan.x, x.raw(),
                                   plan.state, a.h0.raw(), plan.y, a.y.raw(), plan.weight_bytes,
                                   dweights.raw(), spaces.work, work.raw(), spaces.reserve, a.reserve.raw()));
  plan.scatter(c, dweights, a.dweights);
}

}  // namespace octet::cuda
