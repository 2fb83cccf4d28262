// The recurrence of an LSTM layer: one launch takes all sequences through all their steps, in both
// directions. In fp32. A block holds the recurrent weights of its direction on chip.
#pragma once

#include <cstdint>

#include "cuda/context.h"

namespace octet::cuda {

// Whether the recurrent weights of a layer of so many units fit on chip.
bool cell_fits(const Context& c, int64_t hidden);

// A Packing on the device.
struct Sequences {
  int64_t batch;
  const int64_t* offsets;  // [steps + 1], the first packed row of each step
  const int64_t* lengths;  // [batch]
};

// A direction of a layer. Gate rows in PyTorch's order; w_hh: [4H, H], states: [batch, H]; null: no such
// state, or a gradient that does not exist or is not wanted.
struct CellForward {
  const float *w_hh, *b_hh;
  const float* input;  // [rows, 4H]: w_ih x + b_ih, may be `gates`
  const float *h0, *c0;
  float *h_n, *c_n;
  float *gates, *c;  // left for the backward pass: [total, 4H], [total, H]; null for inference
};
struct LayerForward {
  Sequences sequences;
  int hidden, directions;
  const int32_t* index;  // [total]: which row of `input` a packed row reads; null: its own
  int64_t rows;          // of input
  Fault* fault;
  float* y;  // [total, directions * H]
  CellForward cells[2];
};
void recur_forward(const Context& c, const LayerForward& layer);

struct CellBackward {
  const float* w_hh;
  const float *h0, *c0;
  const float *dh_n, *dc_n;
  float *dh0, *dc0;
  float* gates;  // [total, 4H]; become the gradients of what the gates' activations were applied to
  const float* c;
  float* h_before;  // [total, H]: the output of the step before, for the gradient of w_hh
};
struct LayerBackward {
  Sequences sequences;
  int hidden, directions;
  const float *y, *dy;  // [total, directions * H]; dy may be null
  CellBackward cells[2];
};
void recur_backward(const Context& c, const LayerBackward& layer);

}  // namespace octet::cuda
