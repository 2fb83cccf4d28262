// The LSTM of the CPU, a stack of layers: for each, one product for the input's share of all gates of all
// time steps, a recurrence over the rows that are alive (lstm_cell.h), and one product a weight for its
// gradient. Directions and groups of rows run side by side; the groups depend on sizes alone.

#include "core/cpu/backend.h"
#include "core/cpu/lstm_layer.h"
#include "core/error.h"

namespace octet::cpu {
namespace {

template <class T>
Reserve<T> reserve_of(const LstmConfig& config, const Packing& packing, void* bytes) {
  return {static_cast<T*>(bytes), layer_of<T>(config, packing, 0), config.cells()};
}

template <class T>
void forward(const LstmForward& a) {
  const int64_t layers = a.config.layers;
  if (a.index.defined())
    for (const int32_t row : a.index.span<int32_t>())
      require(row >= 0 && row < a.x.size(0), ErrorKind::Data, "lstm: index ", row, " is not a row of ",
              a.x.shape());
  const auto reserve = reserve_of<T>(a.config, *a.packing, a.reserve.defined() ? a.reserve.raw() : nullptr);
  // Without a reserve the outputs between layers live only until the next layer is done.
  std::vector<Tensor> between;
  const T* x = a.x.data<T>();
  for (int64_t index = 0; index < layers; ++index) {
    T* y = a.y.data<T>();
    if (index + 1 < layers) y = reserve.base ? reserve.y(index) : workspace<T>(between, reserve.y_size());
    forward_layer(a, layer_of<T>(a.config, *a.packing, index, a.x, a.index), index, x, y,
                  reserve.base ? &reserve : nullptr);
    if (between.size() > 1) between.erase(between.begin());
    x = y;
  }
}

template <class T>
void backward(const LstmBackward& a) {
  const int64_t layers = a.config.layers;
  const auto reserve = reserve_of<T>(a.config, *a.packing, a.reserve.raw());
  const T* dy = a.dy.defined() ? a.dy.data<T>() : nullptr;
  Tensor between;  // the gradient of the output of the layer below
  for (int64_t index = layers - 1; index >= 0; --index) {
    const Layer layer = layer_of<T>(a.config, *a.packing, index, a.x, a.index);
    const Tensor above = between;
    T* dx = nullptr;
    if (index > 0) {
      between = Tensor::empty({layer.total, layer.input}, dtype_of<T>, Device::cpu(), MemoryTag::Workspace);
      dx = between.data<T>();
    } else if (a.dx.defined()) {
      dx = a.dx.data<T>();
    }
    const T* x = index == 0 ? a.x.data<T>() : reserve.y(index - 1);
    const T* y = index + 1 == layers ? a.y.data<T>() : reserve.y(index);
    backward_layer(a, layer, index, x, y, dy, dx, reserve);
    dy = dx;
  }
}

}  // namespace

RecurrentKernels recurrent_kernels() {
  return {.lstm_reserve =
              [](Device, const LstmConfig& config, const Packing& packing, DType dtype) {
                return with_float_type(dtype, "lstm", [&](auto zero) {
                  return reserve_of<decltype(zero)>(config, packing, nullptr).size(config.layers) *
                         size_of(dtype);
                });
              },
          .lstm_forward =
              [](const LstmForward& args) {
                with_float_type(args.x.dtype(), "lstm", [&](auto zero) { forward<decltype(zero)>(args); });
              },
          .lstm_backward =
              [](const LstmBackward& args) {
                with_float_type(args.x.dtype(), "lstm", [&](auto zero) { backward<decltype(zero)>(args); });
              }};
}

}  // namespace octet::cpu
