#include <numeric>

#include "core/philox.h"
#include "tests/support/kernel_stage.h"

namespace octet::testing {
namespace {

// To the nearest number with eight significant bits, ties to even.
double rounded_to_bf16(double x) {
  if (x == 0) return 0;
  int exponent = 0;
  std::frexp(x, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(x, 8 - exponent)), exponent - 8);
}

void add_memory(Cases& cases) {
  for (const DType type : {DType::F32, DType::F64, DType::BF16, DType::I32, DType::I64, DType::U8})
    for (const int64_t count : {1, 7, 40001}) {
      const std::string what = std::string(name_of(type)) + " " + Shape{count}.text();
      add_case(cases, "memory.fill", what, [=](Stage& s) {
        for (const double value : {0.0, 3.0, 200.0}) {
          const Tensor x =
              Tensor::from(std::vector<uint8_t>(static_cast<size_t>(count), 77), {count}, s.device())
                  .to(type, MemoryTag::Data);
          s.kernels().memory.fill(x, value);
          s.expect_exactly("x", values_of(x), Values(static_cast<size_t>(count), value));
        }
      });
      add_case(cases, "memory.convert", "to " + what, [=](Stage& s) {
        const double low = type == DType::U8 ? 0 : -250;
        const Values x = random_values(count, low, 250, 7);
        Values expected;
        for (const double value : x)
          expected.push_back(type == DType::BF16 ? rounded_to_bf16(value)
                             : is_floating(type) ? value
                                                 : std::trunc(value));
        const Tensor y = Tensor::empty({count}, type, s.device(), MemoryTag::Data);
        s.kernels().memory.convert(s.in(x, {count}), y);
        s.expect_exactly("y", values_of(y), expected);
      });
    }
}

void add_widening(Cases& cases) {
  // More than one launch takes; lengths that fill no pack, and views whose addresses allow none.
  for (const int tensors : {1, 8, 131})
    for (const int64_t skipped : {0, 3})
      add_case(cases, "memory.widen", std::to_string(tensors) + " from element " + std::to_string(skipped),
               [=](Stage& s) {
                 std::vector<Tensor> x, y;
                 std::vector<Values> expected;
                 for (int i = 0; i < tensors; ++i) {
                   const int64_t count = 1 + (i * 977) % 5000;
                   Values values = random_values(count + skipped, -250, 250, 7 + static_cast<uint64_t>(i));
                   for (double& value : values) value = rounded_to_bf16(value);
                   x.push_back(s.in(values, {count + skipped})
                                   .to(DType::BF16, MemoryTag::Data)
                                   .slice_rows(skipped, count + skipped));
                   y.push_back(Tensor::empty({count}, DType::F32, s.device(), MemoryTag::Data));
                   expected.emplace_back(values.begin() + skipped, values.end());
                 }
                 s.kernels().memory.widen(x, y);
                 for (size_t i = 0; i < y.size(); ++i) s.expect_exactly("y", values_of(y[i]), expected[i]);
               });
}

void add_sums(Cases& cases) {
  const std::pair<Shape, Shape> pairs[] = {{{}, {}},
                                           {{1}, {1}},
                                           {{3, 1, 5}, {3, 1, 1}},
                                           {{3, 4, 5}, {3, 4, 5}},
                                           {{3, 4, 5}, {1, 4, 1}},
                                           {{3, 4, 5, 2}, {3, 1, 1, 2}},
                                           {{211, 257}, {1, 257}},
                                           {{211, 257}, {211, 1}},
                                           {{211, 257}, {1, 1}},
                                           {{0, 3}, {1, 3}}};
  for (const auto& [from, to] : pairs)
    add_case(cases, "reduce.sum_to", from.text() + " to " + to.text(), [from = from, to = to](Stage& s) {
      const Values x = random_values(from.numel(), -0.5, 1, 8);
      Values expected(static_cast<size_t>(to.numel()), 0.0);
      for (int64_t i = 0; i < from.numel(); ++i) {
        int64_t rest = i, at = 0, step = 1;
        for (int axis = from.rank() - 1; axis >= 0; --axis) {
          if (to[axis] == from[axis]) at += rest % from[axis] * step;
          step *= to[axis];
          rest /= from[axis];
        }
        expected[static_cast<size_t>(at)] += -0.5 * x[static_cast<size_t>(i)];
      }
      const Tensor y = s.out(to);
      s.kernels().reduce.sum_to(s.in(x, from), -0.5, y);
      s.expect("y", y, expected);
    });
}

void add_dropout(Cases& cases) {
  // The second stream passes 2^32 blocks on the way, the third drops nothing.
  struct Stream {
    double p;
    uint64_t key, first;
  };
  const Stream streams[] = {{0.2, 0x0123456789ABCDEFu, 0}, {0.75, 42, 0xFFFFFFFEu}, {0, 7, 3}};
  for (const int64_t count : {1, 7, 63, 50003})
    for (const Stream& stream : streams)
      add_case(cases, "dropout.apply", Shape{count}.text() + " p " + std::to_string(stream.p), [=](Stage& s) {
        const Values x = random_values(count, 0.5, 1, 9);
        Values expected, kept, actually_kept;
        for (int64_t i = 0; i < count; ++i) {
          uint32_t words[4];
          philox_block(stream.key, stream.first + static_cast<uint64_t>(i / 4), words);
          kept.push_back(words[i % 4] / 0x1p32 >= stream.p);
          expected.push_back(kept.back() * x[static_cast<size_t>(i)] / (1 - stream.p));
        }
        const Tensor y = s.out({count});
        s.kernels().dropout.apply(s.in(x, {count}), stream.p, stream.key, stream.first, y);
        for (const double value : values_of(y)) actually_kept.push_back(value != 0);
        s.expect_exactly("mask", actually_kept, kept);
        s.expect("y", y, expected);
      });
}

void add_permute(Cases& cases, const Shape& shape, const std::vector<int>& axes) {
  Shape to = shape;
  for (int axis = 0; axis < shape.rank(); ++axis) to.set(axis, shape[axes[static_cast<size_t>(axis)]]);
  add_case(cases, "layout.permute", shape.text() + " to " + to.text(), [=](Stage& s) {
    Values x(static_cast<size_t>(shape.numel())), expected(x.size());
    std::iota(x.begin(), x.end(), 1.0);
    for (int64_t i = 0; i < to.numel(); ++i) {  // the coordinates in y, moved to their axes in x
      std::vector<int64_t> coordinate(axes.size());
      for (int64_t rest = i, axis = to.rank() - 1; axis >= 0; --axis) {
        const int64_t size = to[static_cast<int>(axis)];
        coordinate[static_cast<size_t>(axes[static_cast<size_t>(axis)])] = rest % size;
        rest /= size;
      }
      int64_t at = 0;
      for (int axis = 0; axis < shape.rank(); ++axis)
        at = at * shape[axis] + coordinate[static_cast<size_t>(axis)];
      expected[static_cast<size_t>(i)] = x[static_cast<size_t>(at)];
    }
    const Tensor y = s.out(to);
    s.kernels().layout.permute(s.in(x, shape), axes, y);
    s.expect_exactly("y", values_of(y), expected);
  });
}

void add_copy_block(Cases& cases, const BlockCopy& b, int64_t from_size, int64_t to_size) {
  const std::string what = std::to_string(b.count) + " runs of " + std::to_string(b.length);
  add_case(cases, "layout.copy_block", what, [=](Stage& s) {
    Values x(static_cast<size_t>(from_size)), y(static_cast<size_t>(to_size));
    std::iota(x.begin(), x.end(), 1.0);
    std::iota(y.begin(), y.end(), -static_cast<double>(to_size));
    const Tensor to = s.in(y, {to_size});
    s.kernels().layout.copy_block(s.in(x, {from_size}), to, b);
    for (int64_t run = 0; run < b.count; ++run)
      for (int64_t i = 0; i < b.length; ++i)
        y[static_cast<size_t>(b.to + run * b.to_stride + i)] =
            x[static_cast<size_t>(b.from + run * b.from_stride + i)];
    s.expect_exactly("y", values_of(to), y);
  });
}

}  // namespace

void add_layout_cases(Cases& cases) {
  add_memory(cases);
  add_widening(cases);
  add_sums(cases);
  add_dropout(cases);
  add_permute(cases, {}, {});
  add_permute(cases, {1}, {0});
  add_permute(cases, {2, 3, 5}, {2, 0, 1});
  add_permute(cases, {2, 3, 5}, {1, 0, 2});
  add_permute(cases, {301, 7, 11}, {1, 2, 0});
  add_permute(cases, {2, 3, 1, 2, 5, 3}, {5, 3, 0, 4, 2, 1});
  add_copy_block(cases, {1, 1, 0, 0, 0, 0}, 1, 1);
  add_copy_block(cases, {3, 5, 2, 7, 1, 6}, 21, 20);
  add_copy_block(cases, {0, 5, 0, 0, 0, 0}, 5, 5);
  add_copy_block(cases, {700, 33, 4, 40, 0, 33}, 28005, 23101);
}

}  // namespace octet::testing
