#include "cuda/lstm_plan.h"

#include <algorithm>

#include "core/error.h"

namespace octet::cuda {
namespace {

// Up to here the fast algorithm trains; its inference would go on to 192.
constexpr int64_t kMostSmallHidden = 128;
// Shapes of equal lengths that are kept, a few hundred bytes each.
constexpr size_t kMostShapes = 4096;

cudnnDataType_t data_type(DType dtype) {
  require(dtype == DType::F32 || dtype == DType::F64, "lstm: needs f32 or f64, got ", dtype);
  return dtype == DType::F32 ? CUDNN_DATA_FLOAT : CUDNN_DATA_DOUBLE;
}

cudnnMathType_t math_type(const Context& c, DType dtype) {
  return dtype == DType::F32 && c.precision == MatmulPrecision::Fp32 ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
}

int as_int(int64_t n) { return static_cast<int>(n); }

bool not_supported(cudnnStatus_t status) {
  return CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED;
}

}  // namespace

int64_t LstmRun::work() const { return static_cast<int64_t>(std::max(spaces[0].work, spaces[1].work)); }

int64_t LstmRun::reserve() const {
  constexpr int64_t kAlignment = 256;
  const auto bytes = static_cast<int64_t>(std::max(spaces[0].reserve, spaces[1].reserve));
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

LstmPlan::LstmPlan(const Context& c, Device device, const LstmConfig& config, DType dtype,
                   cudnnMathType_t math)
    : device_(device), config_(config), dtype_(dtype) {
  check(cudnnSetDropoutDescriptor(dropout_, c.dnn, 0, nullptr, 0, 0));
  check(describe(kStandard, math));
  check(cudnnGetRNNWeightSpaceSize(c.dnn, rnn_[kStandard], &weight_bytes_));
  const Tensor space = workspace(device, static_cast<int64_t>(weight_bytes_));
  pieces_ = locate_weights(c, space, kStandard);
  int64_t covered = 0;
  for (const WeightPiece& piece : pieces_) covered += piece.count;
  has_gaps_ = covered * size_of(dtype) != static_cast<int64_t>(weight_bytes_);
  small_ = can_be_small(c, space, math);
}

cudnnStatus_t LstmPlan::describe(LstmAlgorithm algorithm, cudnnMathType_t math) {
  return cudnnSetRNNDescriptor_v8(
      rnn_[algorithm],
      algorithm == kStandard ? CUDNN_RNN_ALGO_STANDARD : CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H, CUDNN_LSTM,
      CUDNN_RNN_DOUBLE_BIAS, config_.bidirectional ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL,
      CUDNN_LINEAR_INPUT, data_type(dtype_), data_type(dtype_), math, as_int(config_.input),
      as_int(config_.hidden), as_int(config_.hidden), as_int(config_.layers), dropout_,
      CUDNN_RNN_PADDED_IO_DISABLED);
}

// Both algorithms read one weight space, so they have to agree on where weights stand.
bool LstmPlan::can_be_small(const Context& c, const Tensor& space, cudnnMathType_t math) {
  if (dtype_ != DType::F32 || config_.hidden > kMostSmallHidden) return false;
  const cudnnStatus_t status = describe(kSmallHidden, math);
  if (not_supported(status)) return false;
  check(status);
  size_t bytes = 0;
  check(cudnnGetRNNWeightSpaceSize(c.dnn, rnn_[kSmallHidden], &bytes));
  return bytes == weight_bytes_ && locate_weights(c, space, kSmallHidden) == pieces_;
}

// The library's linear layers of a pseudo layer, which is a cell: 0 to 3 the gates of the input, in our
// order, 4 to 7 those of the state before. Gates of a tensor that follow one another there as they do here
// are one piece.
std::vector<WeightPiece> LstmPlan::locate_weights(const Context& c, const Tensor& space,
                                                  LstmAlgorithm algorithm) const {
  const TensorDescriptor matrix_shape, bias_shape;
  const auto add = [&](std::vector<WeightPiece>& pieces, size_t tensor, int64_t gate, int64_t count,
                       const void* address, const TensorDescriptor& shape) {
    cudnnDataType_t type{};
    int axes = 0, sizes[3] = {}, strides[3] = {};
    check(cudnnGetTensorNdDescriptor(shape, 3, &type, &axes, sizes, strides));
    int64_t elements = 1;
    for (int axis = 0; axis < std::min(axes, 3); ++axis) elements *= sizes[axis];
    const int64_t bytes = static_cast<const char*>(address) - static_cast<const char*>(space.raw());
    const int64_t at = bytes / size_of(dtype_);
    require(address != nullptr && elements == count && bytes % size_of(dtype_) == 0 && bytes >= 0 &&
                bytes + count * size_of(dtype_) <= space.bytes(),
            ErrorKind::Device, "lstm: cuDNN's weights are not laid out as expected: gate ", gate,
            " of weight ", tensor, " has ", elements, " elements at byte ", bytes, ", expected ", count);
    if (!pieces.empty() && pieces.back().tensor == tensor && pieces.back().at + pieces.back().count == at) {
      pieces.back().count += count;
    } else {
      pieces.push_back({tensor, gate * count, at, count});
    }
  };
  std::vector<WeightPiece> pieces;
  const int64_t hidden = config_.hidden;
  for (int64_t cell = 0; cell < config_.cells(); ++cell)
    for (int64_t side = 0; side < 2; ++side) {  // input, state
      const int64_t cols = side == 0 ? config_.input_of(cell / config_.directions()) : hidden;
      std::vector<WeightPiece> biases;
      for (int64_t gate = 0; gate < 4; ++gate) {
        void *matrix = nullptr, *bias = nullptr;
        check(cudnnGetRNNWeightParams(c.dnn, rnn_[algorithm], as_int(cell), weight_bytes_, space.raw(),
                                      as_int(side * 4 + gate), matrix_shape, &matrix, bias_shape, &bias));
        add(pieces, static_cast<size_t>(4 * cell + side), gate, hidden * cols, matrix, matrix_shape);
        add(biases, static_cast<size_t>(4 * cell + 2 + side), gate, hidden, bias, bias_shape);
      }
      pieces.insert(pieces.end(), biases.begin(), biases.end());
    }
  return pieces;
}

Tensor LstmPlan::weight_space(const Context& c, std::span<const Tensor> weights) const {
  const Tensor space = workspace(device_, static_cast<int64_t>(weight_bytes_));
  if (has_gaps_) check(cudaMemsetAsync(space.raw(), 0, weight_bytes_, c.stream));
  gather_weights(c, pieces_, weights, space);
  return space;
}

std::shared_ptr<LstmShape> LstmPlan::shape_of(std::span<const int64_t> lengths) const {
  const std::vector<int> given(lengths.begin(), lengths.end());
  const int batch = as_int(static_cast<int64_t>(given.size())), steps = given.front();
  auto shape = std::make_shared<LstmShape>();
  shape->batch = batch;
  shape->steps = steps;
  shape->equal = given.back() == steps;
  const auto set = [&](const DataDescriptor& data, int64_t width) {
    check(cudnnSetRNNDataDescriptor(data, data_type(dtype_), CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED, steps,
                                    batch, as_int(width), given.data(), nullptr));
  };
  set(shape->x, config_.input);
  set(shape->y, config_.directions() * config_.hidden);
  const int hidden = as_int(config_.hidden), sizes[] = {as_int(config_.cells()), batch, hidden},
            strides[] = {batch * hidden, hidden, 1};
  check(cudnnSetTensorNdDescriptor(shape->state, data_type(dtype_), 3, sizes, strides));
  return shape;
}

const std::shared_ptr<LstmShape>& LstmPlan::shape_of(const LstmGroup& group) {
  if (shapes_.size() >= kMostShapes) shapes_.clear();  // batches hold what they use
  std::shared_ptr<LstmShape>& shape = shapes_[{group.count, group.steps}];
  if (!shape) shape = shape_of(std::vector<int64_t>(static_cast<size_t>(group.count), group.steps));
  return shape;
}

const LstmBatch& LstmPlan::batch(const Packing& packing) {
  if (packing.lengths == lengths_) return batch_;
  LstmBatch made;
  LstmGroups all = group_by_length(packing, config_);
  if (all.groups.size() == 1 || (small_ && worth_grouping(all, config_))) {
    for (const LstmGroup& group : all.groups) made.calls.push_back({group, shape_of(group)});
  } else {
    all = as_one_group(packing, config_);
    made.calls.push_back({all.groups.front(), shape_of(packing.lengths)});
  }
  if (all.groups.size() > 1) {
    const std::vector<int32_t> ids = row_maps(packing, all, config_);
    const auto count = static_cast<int64_t>(ids.size());
    const Tensor maps = Tensor::from(ids, {count}, device_, MemoryTag::Workspace);
    const int64_t inverse = all.rows, states = inverse + packing.total(),
                  state_inverse = states + all.state_rows;
    made.rows = {maps.slice_rows(0, inverse), maps.slice_rows(inverse, states)};
    made.state_rows = {maps.slice_rows(states, state_inverse), maps.slice_rows(state_inverse, count)};
  }
  batch_ = std::move(made);
  lengths_ = packing.lengths;
  return batch_;
}

LstmRun& LstmPlan::run(const Context& c, LstmShape& shape, cudnnForwardMode_t mode) {
  const bool training = mode == CUDNN_FWD_MODE_TRAINING;
  std::optional<LstmRun>& known = training ? shape.training : shape.inference;
  if (known) return *known;
  LstmRun run;
  const auto ask = [&](LstmAlgorithm algorithm) {
    LstmSpaces& spaces = run.spaces[algorithm];
    return cudnnGetRNNTempSpaceSizes(c.dnn, rnn_[algorithm], mode, shape.x, &spaces.work,
                                     training ? &spaces.reserve : nullptr);
  };
  check(ask(kStandard));
  if (small_ && shape.equal) {
    // Its sizes count even where it was turned down: a reserve must not change under a backward pass.
    const cudnnStatus_t status = ask(kSmallHidden);
    if (not_supported(status)) {
      run.spaces[kSmallHidden] = {};
    } else {
      check(status);
      if (!turned_down_.contains({shape.batch, shape.steps, mode})) run.algorithm = kSmallHidden;
    }
  }
  return known.emplace(run);
}

bool LstmPlan::falls_back(cudnnStatus_t status, const LstmShape& shape, cudnnForwardMode_t mode,
                          LstmRun& run) {
  if (run.algorithm == kStandard || !not_supported(status)) return false;
  turned_down_.emplace(shape.batch, shape.steps, mode);
  run.algorithm = kStandard;
  return true;
}

int64_t LstmPlan::work_bytes(const Context& c, const LstmBatch& batch, cudnnForwardMode_t mode) {
  int64_t most = 0;
  for (const LstmCall& call : batch.calls) most = std::max(most, run(c, *call.shape, mode).work());
  return most;
}

int64_t LstmPlan::reserve_bytes(const Context& c, const LstmBatch& batch) {
  int64_t sum = 0;
  for (const LstmCall& call : batch.calls) sum += run(c, *call.shape, CUDNN_FWD_MODE_TRAINING).reserve();
  return sum;
}

struct LstmPlans {
  std::map<std::tuple<int64_t, int64_t, int64_t, bool, DType, cudnnMathType_t>, LstmPlan> of;
};

LstmPlan& lstm_plan(Context& c, Device device, const LstmConfig& config, DType dtype) {
  if (!c.lstm_plans) c.lstm_plans = std::make_shared<LstmPlans>();
  const cudnnMathType_t math = math_type(c, dtype);
  const std::tuple key{config.input, config.hidden, config.layers, config.bidirectional, dtype, math};
  return c.lstm_plans->of.try_emplace(key, c, device, config, dtype, math).first->second;
}

}  // namespace octet::cuda
