// What the optimizer steps of a device must do to the last bit like the CPU's. A device's suite calls each of
// these.
//
// Steps in double are compared with a tolerance: the bias corrections come from pow(), which is only accurate
// to an ulp or two, and the sum of squares is added up in another order. Both vanish when rounded to float.
#pragma once

#include <bit>
#include <limits>
#include <memory>
#include <tuple>

#include "core/backend.h"
#include "tests/optim/plan_model.h"

namespace octet::optim::testing {

inline const StepTable& steps_of(Device device) {
  return device.is_cpu() ? cpu_steps() : *backend(device).steps;
}

struct Setting {
  const char* rule = "adam";
  const char* codec = "blockwise8";
  int block_size = kDefaultBlock;
  SecondMoment second_moment = SecondMoment::Dither;
  Rounding rounding = Rounding::Nearest;
  int64_t offset = 0;  // elements between an aligned address and the first of each tensor
  bool matrices = false;
  bool bf16_weights = false;
  Rounding weight_rounding = Rounding::Stochastic;
};

// A plan of a few tensors without an Optimizer, on any device. Tensor 2 has no gradient.
class PlanOnDevice {
 public:
  PlanOnDevice(const Setting& setting, std::span<const int64_t> sizes, Device device)
      : device_(device),
        setting_(setting),
        codec_(codec_named(setting.codec)),
        sizes_(sizes.begin(), sizes.end()) {
    plan_.rule = rule_place(setting.rule);
    plan_.codec = codec_place(setting.codec);
    set_rounding(plan_, codec_, setting.second_moment, setting.rounding);
    plan_.seed = 7;
    plan_.block_size = codec_.own_block_size          ? codec_.own_block_size
                       : codec_.scale == Scale::Block ? setting.block_size
                                                      : kPlainBlock;
    plan_.hyper = busy_hyper(setting.rule);
    plan_.matrices = setting.matrices;
    plan_.bf16_weights = setting.bf16_weights;
    plan_.weight_rounding = setting.weight_rounding;
    const std::span<const Slot> slots = slots_of(rule_at(plan_.rule), setting.matrices);
    for (const int64_t n : sizes) {
      StepTensor row{.count = n,
                     .first_block = plan_.block_count,
                     .salt = static_cast<uint32_t>(n + 1),
                     .first_piece = plan_.piece_count,
                     .columns = setting.matrices ? columns_of(n) : 0};
      weights_.push_back(place(n, setting.bf16_weights ? DType::BF16 : codec_.value));
      weights_.back().copy_from(random_tensors(sizes, 11, 1, codec_.value)[weights_.size() - 1].to(
          weights_.back().dtype(), MemoryTag::Data));
      gradients_.push_back(place(n, codec_.value));
      row.weight = weights_.back().raw();
      if (table_.size() != 2) row.gradient = gradients_.back().raw();
      for (size_t slot = 0; slot < slots.size(); ++slot) {
        state_.push_back(place(values_in(slots[slot], n, row.columns, codec_), codec_.stored));
        absmax_.push_back(place(codec_.absmax_count(n, plan_.block_size), DType::F32));
        row.state[slot] = state_.back().raw();
        row.absmax[slot] = absmax_.back().data<float>();
      }
      plan_.block_count = block_after(plan_, n);
      plan_.piece_count += pieces_in(n, row.columns, setting.matrices);
      find_in_vectors(row);
      table_.push_back(row);
    }
    device_table_ = upload(std::as_bytes(std::span(table_)));
    plan_.tensors = static_cast<const StepTensor*>(device_table_.raw());
    plan_.tensor_count = static_cast<int>(table_.size());
    const std::vector<int32_t> map = tensor_map(plan_, table_);
    device_map_ = upload(std::as_bytes(std::span(map)));
    plan_.tensor_of = map.empty() ? nullptr : static_cast<const int32_t*>(device_map_.raw());
    constants_ = Tensor::zeros({kUpdateBytes}, DType::U8, device, MemoryTag::Workspace);
    plan_.update = constants_.raw();
    survey_ = survey_scratch(plan_, device);
    partial_ = Tensor::zeros({partial_count(&plan_, 1)}, DType::F64, device, MemoryTag::Workspace);
    const StepControl control;
    control_ = upload(std::as_bytes(std::span(&control, 1)));
  }

  void step(uint64_t seed, double max_norm) {
    for (size_t i = 0; i < gradients_.size(); ++i)
      gradients_[i].copy_from(random_tensors(sizes_, seed, 1e-2, codec_.value)[i]);
    auto* control = static_cast<StepControl*>(control_.raw());
    const StepTable& steps = steps_of(device_);
    steps.measure(device_, &plan_, 1, {.max_norm = max_norm}, OnNonFinite::Stop, partial_.data<double>(),
                  control);
    steps.step(device_, &plan_, 1, control);
  }

