#include "tests/support/kernel_stage.h"
#include "tests/support/lstm_reference.h"

namespace octet::testing {
namespace {

struct LstmCase {
  const char* what;
  LstmConfig config;
  std::vector<int64_t> lengths;
  bool state;        // h0 and c0 are given, and their gradients wanted
  int64_t distinct;  // rows that an index repeats; 0: no index
  bool dy, dh_n, dc_n;
  bool some = false;                 // only every other weight's gradient is wanted, and none of the inputs'
  std::vector<int64_t> prefix = {};  // of a beginning that the sequences, all of one length, share
};

std::vector<int64_t> descending(int64_t count, int64_t longest) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < count; ++i) lengths.push_back(longest - i * (longest - 1) / count);
  return lengths;
}

// Few lengths, each of several sequences.
const std::vector<int64_t> kGroups = {9, 9, 9, 7, 7, 4, 4, 4, 4, 1};

std::vector<int64_t> falling_prefix(int64_t count, int64_t longest) {
  std::vector<int64_t> prefix = descending(count, longest);
  prefix.back() = 0;
  std::swap(prefix.front(), prefix[prefix.size() / 2]);  // no order is asked for
  return prefix;
}

LstmCase shared(const char* what, const LstmConfig& config, int64_t length, std::vector<int64_t> prefix,
                int64_t distinct = 0, bool some = false) {
  const std::vector<int64_t> lengths(prefix.size(), length);
  LstmCase c = {what, config, lengths, false, distinct, true, true, true, some};
  c.prefix = std::move(prefix);
  return c;
}

const std::vector<LstmCase>& lstm_cases() {
  static const std::vector<LstmCase> cases = {
      {"one of everything", {1, 1, 1, false}, {1}, false, 0, true, true, true},
      {"odd sizes", {3, 5, 2, true}, {4, 2, 1}, false, 0, true, false, false},
      {"initial states", {3, 5, 2, true}, {4, 2, 2, 1}, true, 0, true, true, true},
      {"last states only", {5, 7, 2, true}, {6, 6, 3, 1, 1}, false, 4, false, true, false},
      {"an index and initial states", {4, 9, 3, false}, {5, 4, 1}, true, 6, true, false, true},
      {"many rows", {20, 24, 2, true}, descending(80, 19), false, 0, true, true, false},
      {"many rows through an index", {21, 33, 2, true}, descending(75, 17), false, 50, false, true, false},
      {"single steps", {3, 8, 2, true}, {1, 1, 1}, false, 0, true, true, true},
      {"equal lengths", {4, 8, 2, true}, {5, 5, 5, 5}, true, 0, true, false, false},
      {"one sequence", {6, 8, 2, true}, {7}, false, 3, true, true, false},
      {"64 units", {10, 64, 2, true}, {6, 4, 4, 1}, false, 0, true, true, false},
      {"100 units", {7, 100, 1, true}, {4, 2, 1}, true, 0, true, true, true},
      {"layers of one direction", {5, 8, 3, false}, {4, 3, 1}, false, 0, true, true, true},
      {"several groups of equal length", {6, 8, 1, true}, kGroups, false, 0, true, true, true},
      {"several groups and initial states", {6, 8, 2, true}, kGroups, true, 0, true, true, true},
      {"several groups of one direction", {5, 8, 2, false}, kGroups, true, 0, true, false, true},
      {"several groups through an index", {7, 64, 2, true}, kGroups, true, 12, true, true, false},
      {"several groups, last states only", {16, 64, 1, true}, kGroups, false, 20, false, true, false},
      {"several groups of odd sizes", {3, 7, 2, true}, kGroups, true, 0, true, true, true},
      {"several groups of 100 units", {9, 100, 1, true}, kGroups, false, 0, true, true, false},
      {"some gradients of several groups", {5, 8, 1, true}, kGroups, true, 4, true, true, false, true},
      {"a group of one sequence first", {4, 16, 1, true}, {30, 12, 12, 12}, false, 0, true, true, false},
      {"as many lengths as sequences", {6, 16, 1, true}, descending(40, 40), true, 0, true, true, false},
      {"many equal lengths", {12, 64, 1, true}, std::vector<int64_t>(70, 11), false, 0, true, true, false},
      {"66 units", {5, 66, 2, true}, {5, 3, 3, 1}, true, 6, true, true, true},
      {"128 units", {8, 128, 1, true}, {6, 6, 6}, true, 0, true, true, true},
      {"several groups of 136 units", {9, 136, 2, true}, kGroups, true, 0, true, true, false},
      {"130 units", {8, 130, 1, true}, {6, 6, 6}, true, 0, true, true, true},
      {"some gradients", {5, 8, 2, true}, {4, 3, 1}, true, 0, true, true, true, true},
      {"some gradients through an index", {5, 8, 1, true}, {4, 3, 1}, false, 4, true, true, false, true},
      shared("a shared beginning", {5, 8, 1, false}, 6, {3, 0, 5, 3}),
      shared("a shared beginning of several layers", {3, 7, 4, false}, 9, {8, 2, 8, 1, 0, 5}),
      shared("a beginning shared but for one step", {4, 8, 2, false}, 7, {6, 6, 6}),
      shared("a beginning of one sequence alone", {4, 8, 2, false}, 5, {0, 3, 0}),
      shared("one sequence with a beginning", {4, 8, 3, false}, 5, {4}),
      shared("a beginning of a single step", {4, 9, 2, false}, 3, {1, 1, 0, 1}),
      shared("a beginning shared by many", {10, 24, 2, false}, 20, falling_prefix(80, 19)),
      shared("a shared beginning through an index", {7, 17, 2, false}, 16, falling_prefix(50, 15), 9),
      shared("some gradients with a shared beginning", {5, 8, 2, false}, 6, {3, 0, 5, 3}, 5, true),
  };
  return cases;
}

