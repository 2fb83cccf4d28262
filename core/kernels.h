// What a backend computes: one small table of functions a kernel family. The CPU backend fills one
// KernelTable, the CUDA backend another. Arguments are tensors on the backend's device; outputs are allocated
// by the caller and overwritten unless a comment says that they are added to. Callers have checked shapes and
// types.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/packing.h"
#include "core/pointwise.h"
#include "core/tensor.h"

namespace octet {

struct MemoryKernels {
  void (*fill)(const Tensor& x, double value) = nullptr;
  void (*convert)(const Tensor& x, const Tensor& y) = nullptr;  // copies, converting the element type
  // Copies each x, of BF16, into the y at its place, of F32; as many elements. On a GPU one launch for all.
  void (*widen)(std::span<const Tensor> x, std::span<const Tensor> y) = nullptr;

  template <class V>
  void visit(V&& v) const {
    v("memory.fill", fill), v("memory.convert", convert), v("memory.widen", widen);
  }
};

struct PointwiseKernels {
  using Unary = void (*)(const Tensor& x, const Tensor& y);
  using UnaryBackward = void (*)(const Tensor& saved, const Tensor& dy, const Tensor& dx);
  using Binary = void (*)(const Tensor& a, const Tensor& b, const Tensor& y);
  std::array<Unary, kUnaryOps> unary{};                   // in the order of UnaryOps
  std::array<UnaryBackward, kUnaryOps> unary_backward{};  // saved: input or output, as the op's kSaves says
  std::array<Binary, kBinaryOps> binary{};                // y has the broadcast shape of a and b
  void (*affine)(const Tensor& x, double scale, double shift,
                 const Tensor& y) = nullptr;                       // y = scale x + shift
  void (*accumulate)(const Tensor& x, const Tensor& y) = nullptr;  // y += x

  template <class V>
  void visit(V&& v) const {
    each(v, unary, std::type_identity<UnaryOps>{}, "");
    each(v, unary_backward, std::type_identity<UnaryOps>{}, ".backward");
    each(v, binary, std::type_identity<BinaryOps>{}, "");
    v("pointwise.affine", affine), v("pointwise.accumulate", accumulate);
  }

 private:
  template <class V, class Array, class... Ops>
  static void each(V& v, const Array& entries, std::type_identity<std::tuple<Ops...>>, const char* suffix) {
    size_t i = 0;
    (v((std::string("pointwise.") + Ops::kName + suffix).c_str(), entries[i++]), ...);
  }
};

struct ReduceKernels {
  // y = scale * sum of x over every axis that has size 1 in y; x and y have the same rank.
  void (*sum_to)(const Tensor& x, double scale, const Tensor& y) = nullptr;

  template <class V>
  void visit(V&& v) const {
    v("reduce.sum_to", sum_to);
  }
};

// y[i] = a[i] b[i] (+ bias on every row), i over the batch.
struct MatmulArgs {
  Tensor a;     // [batch, m, k], or [batch, k, m] when transposed
  Tensor b;     // [batch, k, n], or [batch, n, k] when transposed; its batch may be 1
  Tensor y;     // [batch, m, n]
  Tensor bias;  // [n], or undefined
  bool transpose_a = false;
  bool transpose_b = false;
};
struct MatmulKernels {
  void (*batched)(const MatmulArgs& args) = nullptr;

  template <class V>
  void visit(V&& v) const {
    v("matmul.batched", batched);
  }
};

struct SoftmaxKernels {  // over the last axis; every tensor [rows, cols]
  using Forward = void (*)(const Tensor& x, const Tensor& y);
  using Backward = void (*)(const Tensor& y, const Tensor& dy, const Tensor& dx);
  Forward forward = nullptr;
  Backward backward = nullptr;
  Forward log_forward = nullptr;
  Backward log_backward = nullptr;

  template <class V>
  void visit(V&& v) const {
    v("softmax.forward", forward), v("softmax.backward", backward);
    v("softmax.log_forward", log_forward), v("softmax.log_backward", log_backward);
  }
};

struct LayerNormKernels {  // over the last axis: x, y [rows, cols]; gain, bias [cols]; mean, inverse_std
                           // [rows]
  void (*forward)(const Tensor& x, const Tensor& gain, const Tensor& bias, double eps, const Tensor& y,
                  const Tensor& mean, const Tensor& inverse_std) = nullptr;
  void (*backward)(const Tensor& x, const Tensor& gain, const Tensor& mean, const Tensor& inverse_std,
                   const Tensor& dy, const Tensor& dx, const Tensor& dgain, const Tensor& dbias) = nullptr;

  template <class V>
  void visit(V&& v) const {
    v("layer_norm.forward", forward), v("layer_norm.backward", backward);
  }
};

struct EmbeddingKernels {
  // y[i] = table[ids[i]]; an id of -1 gives zeros. table [rows, cols], ids [n] i32, y [n, cols], of the
  // table's type, or f32 where that is BF16.
  void (*forward)(const Tensor& table, const Tensor& ids, const Tensor& y) = nullptr;
  // dtable[r] = sum of dy[i] over ids[i] == r, always in the same order; row `padding` (or none: -1) stays
  // zero.
  void (*backward)(const Tensor& ids, const Tensor& dy, int64_t padding, const Tensor& dtable) = nullptr;

  template <class V>
  void visit(V&& v) const {
    v("embedding.forward", forward), v("embedding.backward", backward);
  }
};

// What logits are held against, and how much each row counts. A tensor alone: all rows count the same.
struct LossTargets {
  LossTargets(Tensor labels_, Tensor weights_ = {})
      : labels(std::move(labels_)), weights(std::move(weights_)) {}

