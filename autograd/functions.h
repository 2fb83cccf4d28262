// Every differentiable operation. Shapes in brackets; an error names the operation and both shapes.
// The weights of linear, lstm and embedding and matmul's b may be BF16 where all else is f32: they are
// widened where they are used, and their gradients are f32.
#pragma once

#include <utility>
#include <vector>

#include "autograd/variable.h"
#include "core/kernels.h"
#include "core/rng.h"

namespace octet {

struct Transpose {
  bool a = false, b = false;
};
// [.., m, k] x [.., k, n] -> [.., m, n]; a flag transposes the last two axes of an operand. b may be a matrix
// shared by the whole batch.
Variable matmul(const Variable& a, const Variable& b, Transpose transpose = {});
// x [.., in], weight [out, in], bias [out] or undefined -> [.., out]: x weight^T + bias.
Variable linear(const Variable& x, const Variable& weight, const Variable& bias);

// Elementwise; shapes broadcast as NumPy's do.
Variable add(const Variable& a, const Variable& b);
Variable sub(const Variable& a, const Variable& b);
Variable mul(const Variable& a, const Variable& b);
Variable div(const Variable& a, const Variable& b);
Variable affine(const Variable& x, double scale, double shift = 0);  // scale * x + shift
inline Variable operator+(const Variable& a, const Variable& b) { return add(a, b); }
inline Variable operator-(const Variable& a, const Variable& b) { return sub(a, b); }
inline Variable operator*(const Variable& a, const Variable& b) { return mul(a, b); }
inline Variable operator/(const Variable& a, const Variable& b) { return div(a, b); }
inline Variable operator*(double scale, const Variable& x) { return affine(x, scale); }

Variable exp(const Variable& x);
Variable log(const Variable& x);
Variable sqrt(const Variable& x);
Variable tanh(const Variable& x);
Variable sigmoid(const Variable& x);
Variable relu(const Variable& x);
Variable gelu(const Variable& x);  // exact, with the normal distribution function

// Over the named axes (negative from the back), or all of them; the axes vanish unless kept as size 1.
Variable sum(const Variable& x, std::vector<int> axes = {}, bool keep = false);
Variable mean(const Variable& x, std::vector<int> axes = {}, bool keep = false);

Variable softmax(const Variable& x);      // over the last axis
Variable log_softmax(const Variable& x);  // over the last axis
// Over the last axis: x [.., n], gain [n], bias [n].
Variable layer_norm(const Variable& x, const Variable& gain, const Variable& bias, double eps = 1e-5);

// Mean losses, one element: sum(w_i l_i) / sum(w_i) over the rows' losses l and weights w, as PyTorch's
// cross_entropy with class weights (its weighted binary_cross_entropy divides by n). weights: [n], of the
// logits' type and device, not negative; undefined: all 1. Where they sum to 0 the loss is 0, and so is its
// gradient. No gradient flows to the weights.
// logits [n, classes], labels [n] i32.
Variable cross_entropy(const Variable& logits, const Tensor& labels, const Tensor& weights = {});
// logits and targets of one shape with n elements, targets in [0, 1] and of the logits' type.
Variable binary_cross_entropy(const Variable& logits, const Tensor& targets, const Tensor& weights = {});

// table [rows, n], ids of any shape, i32 -> [ids.., n]. Row `padding` gets no gradient (-1: there is none).
// An id of -1 gives zeros. Errors: an id that is no row.
Variable embedding(const Variable& table, const Tensor& ids, int64_t padding = -1);
// Each element is zeroed with probability p, the others divided by 1 - p; the mask comes from `rng`, which
// moves on.
Variable dropout(const Variable& x, double p, Rng& rng);

Variable reshape(const Variable& x, const Shape& shape);
Variable permute(const Variable& x, std::vector<int> axes);  // result axis i is x's axis axes[i]
Variable transpose(const Variable& x, int axis1 = -2, int axis2 = -1);
Variable slice(const Variable& x, int axis, int64_t begin, int64_t end);
Variable concat(const std::vector<Variable>& parts, int axis);

struct LstmResult {
  Variable y;         // [total, directions * hidden], packed like x
  Variable h_n, c_n;  // [layers * directions, batch, hidden]
};
// A stack of LSTM layers (Hochreiter and Schmidhuber, 1997, with forget gates) over packed sequences. x
// [total, input]; h0, c0 [layers * directions, batch, hidden] or undefined for zeros; weights four a cell as
// LstmForward says.
// With `index` [total] i32, packed row i reads row index[i] of x: rows that come often are multiplied once.
// Sequences that share a beginning (core/packing.h) are computed once there, if there is one direction and no
// h0; y has one row for all of them then.
LstmResult lstm(const Variable& x, const PackingPtr& packing, const std::vector<Variable>& weights,
                const LstmConfig& config, const Variable& h0 = {}, const Variable& c0 = {},
                const Tensor& index = {});

// Padded [batch, time, n] to packed [total, n] and back; padding becomes zeros. Rows are sorted longest
// first.
Variable pack(const Variable& padded, const PackingPtr& packing);
Variable unpack(const Variable& packed, const PackingPtr& packing, int64_t time);
// Packed [total, n] -> [batch, n]: the mean of each sequence's own steps, whatever the length of the others.
Variable mean_over_time(const Variable& packed, const PackingPtr& packing);

}  // namespace octet
