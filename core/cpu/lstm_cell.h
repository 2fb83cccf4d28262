// The vectorised inner part of the LSTM: one time step of one cell for a range of rows. Chosen at run time by
// CPU level; `lanes` elements make a vector there.
//
// Gates are kept interleaved: units go in blocks of `lanes`, and a row of gates holds block after block, in
// each the input, forget, cell and output gates of its units side by side. So one tile of the recurrent
// product ends with all four gates of the same units in registers, and the state is updated without a trip
// through memory. Hidden sizes are rounded up to whole blocks (`padded`); padded units have zero weights and
// stay zero.
#pragma once

#include <cstdint>

namespace octet::cpu {

// Rows of all operands but weights and bias may lie `every` rows apart: row i is there the row i * every.
template <class T>
struct CellForward {
  int64_t rows, every, hidden, padded;
  const T* weights;   // [padded / lanes][hidden][4 * lanes]: the recurrent weights, slab after slab
  const T* bias;      // [4 * padded], both biases added
  const T* h_before;  // rows of h_stride elements, or null for zeros
  int64_t h_stride;
  const T* c_before;     // [rows, padded], or null for zeros
  const T* input;        // rows of 4 * padded: the input's share of the gates
  const int32_t* index;  // which row of `input`; null: that row (and then `gates` may be the same bytes)
  T* gates;   // [rows, 4 * padded]: the gates after their functions; null when there will be no backward
  T* c;       // [rows, padded]
  T* tanh_c;  // [rows, padded], or null like `gates`
  T* h;       // rows of h_stride elements
};

template <class T>
struct CellBackward {
  int64_t rows, every, hidden, padded;
  const T* weights;  // [4 * padded][padded]: the recurrent weights, gate rows interleaved
  const T* dy;       // rows of dy_stride elements, or null
  int64_t dy_stride;
  const T* c_before;  // [rows, padded], or null for zeros
  const T* tanh_c;    // [rows, padded]
  T* gates;           // [rows, 4 * padded]: in, the gates; out, their gradients before the functions
  T* dh;              // [rows, padded]: in, what flows from the later step; out, to the earlier
  T* dc;              // [rows, padded]: likewise
};

template <class T>
int64_t cell_lanes();
void cell_forward(const CellForward<float>& args);
void cell_forward(const CellForward<double>& args);
void cell_backward(const CellBackward<float>& args);
void cell_backward(const CellBackward<double>& args);

}  // namespace octet::cpu