  StepControl control() const {
    StepControl out;
    backend(device_).copy_to_host(device_, &out, control_.raw(), sizeof out);
    return out;
  }
  // Weights, state and absmax of all tensors, one after another.
  std::vector<Tensor> results() const {
    std::vector<Tensor> out;
    for (const auto* list : {&weights_, &state_, &absmax_})
      for (const Tensor& t : *list) out.push_back(t.to(Device::cpu(), MemoryTag::Data));
    return out;
  }

 private:
  Tensor place(int64_t n, DType dtype) const {
    return Tensor::zeros({n + setting_.offset}, dtype, device_, MemoryTag::Weights)
        .slice_rows(setting_.offset, setting_.offset + n);
  }
  Tensor upload(std::span<const std::byte> bytes) const {
    return Tensor::from_bytes(bytes, {static_cast<int64_t>(bytes.size())}, DType::U8, device_,
                              MemoryTag::Workspace);
  }

  Device device_;
  Setting setting_;
  CodecInfo codec_;
  std::vector<int64_t> sizes_;
  std::vector<Tensor> weights_, gradients_, state_, absmax_;
  std::vector<StepTensor> table_;
  Tensor device_table_, device_map_, constants_, partial_, control_, survey_;
  StepPlan plan_{};
};

inline void check_same(const Tensor& got, const Tensor& expected) {
  if (got.dtype() != DType::F64) {
    CHECK((bytes_of(got) == bytes_of(expected)));
    return;
  }
  double largest = 0, worst = 0;
  const auto a = got.to_vector<double>(), b = expected.to_vector<double>();
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::fabs(b[i]));
    worst = std::max(worst, std::fabs(a[i] - b[i]));
  }
  CHECK(worst <= 1e-12 * largest);
}

constexpr int64_t kSizes[] = {1, 255, 300, 0, 256, 257, 4095, 4096, 4097, 70001, 0};
// 17 x 15, 1 x 7, 300 x 301, 256 x 200, 3 x 100003 and others
constexpr int64_t kMatrixSizes[] = {1, 255, 300, 0, 7, 90300, 51200, 300009, 4097, 0};

inline void check_steps(Device device, const Setting& setting, std::span<const int64_t> sizes,
                        int steps = 5) {
  INFO(setting.rule << " " << setting.codec << " block " << setting.block_size << " offset " << setting.offset
                    << " second moment " << static_cast<int>(setting.second_moment) << " rounding "
                    << static_cast<int>(setting.rounding) << (setting.matrices ? " matrices" : "")
                    << (setting.bf16_weights ? " bf16 weights rounded " : "")
                    << (setting.bf16_weights ? static_cast<int>(setting.weight_rounding) : 0));
  PlanOnDevice got(setting, sizes, device), expected(setting, sizes, Device::cpu());
  for (int t = 1; t <= steps; ++t) {
    const double max_norm = t == 2 ? 0 : t == 3 ? 1e6 : 0.5;  // off, without effect, clipping
    got.step(static_cast<uint64_t>(t), max_norm);
    expected.step(static_cast<uint64_t>(t), max_norm);
  }
  const StepControl a = got.control(), b = expected.control();
  CHECK(std::fabs(a.norm / b.norm - 1) < 1e-13);
  CHECK(static_cast<float>(a.scale) == static_cast<float>(b.scale));
  CHECK(b.scale < 1);
  CHECK(a.steps == steps);
  CHECK(a.bad_tensor == -1);
  const std::vector<Tensor> x = got.results(), y = expected.results();
  for (size_t i = 0; i < x.size(); ++i) check_same(x[i], y[i]);
}
inline void check_steps(Device device, const Setting& setting) {
  check_steps(device, setting,
              setting.matrices ? std::span<const int64_t>(kMatrixSizes) : std::span<const int64_t>(kSizes));
}

// Of more than kSmallPlan elements, so their norms are found in larger chunks.
inline void check_large_plans(Device device) {
  constexpr int64_t kLarge[] = {70001, kSmallPlan + 3, 0, 1};
  for (const char* codec : {"fp32", "blockwise8"})
    for (const int64_t offset : {0, 1})
      check_steps(device, {.rule = "momentum", .codec = codec, .offset = offset}, kLarge, 1);
}

