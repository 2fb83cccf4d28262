#include "optim/round_trip.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/error.h"

namespace octet::optim {
namespace {

// Where there is no absmax a block, a block is only a unit of work, and what errors are told of.
int block_size_of(const CodecInfo& codec, int asked) {
  return codec.own_block_size ? codec.own_block_size : codec.scale == Scale::Block ? asked : kDefaultBlock;
}

// Values, codes and sizes, from what is stored. `absmax` is already there.
void read(int codec, int block_size, const std::byte* stored, int64_t count, StoredSlot& out) {
  const CodecInfo& kind = codec_at(codec);
  out.map = kind.map;
  out.block = kind.scale == Scale::Tensor ? std::max<int64_t>(1, count) : block_size;
  out.bytes = kind.stored_count(count) * size_of(kind.stored) + static_cast<int64_t>(4 * out.absmax.size());
  out.values.resize(static_cast<size_t>(count));
  cpu_steps().decode(Device::cpu(), codec, out.book, block_size, stored,
                     out.absmax.empty() ? nullptr : out.absmax.data(), count, out.values.data());
  if (!kind.has_absmax()) return;
  out.codes.resize(static_cast<size_t>(count));
  const bool two = kind.values_per_stored == 2;  // the first in the lower half
  for (size_t i = 0; i < out.codes.size(); ++i) {
    const auto byte = static_cast<uint8_t>(stored[two ? i / 2 : i]);
    out.codes[i] = !two ? byte : static_cast<uint8_t>(byte >> (i % 2 * 4) & 15);
  }
}

StoredSlot store_tensorwise_linear(Book book, std::span<const float> values) {
  StoredSlot out;
  out.book = book, out.map = Map::Linear;
  out.block = std::max<int64_t>(1, static_cast<int64_t>(values.size()));
  out.bytes = static_cast<int64_t>(values.size() + sizeof(float));
  float absmax = 0;
  for (const float x : values) absmax = std::max(absmax, std::fabs(x));
  const Codebook& codes = codebook(book, Map::Linear);
  out.absmax = {absmax};
  for (const float x : values) {
    // A division where the codecs multiply by a reciprocal: right for denormal numbers as well.
    const uint8_t code = nearest_code(codes, absmax > 0 ? x / absmax : 0.0f);
    out.codes.push_back(code);
    out.values.push_back(codes.value[code] * absmax);
  }
  return out;
}

}  // namespace

StoredSlot store(const Storage& how, Book book, std::span<const float> values, int slot, int64_t step) {
  if (how.name == kTensorwiseLinear) return store_tensorwise_linear(book, values);
  const int codec = codec_place(how.name);
  const CodecInfo& kind = codec_at(codec);
  require(kind.value == DType::F32, "store: ", kind.name, " keeps values of ", kind.value, ", not of f32");
  const int block_size = block_size_of(kind, how.block_size);
  const auto count = static_cast<int64_t>(values.size());

  StepPlan plan{};
  plan.codec = codec;
  set_rounding(plan, kind, how.second_moment, how.rounding);
  StoredSlot out;
  out.book = book;
  out.absmax.resize(static_cast<size_t>(kind.absmax_count(count, block_size)));
  std::vector<std::byte> stored(static_cast<size_t>(kind.stored_count(count) * size_of(kind.stored)));
  cpu_steps().encode(Device::cpu(), codec, book,
                     encoding_of(plan, 0, Slot{.name = "", .book = book}, dither_base(plan.seed, slot, step)),
                     block_size, values.data(), count, stored.data(),
                     out.absmax.empty() ? nullptr : out.absmax.data());
  read(codec, block_size, stored.data(), count, out);
  return out;
}

StoredSlot read_back(std::string_view codec_name, Book book, int block_size, int64_t count,
                     const Tensor& stored, const Tensor* absmax) {
  const int codec = codec_place(codec_name);
  const CodecInfo& kind = codec_at(codec);
  const auto right = [](const Tensor& tensor, DType type, int64_t elements) {
    return tensor.dtype() == type && tensor.numel() == elements;
  };
  require(right(stored, kind.stored, kind.stored_count(count)), ErrorKind::Checkpoint, "state of ", count,
          " values in ", kind.name, " is ", kind.stored, Shape{kind.stored_count(count)}, ", not ",
          stored.dtype(), stored.shape());
  require(kind.has_absmax() == (absmax != nullptr), ErrorKind::Checkpoint, "state in ", kind.name, " has ",
          kind.has_absmax() ? "an" : "no", " absmax");
  block_size = block_size_of(kind, block_size);
  const int64_t scales = kind.absmax_count(count, block_size);
  require(!absmax || right(*absmax, DType::F32, scales), ErrorKind::Checkpoint, "the absmax of ", count,
          " values in ", kind.name, ", blocks of ", block_size, ", is f32", Shape{scales}, ", not ",
          absmax ? absmax->dtype() : DType::F32, absmax ? absmax->shape() : Shape{});
  StoredSlot out;
  out.book = book;
  if (absmax) out.absmax = absmax->to_vector<float>();
  if (kind.value == DType::F64) {  // of golden runs
    const Tensor values = stored.to(DType::F32, MemoryTag::Workspace);
    out.values = values.to_vector<float>();
    out.bytes = stored.bytes();
    return out;
  }
  read(codec, block_size, static_cast<const std::byte*>(stored.raw()), count, out);
  return out;
}

}  // namespace octet::optim
