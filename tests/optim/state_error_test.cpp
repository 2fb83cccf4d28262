// Errors of stored state against numbers worked out by hand.
#include "optim/state_error.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "optim/made_state.h"
#include "tests/optim/support.h"

using namespace octet;
using namespace octet::optim;
using doctest::Approx;

namespace {

using Values = std::vector<float>;

Values ramp(size_t count) {
  Values out(count);
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(i + 1) / static_cast<float>(count);
  return out;
}

}  // namespace

TEST_CASE("errors of values are what a person computes") {
  const Values exact = {4, -2, 0, 2}, stored = {4, -1, 0, 2.5};
  const ValueError error = value_error(exact, stored);
  CHECK(error.mean_abs == Approx(1.5 / 4));
  CHECK(error.relative == Approx(1.5 / 8));
  CHECK(error.of_absmax == Approx(1.5 / 4 / 4));
  CHECK(value_error(Values{0, 0}, Values{0, 0}).relative == 0);
  CHECK(value_error({}, {}).mean_abs == 0);
  CHECK(vanished(Values{1, 0, -1e-30f}, Values{0, 0, 0}) == 2);
}

TEST_CASE("the relative error of an Adam update leaves out elements that do not move") {
  // u = 1/(2 + 1) and -3/(1 + 1) against 1/(1 + 1) and -2/(1 + 1); the third has m = 0.
  const Values m = {1, -3, 0}, v = {4, 1, 9}, stored_m = {1, -2, 5}, stored_v = {1, 1, 1};
  CHECK(adam_error(m, v, stored_m, stored_v, 1.0).mean == Approx((0.5 + 1.0 / 3) / 2));
  CHECK(adam_error(m, v, stored_m, stored_v, 1.0).count == 2);
  CHECK(adam_error(Values{0}, Values{1}, Values{1}, Values{1}, 1e-8).mean == 0);
}

TEST_CASE("the step size ratio is that of the denominators, of living elements") {
  const Values exact = {4, 9, 1, 0}, stored = {1, 9, 0, 0}, m = {1, 0, -1, 0};
  const std::span<const float> others[] = {m};
  CHECK(step_size_ratio(exact, stored, 1, others) == std::vector<double>{1.5, 2});
  CHECK(step_size_ratio(exact, stored, 1, {}) == std::vector<double>{1.5, 1, 2});
}

TEST_CASE("quantiles interpolate") {
  std::vector<double> values = {5, 1, 3, 2, 4};
  CHECK(quantile(values, 0.5) == 3);
  CHECK(quantile(values, 0.25) == 2);
  CHECK(quantile(values, 0.9) == Approx(4.6));
  CHECK(quantile(values, 1) == 5);
  std::vector<double> none;
  CHECK(std::isnan(quantile(none, 0.5)));
}

TEST_CASE("each rule's denominator is found") {
  const auto of = [](const char* name, int64_t step) {
    const RuleInfo& rule = rule_named(name);
    return denominator(rule, rule.defaults, step);
  };
  CHECK(of("adam", 1).slot == 1);
  CHECK(of("adam", 1).eps == Approx(1e-8 * std::sqrt(1e-3)));
  CHECK(of("adam", 1).decay == 0.999);
  CHECK(of("ademamix", 1).slot == 2);
  CHECK(of("rmsprop", 1).slot == 0);
  CHECK(of("rmsprop", 1).eps == 1e-8);
  CHECK(of("rmsprop", 1).decay == 0.99);
  CHECK(of("adagrad", 5).decay == 1);
  CHECK(of("adagrad", 5).eps == 1e-10);
  CHECK(of("lion", 1).slot == -1);
  CHECK(of("sgd", 1).slot == -1);
  CHECK(of("adafactor", 1).slot == -1);  // it divides by more than its slot
}

TEST_CASE("codes of a linear tensor are counted") {
  // Absmax 2: 0, 2/255 (code 1), just below half a code (0), 0.998 (127.2 codes) and 2 (255).
  const StoredSlot slot =
      store({.name = kTensorwiseLinear}, Book::Unsigned, Values{0, 2.0f / 255, 0.0039f, 0.998f, 2});
  CHECK(slot.codes == std::vector<uint8_t>{0, 1, 0, 127, 255});
  CHECK(slot.absmax == Values{2});
  CHECK(slot.bytes == 9);
  const CodeUse use = code_use(slot);
  CHECK(use.count.size() == 256);
  CHECK(use.count[0] == 2);
  CHECK(use.zeros == 2);
  CHECK(use.at_top == 1);
  CHECK(use.used == 4);
  const StoredSlot nothing = store({.name = kTensorwiseLinear}, Book::Signed, Values{0, -0.0f});
  CHECK(nothing.values == Values{0, 0});
  CHECK(code_use(nothing).zeros == 2);
}

