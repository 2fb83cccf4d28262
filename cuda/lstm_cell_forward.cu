#include "cuda/fault.cuh"
#include "cuda/lstm_cell.cuh"

namespace octet::cuda {
namespace {

template <int kMostThreads>
struct ForwardShared {
  float inputs[kAhead][kMostThreads];
  alignas(16) float h[2][kMostThreads / kGates];  // of the step before, and of this one
};
static_assert(sizeof(ForwardShared<threads_for(kMostTiles)>) <= kFixedShared);

template <int kHeld, bool kMore>
__global__ void __launch_bounds__(most_threads(kHeld, kMore), kMore ? 1 : 2)
    forward_kernel(const __grid_constant__ LayerForward a) {
  extern __shared__ float4 more[];
  __shared__ ForwardShared<most_threads(kHeld, kMore)> shared;
  const Place p(a);
  const CellForward& cell = a.cells[p.direction];
  // A piece: the four gates of the unit by four columns, of which the quad's next thread has the next four.
  const Pieces<kHeld, kMore> weights(p.hidden, more, [&](int tile, float4(&piece)[4]) {
#pragma unroll
    for (int gate = 0; gate < kGates; ++gate)
      piece[gate] =
          p.active ? four_columns(cell.w_hh, gate * p.hidden + p.unit, tile * kTile + p.gate * 4, p.hidden)
                   : float4{};
  });
  const float bias = p.active ? cell.b_hh[p.column] : 0;
  float h = p.initial(cell.h0), c = p.initial(cell.c0);
  for (int unit = p.thread; unit < most_threads(kHeld, kMore) / kGates; unit += static_cast<int>(blockDim.x))
    shared.h[0][unit] = shared.h[1][unit] = 0;
  __syncthreads();
  if (p.active && p.gate == 0) shared.h[0][p.unit] = h;
  __syncthreads();

  // Where an input stands is loaded a step before it is, and used no sooner.
  int64_t offset = p.offset(0), next_offset = p.offset(1);
  int row = a.index ? a.index[offset + p.sequence] : 0;
  const auto fetch = [&](int step) {
    if (p.active && step < p.steps) {
      const int64_t packed = offset + p.sequence;
      const int64_t from = a.index ? checked(a.fault, Fault::EmbeddingId, row, 0, a.rows, packed, 0) : packed;
      __pipeline_memcpy_async(&shared.inputs[step % kAhead][p.thread],
                              cell.input + from * kGates * p.hidden + p.column, sizeof(float));
    }
    __pipeline_commit();
    offset = next_offset;
    if (a.index) row = a.index[offset + p.sequence];
    next_offset = p.offset(step + 2);
  };
  for (int step = 0; step < kAhead; ++step) fetch(step);

  for (int step = 0; step < p.steps; ++step) {
    const int64_t packed = p.offset(step) + p.sequence;
    __pipeline_wait_prior(kAhead - 1);
    const float input = arrived(shared.inputs[step % kAhead][p.thread]) + bias;
    fetch(step + kAhead);
    float sums[4];
    weights.template multiply<kTile / 4>(reinterpret_cast<const float4*>(shared.h[step % 2]) + p.gate, sums);
    const float mine = activation(deal_sums(sums, threadIdx.x, 2, 1) + input, p.gate == 2);
    c = of_quad(mine, 1) * c + of_quad(mine, 0) * of_quad(mine, 2);
    h = of_quad(mine, 3) * activation(c, true);
    if (p.active) {
      if (p.gate == 0) {
        shared.h[(step + 1) % 2][p.unit] = h;
        a.y[packed * p.width + p.at] = h;
      }
      if (cell.gates) {
        cell.gates[packed * kGates * p.hidden + p.column] = mine;
        if (p.gate == 1) cell.c[packed * p.hidden + p.unit] = c;
      }
    }
    __syncthreads();
  }
  if (p.active && p.gate == 0) cell.h_n[p.state] = h;
  if (p.active && p.gate == 1) cell.c_n[p.state] = c;
}

}  // namespace

bool cell_fits(const Context& c, int64_t hidden) {
  if (hidden <= kHeldTiles * kTile) return true;
  if (hidden > kMostTiles * kTile) return false;
  int bytes = 0;
  check(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, c.device));
  return more_of(hidden) + static_cast<int64_t>(kFixedShared) <= bytes;
}

void recur_forward(const Context& c, const LayerForward& layer) {
  launch(c, layer, forward_kernel<kHeldTiles / 2, false>, forward_kernel<kHeldTiles, false>,
         forward_kernel<kHeldTiles, true>);
}

}  // namespace octet::cuda