// Every rule with every codec, ways to round, and tensors at odd addresses; Adam with every block size, the
// others with each size in one of the ways.
inline void check_all_steps(Device device) {
  using enum SecondMoment;
  constexpr std::tuple<SecondMoment, Rounding, int64_t> kWays[] = {{Dither, Rounding::Nearest, 0},
                                                                   {Dither, Rounding::Stochastic, 1},
                                                                   {Floor, Rounding::Nearest, 1},
                                                                   {Plain, Rounding::Nearest, 0},
                                                                   {Plain, Rounding::Stochastic, 0}};
  constexpr int kBlockSizes[] = {64, 128, 256, 512, 4096};
  for (size_t r = 0; r < rules().size(); ++r)
    for (size_t c = 0; c < codecs().size(); ++c) {
      const RuleInfo& rule = rules()[r];
      const CodecInfo& codec = codecs()[c];
      const bool has_sizes = codec.scale == Scale::Block && !codec.own_block_size;
      for (size_t way = 0; way < std::size(kWays); ++way)
        for (size_t size = 0; size < std::size(kBlockSizes); ++size) {
          const bool turn = rule.name == "adam" || size == (r + c + way) % std::size(kBlockSizes);
          if (has_sizes ? !turn : kBlockSizes[size] != kDefaultBlock) continue;
          const auto& [second_moment, rounding, offset] = kWays[way];
          if (codec.historical && (second_moment != Plain || rounding != Rounding::Nearest)) continue;
          check_steps(device, {rule.name.data(), codec.name.data(), kBlockSizes[size], second_moment,
                               rounding, offset});
        }
    }
  for (const RuleInfo& rule : rules())
    for (const char* codec : {"fp32", "fp64"})
      for (const int64_t offset : {0, 1})
        if (!rule.matrix_slots.empty())
          check_steps(device, {.rule = rule.name.data(), .codec = codec, .offset = offset, .matrices = true});
}

// bf16 weights with every rule and codec, both ways to round, and tensors at odd addresses.
inline void check_bf16_weights(Device device) {
  constexpr std::tuple<Rounding, int64_t, int> kWays[] = {
      {Rounding::Stochastic, 0, 256}, {Rounding::Stochastic, 1, 128}, {Rounding::Nearest, 3, 256}};
  for (const RuleInfo& rule : rules())
    for (const CodecInfo& codec : codecs())
      for (const bool matrices : {false, true})
        for (const auto& [rounding, offset, block_size] : kWays) {
          if (codec.value != DType::F32) continue;
          if (matrices && (rule.matrix_slots.empty() || codec.rounds())) continue;
          const bool plain = codec.historical;
          check_steps(device, {.rule = rule.name.data(),
                               .codec = codec.name.data(),
                               .block_size = block_size,
                               .second_moment = plain ? SecondMoment::Plain : SecondMoment::Dither,
                               .offset = offset,
                               .matrices = matrices,
                               .bf16_weights = true,
                               .weight_rounding = rounding});
        }
}

// Encodes `values` on the device and on the CPU and compares codes and absmax.
inline void check_encode(Device device, int codec, Book book, const Encoding& how, int block_size,
                         const std::vector<float>& values, int64_t offset = 0) {
  const auto n = static_cast<int64_t>(values.size());
  const CodecInfo info = codec_at(codec);
  const auto run = [&](Device where) {
    const auto place = [&](int64_t count, DType dtype) {
      return Tensor::zeros({count + offset}, dtype, where, MemoryTag::Data)
          .slice_rows(offset, count + offset);
    };
    const Tensor x = place(n, DType::F32), stored = place(info.stored_count(n), info.stored),
                 absmax = place(info.absmax_count(n, block_size), DType::F32);
    x.copy_from(Tensor::from(values, {n}));
    steps_of(where).encode(where, codec, book, how, block_size, x.raw(), n, stored.raw(),
                           info.has_absmax() ? absmax.data<float>() : nullptr);
    return std::pair(bytes_of(stored), bytes_of(absmax));
  };
  CHECK((run(device) == run(Device::cpu())));
}

// Every float of [0.1, 1), with a 1 at the head of each block so that codes are of the floats themselves.
// `step`: every how many.
inline void check_encode_decade(Device device, uint32_t step = 1) {
  const uint32_t one = std::bit_cast<uint32_t>(1.0f);
  for (const char* codec : {"blockwise8", "linear8", "tensorwise8", "blockwise4", "blockwise8-v0.36"})
    for (const Book book : {Book::Signed, Book::Unsigned})
      for (const float sign : {1.0f, -1.0f}) {
        if (book == Book::Unsigned && sign < 0) continue;
        for (uint32_t bits = std::bit_cast<uint32_t>(0.1f); bits < one;) {
          std::vector<float> x;
          for (; bits < one && x.size() < (1u << 22); bits += step) {
            if (x.size() % 256 == 0) x.push_back(1.0f);
            x.push_back(sign * std::bit_cast<float>(bits));
          }
          check_encode(device, codec_place(codec), book, {}, 256, x);
          if (!codec_named(codec).historical)  // never dithered
            check_encode(device, codec_place(codec), book, {.dithered = true, .dither_key = bits}, 256, x);
        }
      }
}

