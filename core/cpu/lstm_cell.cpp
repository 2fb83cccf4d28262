#include "core/cpu/lstm_cell.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/lstm_cell.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first: it includes this file once a target.
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace octet::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows of a tile: four accumulators each, as many as the registers hold.
constexpr int kTileRows = HWY_TARGET <= HWY_AVX3 ? 6 : 3;

// float32: x P(x^2) / Q(x^2) on [-7.9, 7.9], the rational approximation that Eigen uses (a few ulp); beyond,
// tanh is 1. float64: Highway's, which is accurate to 1 to 4 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V CellTanh(D d, V x) {
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    return hn::Tanh(d, x);
  } else {
    x = hn::Max(hn::Set(d, -7.90531110763549805f), hn::Min(hn::Set(d, 7.90531110763549805f), x));
    const V s = hn::Mul(x, x);
    V p = hn::Set(d, -2.76076847742355e-16f);
    p = hn::MulAdd(p, s, hn::Set(d, 2.00018790482477e-13f));
    p = hn::MulAdd(p, s, hn::Set(d, -8.60467152213735e-11f));
    p = hn::MulAdd(p, s, hn::Set(d, 5.12229709037114e-08f));
    p = hn::MulAdd(p, s, hn::Set(d, 1.48572235717979e-05f));
    p = hn::MulAdd(p, s, hn::Set(d, 6.37261928875436e-04f));
    p = hn::MulAdd(p, s, hn::Set(d, 4.89352455891786e-03f));
    V q = hn::Set(d, 1.19825839466702e-06f);
    q = hn::MulAdd(q, s, hn::Set(d, 1.18534705686654e-04f));
    q = hn::MulAdd(q, s, hn::Set(d, 2.26843463243900e-03f));
    q = hn::MulAdd(q, s, hn::Set(d, 4.89352518554385e-03f));
    return hn::Div(hn::Mul(x, p), q);
  }
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V CellSigmoid(D d, V x) {
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    const V one = hn::Set(d, 1.0);
    return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(x))));
  } else {
    const V half = hn::Set(d, 0.5f);
    return hn::MulAdd(half, CellTanh(d, hn::Mul(half, x)), half);
  }
}

// Stores the first `count` lanes, all of them if count is at least a vector.
template <class D, class V = hn::Vec<D>, class T = hn::TFromD<D>>
HWY_INLINE void StoreSome(D d, V v, T* to, int64_t count) {
  if (count >= static_cast<int64_t>(hn::Lanes(d))) {
    hn::StoreU(v, d, to);
  } else {
    HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)];
    hn::Store(v, d, lanes);
    for (int64_t i = 0; i < count; ++i) to[i] = lanes[i];
  }
}

template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> LoadSome(D d, const T* from, int64_t count) {
  if (count >= static_cast<int64_t>(hn::Lanes(d))) return hn::LoadU(d, from);
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)] = {};
  for (int64_t i = 0; i < count; ++i) lanes[i] = from[i];
  return hn::Load(d, lanes);
}

