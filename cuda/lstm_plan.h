// One LSTM as cuDNN knows it: its descriptors, where its weights stand, and what its batches need. All that
// stays the same from call to call is kept, because the time that the host spends here counts.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "cuda/check.h"
#include "cuda/context.h"
#include "cuda/lstm_groups.h"
#include "cuda/lstm_order.h"
#include "cuda/lstm_weights.h"

namespace octet::cuda {

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

enum LstmAlgorithm : size_t {
  kStandard,     // CUDNN_RNN_ALGO_STANDARD: anything
  kSmallHidden,  // CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H: equal lengths, and few units, which stay on chip
};

struct LstmSpaces {
  size_t work = 0, reserve = 0;  // bytes
};

// How the sequences of a call are run, in training or inference.
struct LstmRun {
  LstmAlgorithm algorithm = kStandard;
  LstmSpaces spaces[2];  // of each algorithm, 0 where it is out of the question

  const LstmSpaces& own() const { return spaces[algorithm]; }
  // Enough for either algorithm: which one it is turns out in the forward pass, when memory is there already.
  // A reserve's bytes are rounded up, so that another may follow it.
  int64_t work() const;
  int64_t reserve() const;
};

// The sequences of a call, as the library is told of them.
struct LstmShape {
  int64_t batch = 0, steps = 0;
  bool equal = false;  // all are as long as the longest
  DataDescriptor x, y;
  TensorDescriptor state;  // of h and c
  std::optional<LstmRun> inference, training;
};

struct LstmCall {
  LstmGroup group;
  std::shared_ptr<LstmShape> shape;
};

// The calls that a batch takes, and the order of rows that they want.
struct LstmBatch {
  std::vector<LstmCall> calls;
  RowOrder rows, state_rows;
};

class LstmPlan {
 public:
  LstmPlan(const Context& c, Device device, const LstmConfig& config, DType dtype, cudnnMathType_t math);

  // Valid until the next call. The passes of a step ask for the same one.
  const LstmBatch& batch(const Packing& packing);

  LstmRun& run(const Context& c, LstmShape& shape, cudnnForwardMode_t mode);
  // Whether a forward pass that ended with this status is to be made again: the library may turn down the
  // fast algorithm for a shape. From then on that shape runs in the other, backward passes included.
  bool falls_back(cudnnStatus_t status, const LstmShape& shape, cudnnForwardMode_t mode, LstmRun& run);
  // Bytes of the work space, which the calls share, and of the reserves, which follow one another.
  int64_t work_bytes(const Context& c, const LstmBatch& batch, cudnnForwardMode_t mode);
  int64_t reserve_bytes(const Context& c, const LstmBatch& batch);

  cudnnRNNDescriptor_t rnn(LstmAlgorithm algorithm) const { return rnn_[algorithm]; }
  size_t weight_bytes() const { return weight_bytes_; }
  Tensor weight_space(const Context& c, std::span<const Tensor> weights) const;
  void scatter(const Context& c, const Tensor& space, std::span<const Tensor> dweights) const {
    scatter_gradients(c, pieces_, space, dweights);
  }

 private:
  cudnnStatus_t describe(LstmAlgorithm algorithm, cudnnMathType_t math);
  std::vector<WeightPiece> locate_weights(const Context& c, const Tensor& space,
                                          LstmAlgorithm algorithm) const;
  bool can_be_small(const Context& c, const Tensor& space, cudnnMathType_t math);
  std::shared_ptr<LstmShape> shape_of(std::span<const int64_t> lengths) const;
  const std::shared_ptr<LstmShape>& shape_of(const LstmGroup& group);

  Device device_;
  LstmConfig config_;
  DType dtype_;
  DropoutDescriptor dropout_;  // of probability 0
  RnnDescriptor rnn_[2];       // by algorithm
  size_t weight_bytes_ = 0;
  std::vector<WeightPiece> pieces_;
  bool has_gaps_ = false;
  bool small_ = false;  // kSmallHidden may be tried

  std::map<std::pair<int64_t, int64_t>, std::shared_ptr<LstmShape>> shapes_;  // by batch, steps; all equal
  // Batch, steps and mode of what the library turned down. Kept when shapes are forgotten: a forward pass may
  // still wait for its backward pass.
  std::set<std::tuple<int64_t, int64_t, cudnnForwardMode_t>> turned_down_;
  std::vector<int64_t> lengths_;  // of batch_
  LstmBatch batch_;
};

// The context's own for this LSTM and the precision that is set.
LstmPlan& lstm_plan(Context& c, Device device, const LstmConfig& config, DType dtype);

}  // namespace octet::cuda
