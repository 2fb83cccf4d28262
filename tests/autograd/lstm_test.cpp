#include <cmath>

#include "autograd/functions.h"
#include "autograd/gradcheck.h"
#include "core/cpu/thread_pool.h"
#include "core/safetensors.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

struct Case {
  const char* name;
  LstmConfig config;
  std::vector<int64_t> lengths;  // longest first, as in the file
  int64_t time;
  bool state;
};

const Case kCases[] = {
    {"sms", {12, 8, 2, true}, {7, 5, 5, 2, 1}, 7, false},
    {"imdb", {6, 8, 4, false}, {9, 9, 9}, 9, false},
    {"imdb_state", {6, 8, 4, false}, {9, 9, 9}, 9, true},
};

double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  const std::vector<double> x = a.to(DType::F64, MemoryTag::Data).to_vector<double>(),
                            y = b.to(DType::F64, MemoryTag::Data).to_vector<double>();
  double largest = 0;
  for (size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(x[i] - y[i]));
  return largest;
}

// torch's names of the weights, in the order of lstm().
std::vector<std::string> weight_names(const LstmConfig& config) {
  std::vector<std::string> names;
  for (int64_t layer = 0; layer < config.layers; ++layer)
    for (int64_t direction = 0; direction < config.directions(); ++direction)
      for (const char* part : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
        names.push_back(std::string(part) + "_l" + std::to_string(layer) + (direction ? "_reverse" : ""));
  return names;
}

void check_case(const TensorFile& file, const Case& c, const std::string& precision, double tolerance) {
  const std::string prefix = std::string(c.name) + "." + precision + ".";
  const auto get = [&](const std::string& name) { return file.at(prefix + name); };
  const PackingPtr packing = Packing::of(c.lengths);
  const std::vector<std::string> names = weight_names(c.config);
  // Which of the outputs the loss weighs: the three sums of the golden file.
  for (const std::string sum_name : {"output", "h_n", "all"}) {
    CAPTURE(prefix + "grad_of_" + sum_name);
    const Variable x = Variable::leaf(get("input"));
    std::vector<Variable> weights;
    for (const std::string& name : names) weights.push_back(Variable::leaf(get("param." + name)));
    Variable h0, c0;
    if (c.state) {
      h0 = Variable::leaf(get("h0"));
      c0 = Variable::leaf(get("c0"));
    }
    const LstmResult result = lstm(pack(x, packing), packing, weights, c.config, h0, c0);
    const Variable output = unpack(result.y, packing, c.time);
    CHECK(largest_difference(output.value(), get("output")) < tolerance);
    CHECK(largest_difference(result.h_n.value(), get("h_n")) < tolerance);
    CHECK(largest_difference(result.c_n.value(), get("c_n")) < tolerance);
    const auto weighted = [&](const Variable& y, const char* name) {
      return sum(y * Variable(get(std::string("loss_weights.") + name)));
    };
    Variable loss;
    if (sum_name == "output") loss = weighted(output, "output");
    if (sum_name == "h_n") loss = weighted(result.h_n, "h_n");
    if (sum_name == "all")
      loss = weighted(output, "output") + weighted(result.h_n, "h_n") + weighted(result.c_n, "c_n");
    loss.backward();
    const std::string of = "grad_of_" + sum_name + ".";
    CHECK(largest_difference(x.grad(), get(of + "input")) < tolerance);
    for (size_t i = 0; i < names.size(); ++i) {
      CAPTURE(names[i]);
      CHECK(largest_difference(weights[i].grad(), get(of + "param." + names[i])) < tolerance);
    }
    if (c.state) {
      CHECK(largest_difference(h0.grad(), get(of + "h0")) < tolerance);
      CHECK(largest_difference(c0.grad(), get(of + "c0")) < tolerance);
    }
  }
}

Tensor random(const Shape& shape, Rng& rng, DType dtype = DType::F64) {
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (double& value : values) value = rng.uniform() - 0.5;
  return Tensor::from(values, shape).to(dtype, MemoryTag::Data);
}

}  // namespace

TEST_CASE("the LSTM agrees with PyTorch in every output and gradient") {
  const TensorFile file = read_safetensors(NEED_GOLDEN("lstm_golden.safetensors").string());
  for (const Case& c : kCases) {
    check_case(file, c, "f64", 1e-10);
    check_case(file, c, "f32", 2e-5);
  }
}

