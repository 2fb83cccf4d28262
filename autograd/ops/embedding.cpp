// Rows taken from a table: embeddings, packing and unpacking of sequences, which are the same thing, and the
// other way round, rows that are added up.

#include "autograd/functions.h"
#include "autograd/graph.h"
#include "core/backend.h"

namespace octet {
namespace {

struct Rows {
  Tensor ids;       // [n]
  int64_t padding;  // row without a gradient, or -1
  Shape result;
  Tensor table = {};  // its shape and type are needed, its values are not

  Tensor forward(const Tensor& t) {
    table = t;
    Tensor y =
        Tensor::empty({ids.numel(), t.cols()}, computed_as(t.dtype()), t.device(), MemoryTag::Activations);
    kernels(t).embedding.forward(t, ids, y);
    return y.reshape(result);
  }
  Tensor backward(const Tensor& dy, const Wanted& wanted) const {
    Tensor dtable = wanted.like(0, table);
    kernels(dy).embedding.backward(ids, dy.reshape({ids.numel(), table.cols()}), padding, dtable);
    return dtable;
  }
};

// The transpose of Rows: row i of x is added to row ids[i] of the result, so the kernels change places.
struct SumRows {
  Tensor ids;  // [n]
  int64_t rows;

  Tensor forward(const Tensor& x) const {
    Tensor y = Tensor::like(x, {rows, x.cols()}, MemoryTag::Activations);
    kernels(x).embedding.backward(ids, x, -1, y);
    return y;
  }
  Tensor backward(const Tensor& dy, const Wanted& wanted) const {
    Tensor dx = wanted.like(0, dy, {ids.numel(), dy.cols()});
    kernels(dy).embedding.forward(dy, ids, dx);
    return dx;
  }
};

Tensor positions(const std::vector<int32_t>& index, Device device) {
  return Tensor::from(index, {static_cast<int64_t>(index.size())}, device, MemoryTag::Workspace);
}

}  // namespace

Variable embedding(const Variable& table, const Tensor& ids, int64_t padding) {
  require(table.shape().rank() == 2 && ids.dtype() == DType::I32,
          "embedding: needs a table [rows, n] and i32 ids, got ", table.shape(), " and ids of ", ids.dtype());
  require(padding >= -1 && padding < table.size(0), "embedding: padding row ", padding, " is not in ",
          table.shape());
  std::vector<int64_t> sizes(ids.shape().sizes().begin(), ids.shape().sizes().end());
  sizes.push_back(table.size(1));
  return record(Rows{ids.reshape({ids.numel()}), padding, Shape(sizes)}, table);
}

Variable pack(const Variable& padded, const PackingPtr& packing) {
  require(
      padded.shape().rank() == 3 && padded.size(0) == packing->batch() && padded.size(1) >= packing->steps(),
      "pack: ", padded.shape(), " (batch, time, n) does not fit ", packing->batch(), " sequences of up to ",
      packing->steps(), " steps");
  require(packing->shared == 0,
          "pack: padded rows are as many inputs as they are rows, they cannot share a beginning");
  std::vector<int32_t> index;
  const int64_t time = padded.size(1), n = padded.size(2);
  for (int64_t step = 0; step < packing->steps(); ++step)
    for (int64_t row = 0; row < packing->batch_sizes[static_cast<size_t>(step)]; ++row)
      index.push_back(static_cast<int32_t>(row * time + step));
  const Variable flat = reshape(padded, {packing->batch() * time, n});
  return record(Rows{positions(index, padded.device()), -1, {packing->total(), n}}, flat);
}

Variable unpack(const Variable& packed, const PackingPtr& packing, int64_t time) {
  require(packed.shape().rank() == 2 && packed.size(0) == packing->total() && time >= packing->steps(),
          "unpack: ", packed.shape(), " (total, n) does not fit ", packing->total(), " packed rows, or ",
          time, " steps are fewer than ", packing->steps());
  std::vector<int32_t> index;
  for (int64_t row = 0; row < packing->batch(); ++row)
    for (int64_t step = 0; step < time; ++step)
      index.push_back(step < packing->lengths[static_cast<size_t>(row)]
                          ? static_cast<int32_t>(packing->at(row, step))
                          : -1);
  return record(Rows{positions(index, packed.device()), -1, {packing->batch(), time, packed.size(1)}},
                packed);
}

Variable mean_over_time(const Variable& packed, const PackingPtr& packing) {
  require(packed.shape().rank() == 2 && packed.size(0) == packing->total(),
          "mean_over_time: ", packed.shape(), " (total, n) does not fit ", packing->total(), " packed rows");
  std::vector<int32_t> sequences;
  for (const int64_t alive : packing->batch_sizes)
    for (int64_t row = 0; row < alive; ++row) sequences.push_back(static_cast<int32_t>(row));
  std::vector<double> shares;
  for (const int64_t length : packing->lengths) shares.push_back(1 / static_cast<double>(length));
  const Variable sums = record(SumRows{positions(sequences, packed.device()), packing->batch()}, packed);
  const Tensor scale = Tensor::from(shares, {packing->batch(), 1}).to(packed.dtype(), MemoryTag::Workspace);
  return sums * Variable(scale.to(packed.device(), MemoryTag::Workspace));
}

}  // namespace octet