TEST_CASE("codes of a signed tensor are counted at both ends of their book") {
  // The linear book goes from -1 to 1, the dynamic one begins one value later.
  const Values x = {1, -1, -1, 0.3f, 0, 0, 0, -0.3f};
  const CodeUse linear = code_use(store({.name = "linear8"}, Book::Signed, x));
  CHECK(linear.zeros == 3);
  CHECK(linear.at_top == 3);
  CHECK(linear.used == 5);
  const StoredSlot dynamic = store({.name = "blockwise8"}, Book::Signed, x);
  CHECK(code_use(dynamic).zeros == 3);
  CHECK(code_use(dynamic).at_top == 1);
  CHECK(code_use(dynamic).used == 5);
  // The lowest value of the dynamic book stands for all down to -1, on its other side half way to the next.
  const std::array<float, 256>& value = codebook(Book::Signed).value;
  REQUIRE(dynamic.values[1] == value[0]);
  const double down = value[0] + 1.0, up = value[1] - double{value[0]};
  for (const bool dithered : {false, true}) {
    INFO(dithered);
    const double above = dithered ? up : up / 2, squares = down * down + above * above;
    const SpacingError error = spacing_errors(dynamic, dithered)[1];
    CHECK(error.bound == Approx(std::max(down, above)));
    CHECK(error.expected == Approx(squares / ((dithered ? 3 : 2) * (down + above))));
    const double below_top = 1.0 - value[254];
    CHECK(spacing_errors(dynamic, dithered)[0].bound == Approx(dithered ? below_top : below_top / 2));
  }
}

TEST_CASE("the error that code spacing promises is that of evenly spread values") {
  // Linear, unsigned: cells of 1/255, a quarter of it on average, half of it at most.
  const StoredSlot linear = store({.name = kTensorwiseLinear}, Book::Unsigned, Values{255, 100, 0});
  const std::vector<SpacingError> nearest = spacing_errors(linear, false);
  CHECK(nearest[1].expected == Approx(0.25));
  CHECK(nearest[1].bound == Approx(0.5));
  CHECK(nearest[0].bound == Approx(0.5));  // from half a code below
  CHECK(nearest[0].expected == Approx(0.25));
  CHECK(nearest[2].bound == Approx(0.5));
  const std::vector<SpacingError> dithered = spacing_errors(linear, true);
  CHECK(dithered[1].expected == Approx(1.0 / 3));
  CHECK(dithered[1].bound == Approx(1));
  // The largest code of the v0.36 book stands for all from 0.0933 to 1.
  const StoredSlot cut = store({.name = "blockwise8-v0.36"}, Book::Unsigned, Values{1, 0.5, 0.01f});
  CHECK(cut.values[0] == Approx(0.0933).epsilon(0.001));
  CHECK(cut.values[1] == cut.values[0]);
  CHECK(code_use(cut).at_top == 2);
  CHECK(spacing_errors(cut, false)[0].bound == Approx(1 - 0.0933).epsilon(0.001));
  // True errors of many evenly spread values agree with it.
  const Values even = ramp(256 * 64);
  for (const char* name : {"blockwise8", "linear8"}) {
    const StoredSlot slot = store({.name = name}, Book::Unsigned, even);
    double expected = 0;
    const std::vector<SpacingError> spacing = spacing_errors(slot, false);
    for (size_t i = 0; i < even.size(); ++i) {
      expected += spacing[i].expected / static_cast<double>(even.size());
      CHECK(std::abs(even[i] - slot.values[i]) <= spacing[i].bound * 1.001 + 1e-7);
    }
    INFO(name);
    CHECK(expected == Approx(value_error(even, slot.values).mean_abs).epsilon(0.05));
  }
}

TEST_CASE("the worst blocks come first and blocks of zeros not at all") {
  const Values exact = {1, 1, 0, 0, 2, 2, 4}, stored = {1, 0.5, 0, 0, 2, 2, 1};
  const std::vector<BlockError> blocks = worst_blocks(exact, stored, 2, 5);
  REQUIRE(blocks.size() == 3);
  CHECK(blocks[0].block == 3);
  CHECK(blocks[0].relative == Approx(0.75));
  CHECK(blocks[0].absmax == 4);
  CHECK(blocks[1].block == 0);
  CHECK(blocks[1].relative == Approx(0.25));
  CHECK(worst_blocks(exact, stored, 2, 1).size() == 1);
}