// Rows [row, row + R) and one block of units.
template <int R, class D, class T = hn::TFromD<D>>
HWY_INLINE void ForwardTile(D d, const CellForward<T>& a, int64_t block, int64_t row) {
  using V = hn::Vec<D>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t unit = block * lanes, width = 4 * a.padded, h_stride = a.h_stride * a.every;
  V acc[R][4];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    const int64_t at = (row + r) * a.every;
    const T* input = a.input + (a.index ? a.index[at] : at) * width + 4 * unit;
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q)
      acc[r][q] = hn::Add(hn::LoadU(d, input + q * lanes), hn::LoadU(d, a.bias + 4 * unit + q * lanes));
  }
  if (a.h_before) {
    const T* w = a.weights + unit * 4 * a.hidden;
    const T* h = a.h_before + row * h_stride;
    for (int64_t k = 0; k < a.hidden; ++k, w += 4 * lanes) {
      const V w0 = hn::LoadU(d, w), w1 = hn::LoadU(d, w + lanes), w2 = hn::LoadU(d, w + 2 * lanes),
              w3 = hn::LoadU(d, w + 3 * lanes);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const V x = hn::Set(d, h[r * h_stride + k]);
        acc[r][0] = hn::MulAdd(x, w0, acc[r][0]);
        acc[r][1] = hn::MulAdd(x, w1, acc[r][1]);
        acc[r][2] = hn::MulAdd(x, w2, acc[r][2]);
        acc[r][3] = hn::MulAdd(x, w3, acc[r][3]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    const V i = CellSigmoid(d, acc[r][0]), f = CellSigmoid(d, acc[r][1]), g = CellTanh(d, acc[r][2]),
            o = CellSigmoid(d, acc[r][3]);
    V c = hn::Mul(i, g);
    const int64_t to = (row + r) * a.every, at = to * a.padded + unit;
    if (a.c_before) c = hn::MulAdd(f, hn::LoadU(d, a.c_before + at), c);
    const V t = CellTanh(d, c);
    hn::StoreU(c, d, a.c + at);
    StoreSome(d, hn::Mul(o, t), a.h + to * a.h_stride + unit, a.hidden - unit);
    if (a.gates) {  // training: backward needs them
      hn::StoreU(t, d, a.tanh_c + at);
      T* out = a.gates + to * width + 4 * unit;
      hn::StoreU(i, d, out);
      hn::StoreU(f, d, out + lanes);
      hn::StoreU(g, d, out + 2 * lanes);
      hn::StoreU(o, d, out + 3 * lanes);
    }
  }
}

// Calls tile<R>(row) over all rows: whole tiles, then one smaller tile.
template <int R, class Tile>
HWY_INLINE void LastTile(int64_t left, int64_t row, const Tile& tile) {
  if constexpr (R > 0) {
    if (left == R) {
      tile.template operator()<R>(row);
    } else {
      LastTile<R - 1>(left, row, tile);
    }
  }
}

template <class T>
HWY_INLINE void Forward(const CellForward<T>& a) {
  const hn::ScalableTag<T> d;
  const int64_t blocks = a.padded / static_cast<int64_t>(hn::Lanes(d));
  // Blocks outside: the slab of weights of one block stays in the first-level cache for all rows.
  for (int64_t block = 0; block < blocks; ++block) {
    int64_t row = 0;
    for (; row + kTileRows <= a.rows; row += kTileRows) ForwardTile<kTileRows>(d, a, block, row);
    const auto tile = [&]<int R>(int64_t at) HWY_ATTR { ForwardTile<R>(d, a, block, at); };
    LastTile<kTileRows - 1>(a.rows - row, row, tile);
  }
}

// The gradients of the gates of one row, from dh and dc.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void GateGradients(D d, const CellBackward<T>& a, int64_t index) {
  using V = hn::Vec<D>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const V one = hn::Set(d, T(1));
  const int64_t row = index * a.every;
  for (int64_t unit = 0; unit < a.padded; unit += lanes) {
    const int64_t at = row * a.padded + unit;
    T* gates = a.gates + row * 4 * a.padded + 4 * unit;
    const V i = hn::LoadU(d, gates), f = hn::LoadU(d, gates + lanes), g = hn::LoadU(d, gates + 2 * lanes),
            o = hn::LoadU(d, gates + 3 * lanes), t = hn::LoadU(d, a.tanh_c + at);
    V dh = hn::LoadU(d, a.dh + at);
    if (a.dy) dh = hn::Add(dh, LoadSome(d, a.dy + row * a.dy_stride + unit, a.hidden - unit));
    const V through_o = hn::Mul(dh, o);
    const V dc = hn::MulAdd(through_o, hn::NegMulAdd(t, t, one), hn::LoadU(d, a.dc + at));
    const V c = a.c_before ? hn::LoadU(d, a.c_before + at) : hn::Zero(d);
    hn::StoreU(hn::Mul(hn::Mul(dc, g), hn::Mul(i, hn::Sub(one, i))), d, gates);
    hn::StoreU(hn::Mul(hn::Mul(dc, c), hn::Mul(f, hn::Sub(one, f))), d, gates + lanes);
    hn::StoreU(hn::Mul(hn::Mul(dc, i), hn::NegMulAdd(g, g, one)), d, gates + 2 * lanes);
    hn::StoreU(hn::Mul(hn::Mul(dh, t), hn::Mul(o, hn::Sub(one, o))), d, gates + 3 * lanes);
    hn::StoreU(hn::Mul(dc, f), d, a.dc + at);
  }
}