// Operands of a case, on the stage's device.
struct LstmOperands {
  LstmProblem problem;  // knows nothing of shared beginnings
  PackingPtr packing;
  std::vector<int64_t> packed_row;  // of each row of the problem
  std::vector<int64_t> row_of;      // of each packed row one of the problem
  std::vector<int32_t> index;
  Values table;  // the input's rows: `distinct` ones, or all
  Values dy;     // of the packed rows
  Tensor x, rows, h0, c0;
  std::vector<Tensor> weights;
  Tensor y, h_n, c_n;

  LstmOperands(const LstmCase& c, const Stage& s)
      : packing(c.prefix.empty() ? Packing::of(c.lengths) : Packing::sharing(c.lengths.front(), c.prefix)) {
    const LstmConfig& config = c.config;
    LstmProblem& p = problem;
    p.config = config;
    p.lengths = c.lengths;
    const int64_t total = packing->total(), given = c.distinct ? c.distinct : total;
    packed_row.resize(static_cast<size_t>(p.total()));
    row_of.resize(static_cast<size_t>(total));
    for (int64_t sequence = 0; sequence < p.batch(); ++sequence)
      for (int64_t step = 0; step < c.lengths[static_cast<size_t>(sequence)]; ++step) {
        const int64_t row = p.row(sequence, step), packed = packing->at(sequence, step);
        packed_row[static_cast<size_t>(row)] = packed;
        row_of[static_cast<size_t>(packed)] = row;
      }
    table = random_values(given * config.input, -1, 1, 1);
    Rng rng(2);
    for (int64_t row = 0; row < total; ++row)
      index.push_back(static_cast<int32_t>(
          c.distinct ? static_cast<int64_t>(rng.below(static_cast<uint64_t>(given))) : row));
    for (const int64_t packed : packed_row) {
      const auto from = table.begin() + index[static_cast<size_t>(packed)] * config.input;
      p.x.insert(p.x.end(), from, from + config.input);
    }
    x = s.in(table, {given, config.input});
    if (c.distinct) rows = s.ids(index);

    const Shape state = {config.cells(), p.batch(), config.hidden},
                out = {total, config.directions() * config.hidden};
    const auto values = [](bool wanted, const Shape& shape, uint64_t seed) {
      return wanted ? random_values(shape.numel(), -1, 1, seed) : Values();
    };
    p.h0 = values(c.state, state, 3);
    p.c0 = values(c.state, state, 4);
    if (c.state) h0 = s.in(p.h0, state), c0 = s.in(p.c0, state);
    const double bound = 1 / std::sqrt(static_cast<double>(config.hidden));
    for (int64_t cell = 0; cell < config.cells(); ++cell) {
      const int64_t gates = 4 * config.hidden;
      for (const Shape& shape : {Shape{gates, config.input_of(cell / config.directions())},
                                 Shape{gates, config.hidden}, Shape{gates}, Shape{gates}}) {
        p.weights.push_back(random_values(shape.numel(), -bound, bound, 100 + p.weights.size()));
        weights.push_back(s.in(p.weights.back(), shape));
      }
    }
    dy = values(c.dy, out, 5);
    // What flows back into a row of a shared beginning does so once.
    if (c.dy) {
      p.dy.resize(packed_row.size() * static_cast<size_t>(out[1]));
      for (size_t packed = 0; packed < row_of.size(); ++packed)
        std::copy_n(dy.begin() + static_cast<int64_t>(packed) * out[1], out[1],
                    p.dy.begin() + row_of[packed] * out[1]);
    }
    p.dh_n = values(c.dh_n, state, 6);
    p.dc_n = values(c.dc_n, state, 7);
    y = s.out(out);
    h_n = s.out(state);
    c_n = s.out(state);
  }

