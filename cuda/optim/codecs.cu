// One slot of state by itself, and the tables that its codes are read and written with.
#include <array>
#include <mutex>

#include "cuda/optim/codec.cuh"
#include "cuda/optim/steps.h"

namespace octet::cuda {
namespace {

using optim::Map;

constexpr int kSlotThreads = optim::kMaxBlock / kPerLane;
constexpr uint32_t kSlotElements = optim::kMaxBlock;  // that a block of threads takes at a time

template <Map kMap>
__device__ CodecTables<kMap> device_tables;

template <Map kMap>
DitherTable<kMap> make_dither(const optim::DitherPieces& pieces) {
  DitherTable<kMap> out{};
  if constexpr (kMap != Map::Powers4) {
    const float *first = pieces.threshold, *last = first + optim::DitherPieces::kPieces - 1;
    const auto piece_of = [&](uint32_t bits) {
      return static_cast<int>(std::upper_bound(first, last, std::bit_cast<float>(bits)) - first);
    };
    for (int p = 0; p < optim::DitherPieces::kPieces; ++p)
      out.line[p] = {pieces.slope[p], pieces.offset[p], pieces.gap_slope[p], pieces.gap_offset[p]};
    for (uint32_t i = 0; i < out.kOctaves; ++i) {
      const int piece = piece_of(i << 23);
      require(piece_of(((i + 1) << 23) - 1) <= piece + 1, ErrorKind::Internal,
              "an octave has two thresholds");
      out.cell[i] = {pieces.threshold[piece],
                     static_cast<uint32_t>(piece * sizeof(typename DitherTable<kMap>::Lines))};
    }
  }
  return out;
}

template <Map kMap>
CodecTables<kMap> make_tables() {
  using Tables = CodecTables<kMap>;
  Tables tables{};
  for (const Book book : {Book::Signed, Book::Unsigned}) {
    std::copy_n(optim::codebook(book, kMap).value.data(), Tables::kValues,
                tables.value[static_cast<int>(book)]);
    tables.dither[static_cast<int>(book)] = make_dither<kMap>(optim::dither_pieces(book, kMap));
  }
  tables.signed_cells = optim::code_cells<Book::Signed, kMap>();
  tables.unsigned_cells = optim::code_cells<Book::Unsigned, kMap>();
  return tables;
}

// values: [count]; absmax: [1], 0 before: the bits of the largest, whatever the order
__global__ void __launch_bounds__(kSlotThreads)
    largest_kernel(const float* values, int64_t count, float* absmax) {
  uint32_t largest = 0;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += int64_t{gridDim.x} * blockDim.x)
    largest = max(largest, __float_as_uint(values[i]) & 0x7FFFFFFFu);
  largest = largest_of_lanes(largest, kWarp);
  if (threadIdx.x % kWarp == 0) atomicMax(reinterpret_cast<uint32_t*>(absmax), largest);
}

// values: T [count]; stored: S [count]; absmax: [ceil(count / block_size)], [1] and given, or null
template <class Codec, Book kBook>
__global__ void __launch_bounds__(kSlotThreads)
    encode_kernel(const Encoding how, int block_size, const typename Codec::Value* values, int64_t count,
                  void* stored, float* absmax, const typename LaneCodec<Codec>::Tables* tables) {
  using Lanes = LaneCodec<Codec>;
  __shared__ typename Lanes::Shared shared;
  TableUse use;
  use.add(kBook, how.dithered);
  shared.copy_tables(tables, use);
  __syncthreads();
  BlockMaximum<1, 0> block_maximum;
  const Seat seat(block_size);
  const auto blocks = static_cast<uint32_t>(ceil_div(count, block_size)), tile = kSlotElements / block_size;
  for (uint32_t first = blockIdx.x * tile; first < blocks; first += gridDim.x * tile) {
    const uint32_t block = first + seat.block;
    const int64_t position = seat.element(block);
    const Valid valid(count - position, seat.stride);
    typename Codec::Value x[kPerLane];
    typename Lanes::Stored out;
    Packed<8 * sizeof(typename Codec::Value)> packed;
    packed.load(packed.address(values, seat, block), seat.stride, valid);
    unpack(packed, x);
    uint32_t largest[1] = {};
    if constexpr (Codec::scale == optim::Scale::Tensor) {
      largest[0] = __float_as_uint(*absmax);
    } else if constexpr (Codec::scale == optim::Scale::Block) {
      largest[0] = largest_word<kBook>(x);
      block_maximum(largest, block_size);
      largest[0] = absmax_bits<kBook>(largest[0], how.signed_absmax);
      if (valid.any() && seat.within == 0) absmax[block] = __uint_as_float(largest[0]);
    }
    const LaneNoise noise(how, static_cast<uint32_t>(position), seat.stride);
    Lanes::template encode<kBook>(shared, how, noise, x, largest[0], out);
    out.store(out.address(stored, seat, block), seat.stride, valid);
  }
}

template <class Codec, Book kBook>
__global__ void __launch_bounds__(kSlotThreads)
    decode_kernel(int block_size, const void* stored, const float* absmax, int64_t count,
                  typename Codec::Value* values, const typename LaneCodec<Codec>::Tables* tables) {
  using Lanes = LaneCodec<Codec>;
  __shared__ typename Lanes::Shared shared;
  shared.copy_tables(tables, {});
  __syncthreads();
  const Seat seat(block_size);
  const auto blocks = static_cast<uint32_t>(ceil_div(count, block_size)), tile = kSlotElements / block_size;
  for (uint32_t first = blockIdx.x * tile; first < blocks; first += gridDim.x * tile) {
    const uint32_t block = first + seat.block;
    const Valid valid(count - seat.element(block), seat.stride);
    typename Lanes::Stored in;
    typename Codec::Value x[kPerLane];
    Packed<8 * sizeof(typename Codec::Value)> packed;
    in.load(in.address(stored, seat, block), seat.stride, valid);
    const float largest = Codec::scale == optim::Scale::None || !valid.any() ? 0.0f
                          : Codec::scale == optim::Scale::Tensor             ? *absmax
                                                                             : absmax[block];
    Lanes::template decode<kBook>(shared, in, largest, x);
    pack(x, packed);
    packed.store(packed.address(values, seat, block), seat.stride, valid);
  }
}

// Calls body(codec, book) with both as types.
template <class Body>
void with_codec(int codec, Book book, const Body& body) {
  optim::Codecs::for_each([&]<class Codec>(int place) {
    if (place != codec) return;
    if (book == Book::Signed) {
      body.template operator()<Codec, Book::Signed>();
    } else {
      body.template operator()<Codec, Book::Unsigned>();
    }
  });
}

unsigned slot_grid(const Context& c, int64_t count) {
  return static_cast<unsigned>(
      std::min(ceil_div(count, int64_t{kSlotThreads} * kPerLane), int64_t{c.multiprocessors} * 2));
}

}  // namespace

