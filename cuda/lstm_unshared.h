// Sequences that share a beginning (core/packing.h), for LSTMs that know of none: they run with all steps of
// all sequences. A GPU takes as long for a batch as for one row, so that costs memory and little time.
#pragma once

#include "core/kernels.h"

namespace octet::cuda {

// The same sequences with all their steps.
PackingPtr unshared(const Packing& packing);

// Bytes of the reserve, `inner` of which the LSTM that runs needs for all steps.
int64_t unshared_reserve(int64_t inner, const LstmConfig& config, const Packing& packing, DType dtype);

// `args` are those of the LSTM that runs; finish() brings its results into the shape of the packing.
class UnsharedForward {
 public:
  UnsharedForward(const LstmForward& shared, int64_t inner);
  void finish() const;
  LstmForward args;

 private:
  Tensor y_;       // of the packed rows
  Tensor row_of_;  // [packed rows]: for each one of all rows
};
class UnsharedBackward {
 public:
  UnsharedBackward(const LstmBackward& shared, int64_t inner);
  void finish() const;
  LstmBackward args;

 private:
  Tensor dx_, index_;
  Tensor packed_row_;  // [all rows]
  int64_t total_;      // packed rows
};

}  // namespace octet::cuda