// The last float of each nearest code and the first of the next, with both signs.
inline void check_encode_borders(Device device) {
  for (const CodecInfo& codec : codecs())
    for (const Book book : {Book::Signed, Book::Unsigned}) {
      if (codec.scale == Scale::None) continue;
      const Codebook& values = codebook(book, codec.map);
      std::vector<float> x;
      for (int m = 1; m <= values.top; ++m)
        for (const float sign : {1.0f, -1.0f}) {
          if (book == Book::Unsigned && sign < 0) continue;
          if (x.size() % 64 == 0) x.push_back(1.0f);  // the largest of its block
          const float border = values.lower[static_cast<size_t>(m)];
          for (const float at : {std::nextafterf(border, 0.0f), border, std::nextafterf(border, 2.0f)})
            x.push_back(sign * std::fmin(at, 1.0f));
        }
      check_encode(device, codec_place(codec.name), book, {}, 64, x);
    }
}

// Floats of every class, in blocks of one magnitude and of all of them; sizes of blocks; odd counts and
// addresses.
inline void check_encode_classes(Device device) {
  Rng rng(4);
  const auto any_bits = [&] { return static_cast<uint32_t>(rng.uniform() * 0x1p32); };
  for (const Book book : {Book::Signed, Book::Unsigned})
    for (const int block_size : {64, 128, 256, 512, 1024, 2048, 4096})
      for (const int64_t offset : {0, 3}) {
        std::vector<float> x(100003);
        for (size_t i = 0; i < x.size(); ++i) {
          // In turn: denormals, then blocks up to 2^24 apart around some exponent, then anything but NaN and
          // infinity, then anything.
          const size_t block = i / static_cast<size_t>(block_size);
          const uint32_t any = any_bits(), centre = static_cast<uint32_t>(block * 37 % 220);
          uint32_t bits = any;
          if (block % 4 == 0) bits = any & 0x807FFFFFu;
          if (block % 4 == 1) bits = (any & 0x807FFFFFu) | ((centre + (any >> 26) % 24) << 23);
          if (block % 4 == 2 && (any & 0x7F800000u) == 0x7F800000u) bits = any & ~0x40000000u;
          if (i % 17 == 5 || block % 13 == 12) bits = 0;
          if (block % 11 == 7) bits &= 0x800000FFu;
          if (book == Book::Unsigned) bits &= 0x7FFFFFFFu;
          x[i] = std::bit_cast<float>(bits);
        }
        for (size_t codec = 0; codec < codecs().size(); ++codec)
          for (const Encoding& how :
               {Encoding{}, Encoding{.floor = true},
                Encoding{.dithered = true, .floor = true, .dither_key = 99},
                Encoding{.dithered = true, .dither_key = 0xFFFFFF00}, Encoding{.signed_absmax = true},
                Encoding{.dithered = true, .signed_absmax = true, .dither_key = 7}})
            if (codecs()[codec].value == DType::F32 && !(codecs()[codec].historical && how.dithered))
              check_encode(device, static_cast<int>(codec), book, how, block_size, x, offset);
      }
}

// All codes under finite absmax of every scale.
inline void check_decode(Device device, const char* codec = "blockwise8") {
  for (const Book book : {Book::Signed, Book::Unsigned})
    for (const int block_size : {64, 256, 4096})
      for (const int64_t offset : {0, 3}) {
        const int64_t n = 40007, blocks = (n + block_size - 1) / block_size;
        std::vector<uint8_t> codes(static_cast<size_t>(n));
        for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint8_t>(i * 7 + i / 256);
        std::vector<float> largest(static_cast<size_t>(blocks));
        for (size_t i = 0; i < largest.size(); ++i)
          largest[i] = std::ldexp(1.0f + static_cast<float>(i) / 999, static_cast<int>(i * 29 % 270) - 145);
        const auto run = [&](Device where) {
          const Tensor absmax = Tensor::from(largest, {blocks}, where);
          const Tensor stored =
              Tensor::zeros({n + offset}, DType::U8, where, MemoryTag::Data).slice_rows(offset, n + offset);
          stored.copy_from(Tensor::from(codes, {n}));
          const Tensor x = Tensor::zeros({n}, DType::F32, where, MemoryTag::Data);
          steps_of(where).decode(where, codec_place(codec), book, block_size, stored.raw(),
                                 absmax.data<float>(), n, x.raw());
          return bytes_of(x);
        };
        CHECK((run(device) == run(Device::cpu())));
      }
}

}  // namespace octet::optim::testing
