#include "cuda/lstm_cell.cuh"

namespace octet::cuda {
namespace {

template <int kMostThreads>
struct BackwardShared {
  float gates[kAhead][kMostThreads], others[kAhead][kMostThreads];
  alignas(16) float dgates[2][kMostThreads];  // a unit's four together; of the step before, and of this one
};
static_assert(sizeof(BackwardShared<threads_for(kMostTiles)>) <= kFixedShared);

// What of a step does not depend on the steps behind it.
struct Slopes {
  float dy;
  float c_by_h;  // dc / dh of the step
  float mine;    // of the thread's gate, by h for the output gate, else by c
  float forget;  // c by the c before
  float other;   // what the thread itself has fetched: the output of the step before in thread 2 of a quad
  int64_t offset;
};

template <int kHeld, bool kMore>
__global__ void __launch_bounds__(most_threads(kHeld, kMore), kMore ? 1 : 2)
    backward_kernel(const __grid_constant__ LayerBackward a) {
  extern __shared__ float4 more[];
  __shared__ BackwardShared<most_threads(kHeld, kMore)> shared;
  const Place p(a);
  const CellBackward& cell = a.cells[p.direction];
  // A piece: four units, those of the thread's 16 neighbours, by the four gates of one unit of the tile.
  const Pieces<kHeld, kMore> weights(p.hidden, more, [&](int tile, float4(&piece)[4]) {
    const int unit = tile * kTile + p.thread % kTile, first = p.thread / kTile * 4;
    float4 rows[kGates];
#pragma unroll
    for (int gate = 0; gate < kGates; ++gate)
      rows[gate] =
          unit < p.hidden ? four_columns(cell.w_hh, gate * p.hidden + unit, first, p.hidden) : float4{};
    piece[0] = {rows[0].x, rows[1].x, rows[2].x, rows[3].x};
    piece[1] = {rows[0].y, rows[1].y, rows[2].y, rows[3].y};
    piece[2] = {rows[0].z, rows[1].z, rows[2].z, rows[3].z};
    piece[3] = {rows[0].w, rows[1].w, rows[2].w, rows[3].w};
  });
  for (int i = p.thread; i < most_threads(kHeld, kMore); i += static_cast<int>(blockDim.x))
    shared.dgates[0][i] = shared.dgates[1][i] = 0;
  __syncthreads();

  // Besides its gate a thread fetches, by its place in the quad: dy, c of the step before, y of the step
  // before.
  const float *others = nullptr, *first = nullptr;  // first: in place of a step before the first
  if (p.gate == 0 && a.dy) others = a.dy + p.at;
  if (p.gate == 1) others = cell.c + p.unit, first = cell.c0 ? cell.c0 + p.state : nullptr;
  if (p.gate == 2 && cell.h_before) others = a.y + p.at, first = cell.h0 ? cell.h0 + p.state : nullptr;
  const int stride = p.gate == 1 ? p.hidden : p.width;
  int64_t here = p.offset(p.steps - 1), before = p.offset(p.steps - 2);
  const auto fetch = [&](int step) {
    if (p.active && step >= 0) {
      const int slot = step % kAhead;
      __pipeline_memcpy_async(&shared.gates[slot][p.thread],
                              cell.gates + (here + p.sequence) * kGates * p.hidden + p.column, sizeof(float));
      const float* other = others ? others + ((p.gate == 0 ? here : before) + p.sequence) * stride : nullptr;
      if (step == 0 && p.gate != 0) other = first;
      if (other) {
        __pipeline_memcpy_async(&shared.others[slot][p.thread], other, sizeof(float));
      } else {
        shared.others[slot][p.thread] = 0;
      }
    }
    __pipeline_commit();
    here = before;
    before = p.offset(step - 2);
  };
  float c = p.active ? cell.c[(here + p.sequence) * p.hidden + p.unit] : 0;
  for (int ahead = 0; ahead < kAhead; ++ahead) fetch(p.steps - 1 - ahead);

  const auto slopes = [&](int step) {
    Slopes s;
    s.offset = p.offset(step);
    __pipeline_wait_prior(kAhead - 1);
    const float mine = arrived(shared.gates[step % kAhead][p.thread]);
    s.other = arrived(shared.others[step % kAhead][p.thread]);
    fetch(step - kAhead);
    const float in = of_quad(mine, 0), update = of_quad(mine, 2), out = of_quad(mine, 3);
    s.forget = of_quad(mine, 1);
    s.dy = of_quad(s.other, 0);
    const float c_before = of_quad(s.other, 1), tanh_c = activation(c, true);
    s.c_by_h = out * (1 - tanh_c * tanh_c);
    const float partner = p.gate == 0 ? update : p.gate == 1 ? c_before : p.gate == 2 ? in : tanh_c;
    s.mine = partner * (p.gate == 2 ? 1 - mine * mine : mine * (1 - mine));
    c = c_before;
    return s;
  };
  float dh = p.initial(cell.dh_n), dc = p.initial(cell.dc_n);
  Slopes s = slopes(p.steps - 1);
  for (int step = p.steps - 1; step >= 0; --step) {
    dh += s.dy;
    dc += dh * s.c_by_h;
    const float mine = (p.gate == 3 ? dh : dc) * s.mine;
    dc *= s.forget;
    float* const dgates = shared.dgates[step % 2];
    if (p.active) {
      const int64_t packed = s.offset + p.sequence;
      dgates[p.thread] = mine;
      cell.gates[packed * kGates * p.hidden + p.column] = mine;
      if (p.gate == 2 && cell.h_before) cell.h_before[packed * p.hidden + p.unit] = s.other;
    }
    __syncthreads();
    if (step > 0) s = slopes(step - 1);
    float sums[4];
    weights.template multiply<kTile>(reinterpret_cast<const float4*>(dgates) + p.thread % kTile, sums);
    dh = deal_sums(sums, threadIdx.x, 8, 4);
    dh += __shfl_xor_sync(kAllLanes, dh, 2);
    dh += __shfl_xor_sync(kAllLanes, dh, 1);
  }
  if (p.active && p.gate == 0 && cell.dh0) cell.dh0[p.state] = dh;
  if (p.active && p.gate == 1 && cell.dc0) cell.dc0[p.state] = dc;
}

}  // namespace

void recur_backward(const Context& c, const LayerBackward& layer) {
  launch(c, layer, backward_kernel<kHeldTiles / 2, false>, backward_kernel<kHeldTiles, false>,
         backward_kernel<kHeldTiles, true>);
}

}  // namespace octet::cuda