TEST_CASE("the LSTM passes the gradient check at awkward sizes, with and without initial state") {
  struct Size {
    LstmConfig config;
    std::vector<int64_t> lengths;
  };
  const Size sizes[] = {{{1, 1, 1, false}, {1}},
                        {{3, 5, 2, true}, {4, 2, 1}},
                        {{2, 9, 1, true}, {3, 3}},
                        {{4, 3, 3, false}, {5, 4, 4, 1, 1, 1, 1}}};
  Rng rng(11);
  for (const Size& size : sizes) {
    const PackingPtr packing = Packing::of(size.lengths);
    std::vector<Tensor> inputs = {random({packing->total(), size.config.input}, rng)};
    for (int64_t cell = 0; cell < size.config.cells(); ++cell) {
      const int64_t gates = 4 * size.config.hidden,
                    in = size.config.input_of(cell / size.config.directions());
      inputs.push_back(random({gates, in}, rng));
      inputs.push_back(random({gates, size.config.hidden}, rng));
      inputs.push_back(random({gates}, rng));
      inputs.push_back(random({gates}, rng));
    }
    const auto run = [&](const std::vector<Variable>& v, bool state) {
      const auto end = v.end() - (state ? 2 : 0);
      const LstmResult r = lstm(v[0], packing, std::vector<Variable>(v.begin() + 1, end), size.config,
                                state ? v[v.size() - 2] : Variable(), state ? v.back() : Variable());
      return sum(r.y * r.y) + sum(r.h_n) + sum(r.c_n * r.c_n);
    };
    CHECK(gradcheck([&](const std::vector<Variable>& v) { return run(v, false); }, inputs) == "");
    const Shape state = {size.config.cells(), packing->batch(), size.config.hidden};
    inputs.push_back(random(state, rng));
    inputs.push_back(random(state, rng));
    CHECK(gradcheck([&](const std::vector<Variable>& v) { return run(v, true); }, inputs) == "");
  }
}

TEST_CASE("the LSTM passes the gradient check where sequences share a beginning") {
  struct Size {
    LstmConfig config;
    int64_t length;
    std::vector<int64_t> prefix;
  };
  const Size sizes[] = {
      {{2, 3, 1, false}, 4, {3, 1, 0, 3}}, {{3, 5, 3, false}, 5, {4, 2, 4}}, {{2, 4, 2, false}, 3, {2}}};
  Rng rng(12);
  for (const Size& size : sizes) {
    const PackingPtr packing = Packing::sharing(size.length, size.prefix);
    std::vector<Tensor> inputs = {random({packing->total(), size.config.input}, rng)};
    for (int64_t cell = 0; cell < size.config.cells(); ++cell) {
      const int64_t gates = 4 * size.config.hidden;
      for (const Shape& shape : {Shape{gates, size.config.input_of(cell)}, Shape{gates, size.config.hidden},
                                 Shape{gates}, Shape{gates}})
        inputs.push_back(random(shape, rng));
    }
    const auto run = [&](const std::vector<Variable>& v) {
      const LstmResult r = lstm(v[0], packing, std::vector<Variable>(v.begin() + 1, v.end()), size.config);
      const Variable y = unpack(r.y, packing, size.length);  // every sequence's copy of a shared row counts
      return sum(y * y) + sum(r.h_n) + sum(r.c_n * r.c_n);
    };
    CHECK(gradcheck(run, inputs) == "");
  }
}

TEST_CASE("outputs of a shared beginning are those of every sequence that shares it") {
  const LstmConfig config = {3, 6, 2, false};
  const PackingPtr shared = Packing::sharing(6, {4, 0, 5, 4}), whole = Packing::of({6, 6, 6, 6});
  Rng rng(6);
  const Tensor x = random({shared->total(), 3}, rng);
  std::vector<int32_t> rows;
  for (int64_t step = 0; step < 6; ++step)
    for (int64_t row = 0; row < 4; ++row) rows.push_back(static_cast<int32_t>(shared->at(row, step)));
  const Tensor index = Tensor::from(rows, {24});
  std::vector<Tensor> weights;
  for (int64_t cell = 0; cell < 2; ++cell)
    for (const Shape& shape : {Shape{24, config.input_of(cell)}, Shape{24, 6}, Shape{24}, Shape{24}})
      weights.push_back(random(shape, rng));
  const Variable loss_weights(random({4, 6, 6}, rng));
  const auto run = [&](const PackingPtr& packing) {
    const Variable input = Variable::leaf(x);
    std::vector<Variable> w;
    for (const Tensor& weight : weights) w.push_back(Variable::leaf(weight));
    const LstmResult r = lstm(input, packing, w, config, {}, {}, packing == whole ? index : Tensor());
    const Variable y = unpack(r.y, packing, 6);
    (sum(y * y * loss_weights) + sum(r.c_n)).backward();
    std::vector<Tensor> all = {y.value(), r.h_n.value(), r.c_n.value(), input.grad()};
    for (const Variable& weight : w) all.push_back(weight.grad());
    return all;
  };
  const std::vector<Tensor> a = run(shared), b = run(whole);
  for (size_t i = 0; i < a.size(); ++i) CHECK(largest_difference(a[i], b[i]) < 1e-12);

  std::vector<Variable> w;
  for (const Tensor& weight : weights) w.push_back(Variable(weight));
  const Variable state(Tensor::zeros({2, 4, 6}, DType::F64, Device::cpu(), MemoryTag::Data));
  CHECK_ERROR(ErrorKind::Usage, "from zero states only", lstm(Variable(x), shared, w, config, state, state));
  CHECK_ERROR(ErrorKind::Usage, "cannot share a beginning",
              pack(Variable(Tensor::zeros({4, 6, 3}, DType::F64, Device::cpu(), MemoryTag::Data)), shared));
}