  // Of the packed rows, from values of the problem's rows.
  Values packed_values(const Values& values) const {
    const auto width = static_cast<int64_t>(values.size() / packed_row.size());
    Values packed;
    for (const int64_t row : row_of)
      packed.insert(packed.end(), values.begin() + row * width, values.begin() + (row + 1) * width);
    return packed;
  }

  // With this many more bytes behind what the kernels may use.
  Tensor reserve(const Stage& s, int64_t more) const {
    const int64_t bytes = s.kernels().recurrent.lstm_reserve(s.device(), problem.config, *packing, s.dtype());
    return Tensor::full({bytes + more}, 201, DType::U8, s.device(), MemoryTag::Activations);
  }
  void forward(const Stage& s, const Tensor& memory) const {
    s.kernels().recurrent.lstm_forward(
        {problem.config, packing, x, rows, h0, c0, weights, y, h_n, c_n, memory});
  }
  struct Gradients {
    Tensor dx, dh0, dc0;  // undefined where there is no such input
    std::vector<Tensor> dweights;
  };
  Gradients backward(const Stage& s, const Tensor& memory, bool some) const {
    const auto in = [&](const Values& values, const Tensor& like) {
      return values.empty() ? Tensor() : s.in(values, like.shape());
    };
    const auto out = [&](const Tensor& like) { return like.defined() ? s.out(like.shape()) : Tensor(); };
    const LstmProblem& p = problem;
    Gradients g;
    if (!some) g = {out(x), out(h0), out(c0), {}};
    for (size_t i = 0; i < weights.size(); ++i)
      g.dweights.push_back(some && i % 2 == 0 ? Tensor() : out(weights[i]));
    s.kernels().recurrent.lstm_backward({p.config, packing, x, rows, h0, c0, weights, y, memory, in(dy, y),
                                         in(p.dh_n, h_n), in(p.dc_n, c_n), g.dx, g.dh0, g.dc0, g.dweights});
    return g;
  }
};

void add_lstm_case(Cases& cases, const LstmCase& c) {
  add_case(cases, "recurrent.lstm_reserve", c.what, [&c](Stage& s) {
    const LstmOperands o(c, s);
    constexpr int64_t kGuard = 4096;  // bytes behind the reserve, which must not be touched
    const Tensor memory = o.reserve(s, kGuard);
    const int64_t bytes = memory.numel() - kGuard;
    o.forward(s, memory.slice_rows(0, bytes));
    o.backward(s, memory.slice_rows(0, bytes), c.some);
    s.expect_exactly("guard", values_of(memory.slice_rows(bytes, bytes + kGuard)), Values(kGuard, 201.0));
  });
  add_case(cases, "recurrent.lstm_forward", c.what, [&c](Stage& s) {
    const LstmOperands o(c, s);
    const LstmReference expected(o.problem);
    for (const bool training : {false, true}) {
      o.forward(s, training ? o.reserve(s, 0) : Tensor());
      const std::string suffix = training ? " with a reserve" : "";
      s.expect("y" + suffix, o.y, o.packed_values(expected.y));
      s.expect("h_n" + suffix, o.h_n, expected.h_n);
      s.expect("c_n" + suffix, o.c_n, expected.c_n);
      for (const Tensor& tensor : {o.y, o.h_n, o.c_n}) tensor.fill(std::nan(""));
    }
  });
  add_case(cases, "recurrent.lstm_backward", c.what, [&c](Stage& s) {
    const LstmOperands o(c, s);
    const LstmReference expected(o.problem);
    const Tensor memory = o.reserve(s, 0);
    o.forward(s, memory);
    const LstmOperands::Gradients g = o.backward(s, memory, c.some);
    Values dx(o.table.size());  // equal rows' gradients add up
    const auto width = static_cast<size_t>(c.config.input);
    for (size_t row = 0; row < o.packed_row.size(); ++row)
      for (size_t i = 0; i < width; ++i)
        dx[static_cast<size_t>(o.index[static_cast<size_t>(o.packed_row[row])]) * width + i] +=
            expected.dx[row * width + i];
    const auto expect = [&](const std::string& name, const Tensor& actual, const Values& values) {
      if (actual.defined()) s.expect(name, actual, values);
    };
    expect("dx", g.dx, dx);
    expect("dh0", g.dh0, expected.dh0);
    expect("dc0", g.dc0, expected.dc0);
    for (size_t i = 0; i < g.dweights.size(); ++i)
      expect("dweight " + std::to_string(i), g.dweights[i], expected.dweights[i]);
  });
}

}  // namespace

void add_lstm_cases(Cases& cases) {
  for (const LstmCase& c : lstm_cases()) add_lstm_case(cases, c);
}

}  // namespace octet::testing