  Tensor labels;
  Tensor weights;  // [n], of the logits' type and not negative, or undefined: all 1
};
// Weighted means of the rows' losses l: loss [] = sum(w l) / sum(w), 0 where the weights sum to 0. dloss []
// is the gradient of the loss.
struct LossKernels {
  using Forward = void (*)(const Tensor& logits, const LossTargets& targets, const Tensor& loss);
  using Backward = void (*)(const Tensor& logits, const LossTargets& targets, const Tensor& dloss,
                            const Tensor& dlogits);
  // logits [n, classes], labels [n] i32
  Forward cross_entropy = nullptr;
  Backward cross_entropy_backward = nullptr;
  // logits, labels [n], labels in [0, 1] and of the logits' type
  Forward binary_cross_entropy = nullptr;
  Backward binary_cross_entropy_backward = nullptr;

  template <class V>
  void visit(V&& v) const {
    v("loss.cross_entropy", cross_entropy), v("loss.cross_entropy_backward", cross_entropy_backward);
    v("loss.binary_cross_entropy", binary_cross_entropy);
    v("loss.binary_cross_entropy_backward", binary_cross_entropy_backward);
  }
};

struct DropoutKernels {
  // y = x / (1 - p) where word i of the stream is at least p * 2^32, else 0. The mask is never stored: the
  // backward pass is the same call on dy. Word i is philox_block(key, first + i / 4)[i % 4].
  void (*apply)(const Tensor& x, double p, uint64_t key, uint64_t first, const Tensor& y) = nullptr;

  template <class V>
  void visit(V&& v) const {
    v("dropout.apply", apply);
  }
};

// A rectangle of `count` runs of `length` elements: run i begins at from + i * from_stride and goes to
// to + i * to_stride (in elements).
struct BlockCopy {
  int64_t count, length, from, from_stride, to, to_stride;
};
struct LayoutKernels {
  void (*permute)(const Tensor& x, std::span<const int> axes,
                  const Tensor& y) = nullptr;  // y.size(i) = x.size(axes[i])
  void (*copy_block)(const Tensor& x, const Tensor& y,
                     const BlockCopy& block) = nullptr;  // the rest of y stays

  template <class V>
  void visit(V&& v) const {
    v("layout.permute", permute), v("layout.copy_block", copy_block);
  }
};

struct LstmConfig {
  int64_t input = 0, hidden = 0, layers = 1;
  bool bidirectional = false;

  int64_t directions() const { return bidirectional ? 2 : 1; }
  int64_t cells() const {
    return layers * directions();
  }  // in PyTorch's order: layer 0 forward, layer 0 reverse, ...
  int64_t input_of(int64_t layer) const { return layer == 0 ? input : hidden * directions(); }
};

// A stack of LSTM layers without dropout between them. Gate rows in PyTorch's order: input, forget, cell,
// output.
struct LstmForward {
  LstmConfig config;
  PackingPtr packing;  // may share a beginning where there is one direction and no h0
  Tensor x;            // [rows, input]: rows = total, packed, unless there is an index
  Tensor index;        // [total] i32: packed row i reads x row index[i]; undefined: row i. Equal inputs
                       // (a token's embedding) are then multiplied once, however often they come
  Tensor h0, c0;       // [cells, batch, hidden], or undefined for zeros
  std::span<const Tensor> weights;  // four a cell: w_ih [4H, in], w_hh [4H, H], b_ih [4H], b_hh [4H]
  Tensor y;                         // [total, directions * hidden], packed
  Tensor h_n, c_n;                  // [cells, batch, hidden], state after each sequence's own last step
  Tensor reserve;                   // what backward needs; undefined when there will be none
};
struct LstmBackward {
  LstmConfig config;
  PackingPtr packing;
  Tensor x, index, h0, c0;
  std::span<const Tensor> weights;
  Tensor y, reserve;                 // as forward left them; the reserve is used up
  Tensor dy, dh_n, dc_n;             // undefined where nothing flows back
  Tensor dx, dh0, dc0;               // undefined where not wanted
  std::span<const Tensor> dweights;  // undefined where not wanted
};
struct RecurrentKernels {
  // Bytes of the reserve.
  int64_t (*lstm_reserve)(Device device, const LstmConfig& config, const Packing& packing,
                          DType dtype) = nullptr;
  void (*lstm_forward)(const LstmForward& args) = nullptr;
  void (*lstm_backward)(const LstmBackward& args) = nullptr;

  template <class V>
  void visit(V&& v) const {
    v("recurrent.lstm_reserve", lstm_reserve), v("recurrent.lstm_forward", lstm_forward);
    v("recurrent.lstm_backward", lstm_backward);
  }
};

struct KernelTable {
  MemoryKernels memory;
  PointwiseKernels pointwise;
  ReduceKernels reduce;
  MatmulKernels matmul;
  SoftmaxKernels softmax;
  LayerNormKernels layer_norm;
  EmbeddingKernels embedding;
  LossKernels loss;
  DropoutKernels dropout;
  LayoutKernels layout;
  RecurrentKernels recurrent;

  // Calls v(name, function pointer) for every entry: a backend's missing ones are found by name.
  template <class V>
  void visit(V&& v) const {
    std::apply([&](const auto&... family) { (family.visit(v), ...); },
               std::tie(memory, pointwise, reduce, matmul, softmax, layer_norm, embedding, loss, dropout,
                        layout, recurrent));
  }
};

}  // namespace octet