TEST_CASE("an LSTM that reads repeated rows through an index equals one that gets them repeated") {
  const LstmConfig config = {5, 7, 2, true};
  const PackingPtr packing = Packing::of({4, 3, 1});
  const std::vector<int32_t> rows = {2, 0, 2, 1, 2, 0, 3, 2};
  const Tensor index = Tensor::from(rows, {8});
  Rng rng(5);
  const Tensor table = random({4, 5}, rng);
  std::vector<Tensor> weights;
  for (int64_t cell = 0; cell < config.cells(); ++cell)
    for (const Shape& shape : {Shape{28, config.input_of(cell / 2)}, Shape{28, 7}, Shape{28}, Shape{28}})
      weights.push_back(random(shape, rng));
  const auto run = [&](bool indexed) {
    const Variable x = Variable::leaf(table);
    std::vector<Variable> w;
    for (const Tensor& weight : weights) w.push_back(Variable::leaf(weight));
    const LstmResult r =
        indexed ? lstm(x, packing, w, config, {}, {}, index) : lstm(embedding(x, index), packing, w, config);
    sum(r.y * r.y + sum(r.c_n)).backward();
    std::vector<Tensor> all = {r.y.value(), r.h_n.value(), r.c_n.value(), x.grad()};
    for (const Variable& weight : w) all.push_back(weight.grad());
    return all;
  };
  const std::vector<Tensor> a = run(true), b = run(false);
  for (size_t i = 0; i < a.size(); ++i) CHECK(largest_difference(a[i], b[i]) < 1e-12);
  const NoGrad no_grad;
  std::vector<Variable> w;
  for (const Tensor& weight : weights) w.push_back(Variable(weight));
  CHECK(largest_difference(lstm(Variable(table), packing, w, config, {}, {}, index).y.value(), a[0]) < 1e-15);
  CHECK_ERROR(
      ErrorKind::Data, "index 4",
      lstm(Variable(table), packing, w, config, {}, {}, Tensor::from(std::vector<int32_t>(8, 4), {8})));
}

TEST_CASE("the LSTM gives the same bytes with one thread and with three") {
  const LstmConfig config = {20, 24, 2, true};
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < 80; ++i) lengths.push_back(30 - i / 3);
  const PackingPtr packing = Packing::of(lengths);
  const auto run = [&](int threads) {
    cpu::set_thread_count(threads);
    Rng rng(3);
    const Variable x = Variable::leaf(random({packing->total(), 20}, rng, DType::F32));
    std::vector<Variable> weights;
    for (int64_t cell = 0; cell < config.cells(); ++cell)
      for (const Shape& shape : {Shape{96, config.input_of(cell / 2)}, Shape{96, 24}, Shape{96}, Shape{96}})
        weights.push_back(Variable::leaf(random(shape, rng, DType::F32)));
    const LstmResult result = lstm(x, packing, weights, config);
    sum(result.y * result.y).backward();
    std::vector<float> all = result.y.value().to_vector<float>();
    for (const Variable& weight : weights)
      for (const float g : weight.grad().to_vector<float>()) all.push_back(g);
    for (const float g : x.grad().to_vector<float>()) all.push_back(g);
    cpu::set_thread_count(0);
    return all;
  };
  CHECK(run(1) == run(3));
}

TEST_CASE("the LSTM names the weight that does not fit") {
  const PackingPtr packing = Packing::of({2});
  const Variable x(Tensor::zeros({2, 3}, DType::F32, Device::cpu(), MemoryTag::Data));
  const auto zeros = [](const Shape& shape) {
    return Variable(Tensor::zeros(shape, DType::F32, Device::cpu(), MemoryTag::Data));
  };
  CHECK_ERROR(ErrorKind::Usage, "weight 1 of cell 0 is [8,3]",
              lstm(x, packing, {zeros({8, 3}), zeros({8, 3}), zeros({8}), zeros({8})}, {3, 2, 1, false}));
  CHECK_ERROR(ErrorKind::Usage, "longest first", Packing::of({2, 3}));
  CHECK_ERROR(ErrorKind::Usage, "length 0", Packing::of({2, 0}));
}