TEST_CASE("of blocks that are as bad the first come first") {
  const Values exact(40, 1), stored(40, 0.5f);
  const std::vector<BlockError> blocks = worst_blocks(exact, stored, 1, 6);
  REQUIRE(blocks.size() == 6);
  for (size_t i = 0; i < blocks.size(); ++i) CHECK(blocks[i].block == static_cast<int64_t>(i));
}

TEST_CASE("the noise of a stored slot is that of its slot and step") {
  const Values x = ramp(500);
  const optim::Storage how = {.second_moment = SecondMoment::Dither, .rounding = Rounding::Stochastic};
  std::vector<Values> all;
  for (const int slot : {0, 1})
    for (const int64_t step : {1, 2}) {
      INFO(slot << " " << step);
      const uint32_t key = dither_key(dither_base(0, slot, step), 0);
      for (const Book book : {Book::Signed, Book::Unsigned}) {
        const optim::testing::Encoded by_hand = optim::testing::encode(cpu::level(), book, x, kDefaultBlock,
                                                                       {.dithered = true,
                                                                        .floor = book == Book::Unsigned,
                                                                        .signed_absmax = book == Book::Signed,
                                                                        .dither_key = key});
        const StoredSlot stored = store(how, book, x, slot, step);
        CHECK(stored.codes == by_hand.codes);
        CHECK(stored.absmax == by_hand.absmax);
      }
      const Values values = store(how, Book::Unsigned, x, slot, step).values;
      CHECK(std::find(all.begin(), all.end(), values) == all.end());
      all.push_back(values);
    }
}

TEST_CASE("steady second moments are dithered anew in every step") {
  const Values exact = ramp(500);
  const optim::Storage how = {.second_moment = SecondMoment::Dither};
  SteadyState state(how, exact, 0.9);
  Values v = exact;
  for (int64_t step = 1; step <= 3; ++step) {
    state.step();
    v = store(how, Book::Unsigned, v, 0, step).values;
    for (size_t i = 0; i < v.size(); ++i) v[i] = 0.9f * v[i] + static_cast<float>(1 - 0.9) * exact[i];
    INFO(step);
    CHECK(Values(state.values().begin(), state.values().end()) == v);
  }
}

TEST_CASE("every codec stores what the optimizer would, and reads back from a checkpoint's tensors") {
  const AdamState state = log_normal_state({.rows = 30, .columns = 100}, 3);
  for (const CodecInfo& codec : codecs()) {
    if (codec.value != DType::F32) continue;
    INFO(codec.name);
    const int block = codec.own_block_size ? codec.own_block_size : 64;
    const StoredSlot slot = store({.name = codec.name, .block_size = 64}, Book::Signed, state.m);
    CHECK(slot.coded() == codec.has_absmax());
    CHECK(slot.bytes ==
          codec.stored_count(3000) * size_of(codec.stored) + 4 * codec.absmax_count(3000, block));
    for (size_t i = 0; i < slot.codes.size(); ++i)
      REQUIRE(slot.values[i] ==
              slot.codebook().value[slot.codes[i]] * slot.absmax_of(static_cast<int64_t>(i)));
    if (!codec.has_absmax() || codec.values_per_stored != 1) continue;
    const Tensor stored = Tensor::from(slot.codes, {3000}),
                 absmax = Tensor::from(slot.absmax, {static_cast<int64_t>(slot.absmax.size())});
    CHECK(read_back(codec.name, Book::Signed, 64, 3000, stored, &absmax).values == slot.values);
    CHECK_THROWS_WITH_AS(read_back(codec.name, Book::Signed, 64, 3001, stored, &absmax),
                         doctest::Contains("is u8[3001], not u8[3000]"), Error);
    CHECK_THROWS_WITH_AS(read_back(codec.name, Book::Signed, 64, 3000, stored, nullptr),
                         doctest::Contains("has an absmax"), Error);
    CHECK_THROWS_WITH_AS(read_back(codec.name, Book::Signed, 64, 3000, stored, &stored),
                         doctest::Contains("absmax of 3000 values"), Error);
  }
  CHECK(store({.name = "fp32"}, Book::Signed, state.m).values == state.m);
  CHECK_THROWS_AS(store({.name = "fp64"}, Book::Signed, state.m), Error);
  CHECK_THROWS_AS(store({.name = "int3"}, Book::Signed, state.m), Error);
}

