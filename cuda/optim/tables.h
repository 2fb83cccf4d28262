// The code books as kernels use them.
#pragma once

#include "cuda/context.h"
#include "optim/code_cells.h"
#include "optim/dither_pieces.h"

namespace octet::cuda {

template <optim::Map kMap>
struct CodecTables {
  static constexpr int kValues = kMap == optim::Map::Dynamic4 ? 16 : 256;
  alignas(16) float value[2][kValues];  // by book and code
  optim::CodeCells<optim::Book::Signed, kMap> signed_cells;
  optim::CodeCells<optim::Book::Unsigned, kMap> unsigned_cells;
  optim::DitherPieces pieces[2];  // by book
};

// In the memory of the context's device; copied there at the first call.
template <optim::Map kMap>
const CodecTables<kMap>* codec_tables(const Context& c);

}  // namespace octet::cuda
