// The code books as kernels use them.
#pragma once

#include "cuda/context.h"
#include "optim/code_cells.h"

namespace octet::cuda {

struct CodecTables {
  alignas(16) float value[2][256];  // by book and code
  optim::CodeCells<optim::Book::Signed> signed_cells;
  optim::CodeCells<optim::Book::Unsigned> unsigned_cells;
};

// In the memory of the context's device; copied there at the first call.
const CodecTables* codec_tables(const Context& c);

}  // namespace octet::cuda