TEST_CASE("a floor keeps small second moments alive, which plain storing loses") {
  const Values v = {1, 1e-9f, 0};
  const auto kept = [&](SecondMoment how) { return store({.second_moment = how}, Book::Unsigned, v).values; };
  CHECK(kept(SecondMoment::Plain)[1] == 0);
  CHECK(kept(SecondMoment::Floor)[1] > 0);
  CHECK(kept(SecondMoment::Floor)[2] == 0);
}

TEST_CASE("made state is the same for a seed and spread as it is told") {
  const LogNormal shape{
      .rows = 400, .columns = 100, .median = 1e-4, .row_decades = 0.7, .element_decades = 0.3};
  const AdamState a = log_normal_state(shape, 1), b = log_normal_state(shape, 1),
                  c = log_normal_state(shape, 2);
  CHECK(a.m == b.m);
  CHECK(a.v == b.v);
  CHECK(a.v != c.v);
  double sum = 0, squares = 0;
  for (const float v : a.v) {
    const double decades = std::log10(std::sqrt(v));
    sum += decades, squares += decades * decades;
  }
  const auto n = static_cast<double>(a.v.size());
  CHECK(sum / n == Approx(-4).epsilon(0.05));
  CHECK(std::sqrt(squares / n - sum / n * sum / n) == Approx(std::sqrt(0.7 * 0.7 + 0.3 * 0.3)).epsilon(0.1));
}

TEST_CASE("the v0.36 book drives steady second moments down, the right one leaves them where they are") {
  // A block with one large value: each step cuts the others down with it.
  Values v = ramp(512);
  const auto ratio_after = [&](const char* name, int steps) {
    SteadyState state({.name = name}, v, 0.999);
    for (int i = 0; i < steps; ++i) state.step();
    std::vector<double> ratios = step_size_ratio(v, state.values(), 1e-8, {});
    return quantile(ratios, 0.5);
  };
  CHECK(ratio_after("fp32", 50) == Approx(1).epsilon(1e-4));
  CHECK(ratio_after("blockwise8", 50) == Approx(1).epsilon(0.02));
  CHECK(ratio_after("blockwise8-v0.36", 0) == 1);
  // One block: its largest settles at A = decay 0.0933 A + 0.001, all are stored as 0.0933 A, and the median
  // is at 0.5.
  const double cut = 0.0933, stored = cut * 0.001 / (1 - 0.999 * cut);
  CHECK(ratio_after("blockwise8-v0.36", 50) ==
        Approx(std::sqrt(0.5 / (0.999 * stored + 0.001 * 0.5))).epsilon(0.01));
}

TEST_CASE("a mean has the standard error of its sample") {
  const std::vector<double> samples = {1, 2, 3, 4};
  CHECK(mean_of(samples).mean == Approx(2.5));
  CHECK(mean_of(samples).standard_error == Approx(std::sqrt(5.0 / 3) / 2));
  CHECK(std::isnan(mean_of(std::vector<double>{1}).standard_error));
}

TEST_CASE("block-wise dynamic beats tensor-wise dynamic, which beats linear, by three standard errors") {
  constexpr int kSets = 8;
  const char* const names[] = {"blockwise8", "tensorwise8", kTensorwiseLinear.data()};
  std::vector<double> errors[3], adam[3];
  for (int seed = 1; seed <= kSets; ++seed) {
    const AdamState state = log_normal_state({.rows = 160}, static_cast<uint64_t>(seed));
    for (size_t i = 0; i < 3; ++i) {
      const StoredSlot m = store({.name = names[i]}, Book::Signed, state.m),
                       v = store({.name = names[i]}, Book::Unsigned, state.v, 1);
      errors[i].push_back(value_error(state.m, m.values).mean_abs);
      adam[i].push_back(adam_error(state.m, state.v, m.values, v.values, 1e-8).mean);
    }
  }
  for (const auto& measure : {errors, adam})
    for (size_t i = 0; i < 2; ++i) {
      std::vector<double> gap;
      for (size_t s = 0; s < kSets; ++s) gap.push_back(measure[i + 1][s] - measure[i][s]);
      INFO(names[i] << " and " << names[i + 1]);
      CHECK(mean_of(gap).mean > 3 * mean_of(gap).standard_error);
    }
}