template <Map kMap>
const CodecTables<kMap>* codec_tables(const Context& c) {
  static const CodecTables<kMap> tables = make_tables<kMap>();
  static std::mutex mutex;
  static std::array<const CodecTables<kMap>*, 64> known{};  // by device
  const std::lock_guard lock(mutex);
  const CodecTables<kMap>*& found = known.at(static_cast<size_t>(c.device));
  if (!found) {
    void* address = nullptr;
    check(cudaGetSymbolAddress(&address, device_tables<kMap>));
    check(cudaMemcpyAsync(address, &tables, sizeof tables, cudaMemcpyHostToDevice, c.stream));
    found = static_cast<const CodecTables<kMap>*>(address);
  }
  return found;
}
template const CodecTables<Map::Dynamic>* codec_tables(const Context&);
template const CodecTables<Map::DynamicV036>* codec_tables(const Context&);
template const CodecTables<Map::Linear>* codec_tables(const Context&);
template const CodecTables<Map::Powers4>* codec_tables(const Context&);

void encode(Device device, int codec, Book book, const Encoding& how, int block_size, const void* values,
            int64_t count, void* stored, float* absmax) {
  const Op op("optim.encode");
  const Context& c = context(device);
  if (count == 0) return;
  with_codec(codec, book, [&]<class Codec, Book kBook>() {
    if constexpr (Codec::scale == optim::Scale::Tensor) {
      check(cudaMemsetAsync(absmax, 0, sizeof *absmax, c.stream));
      largest_kernel<<<slot_grid(c, count), kSlotThreads, 0, c.stream>>>(static_cast<const float*>(values),
                                                                         count, absmax);
      check_launch();
    }
    encode_kernel<Codec, kBook><<<slot_grid(c, count), kSlotThreads, 0, c.stream>>>(
        how, block_size, static_cast<const typename Codec::Value*>(values), count, stored, absmax,
        LaneCodec<Codec>::tables(c));
  });
  check_launch();
}

void decode(Device device, int codec, Book book, int block_size, const void* stored, const float* absmax,
            int64_t count, void* values) {
  const Op op("optim.decode");
  const Context& c = context(device);
  if (count == 0) return;
  with_codec(codec, book, [&]<class Codec, Book kBook>() {
    decode_kernel<Codec, kBook><<<slot_grid(c, count), kSlotThreads, 0, c.stream>>>(
        block_size, stored, absmax, count, static_cast<typename Codec::Value*>(values),
        LaneCodec<Codec>::tables(c));
  });
  check_launch();
}

}  // namespace octet::cuda