// dh = gate gradients x recurrent weights, for R rows and N vectors of units.
template <int R, int N, class D, class T = hn::TFromD<D>>
HWY_INLINE void ProductTile(D d, const CellBackward<T>& a, int64_t row, int64_t unit) {
  using V = hn::Vec<D>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t width = 4 * a.padded, stride = width * a.every;
  const T* gates = a.gates + row * stride;
  const T* w = a.weights + unit;
  V acc[R][N];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) acc[r][n] = hn::Zero(d);
  for (int64_t k = 0; k < width; ++k, w += a.padded) {
    V x[N];
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) x[n] = hn::LoadU(d, w + n * lanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const V g = hn::Set(d, gates[r * stride + k]);
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) acc[r][n] = hn::MulAdd(g, x[n], acc[r][n]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n)
      hn::StoreU(acc[r][n], d, a.dh + (row + r) * a.every * a.padded + unit + n * lanes);
}

template <int R, class D, class T = hn::TFromD<D>>
HWY_INLINE void BackwardTile(D d, const CellBackward<T>& a, int64_t row) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int r = 0; r < R; ++r) GateGradients(d, a, row + r);
  int64_t unit = 0;
  for (; unit + 4 * lanes <= a.padded; unit += 4 * lanes) ProductTile<R, 4>(d, a, row, unit);
  for (; unit < a.padded; unit += lanes) ProductTile<R, 1>(d, a, row, unit);
}

template <class T>
HWY_INLINE void Backward(const CellBackward<T>& a) {
  const hn::ScalableTag<T> d;
  int64_t row = 0;
  for (; row + kTileRows <= a.rows; row += kTileRows) BackwardTile<kTileRows>(d, a, row);
  const auto tile = [&]<int R>(int64_t at) HWY_ATTR { BackwardTile<R>(d, a, at); };
  LastTile<kTileRows - 1>(a.rows - row, row, tile);
}

int64_t LanesF32() { return static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>())); }
int64_t LanesF64() { return static_cast<int64_t>(hn::Lanes(hn::ScalableTag<double>())); }
void ForwardF32(const CellForward<float>& a) { Forward(a); }
void ForwardF64(const CellForward<double>& a) { Forward(a); }
void BackwardF32(const CellBackward<float>& a) { Backward(a); }
void BackwardF64(const CellBackward<double>& a) { Backward(a); }

}  // namespace octet::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace octet::cpu {

HWY_EXPORT(LanesF32);
HWY_EXPORT(LanesF64);
HWY_EXPORT(ForwardF32);
HWY_EXPORT(ForwardF64);
HWY_EXPORT(BackwardF32);
HWY_EXPORT(BackwardF64);

template <>
int64_t cell_lanes<float>() {
  return HWY_DYNAMIC_DISPATCH(LanesF32)();
}
template <>
int64_t cell_lanes<double>() {
  return HWY_DYNAMIC_DISPATCH(LanesF64)();
}
void cell_forward(const CellForward<float>& args) { HWY_DYNAMIC_DISPATCH(ForwardF32)(args); }
void cell_forward(const CellForward<double>& args) { HWY_DYNAMIC_DISPATCH(ForwardF64)(args); }
void cell_backward(const CellBackward<float>& args) { HWY_DYNAMIC_DISPATCH(BackwardF32)(args); }
void cell_backward(const CellBackward<double>& args) { HWY_DYNAMIC_DISPATCH(BackwardF64)(args); }

}  // namespace octet::cpu
#endif
