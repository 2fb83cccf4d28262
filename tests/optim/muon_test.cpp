// Muon: matrices against its formula in double, what it leaves to AdamW, and its matrices in an Optimizer.
#include "tests/optim/muon_cases.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

namespace {

// A matrix and its momentum by the letter of Muon.
struct Reference {
  int64_t rows, columns;
  std::vector<double> w, buffer;

  std::vector<double> direction(const std::vector<double>& g, const HyperParameters& h) {
    std::vector<double> u(g.size());
    double squares = 0;
    for (size_t i = 0; i < g.size(); ++i) {
      buffer[i] = h.momentum * buffer[i] + g[i];
      u[i] = h.nesterov ? g[i] + h.momentum * buffer[i] : buffer[i];
      squares += u[i] * u[i];
    }
    for (double& x : u) x /= std::sqrt(squares) + 1e-7;
    return orthogonal(u, rows, columns);
  }
  void step(const std::vector<double>& g, const HyperParameters& h) {
    const std::vector<double> x = direction(g, h);
    const double scale = 0.2 * std::sqrt(static_cast<double>(std::max(rows, columns)));
    for (size_t i = 0; i < w.size(); ++i) w[i] = (1 - h.lr * h.weight_decay) * w[i] - h.lr * scale * x[i];
  }
};

int64_t workspace_bytes() {
  return ledger(Device::cpu()).use().live[static_cast<size_t>(MemoryTag::Workspace)];
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
  return largest;
}

HyperParameters hyper() {
  HyperParameters h = default_hyper("muon");
  h.lr = 1e-2;
  h.weight_decay = 0.1;
  return h;
}

constexpr std::pair<int64_t, int64_t> kShapes[] = {{1, 1},   {1, 70},  {70, 1},   {16, 16},
                                                   {48, 80}, {80, 48}, {200, 33}, {3, 1500}};

// How far weights are from the formula's after some steps, in learning rates.
double off_after(int steps, int64_t rows, int64_t columns, const char* codec, HyperParameters h,
                 DType dtype = DType::F32) {
  const NamedParameter p = matrix("w", rows, columns, Device::cpu(), dtype);
  Reference expected{rows, columns, doubles_of(p.variable.value()), {}};
  expected.buffer.resize(expected.w.size());
  Optimizer optimizer(
      {{.parameters = {p}, .options = {.rule = "muon", .codec = codec, .hyper = h, .min_8bit_size = 0}}});
  for (int t = 0; t < steps; ++t) {
    set_gradients({p}, static_cast<uint64_t>(t));
    expected.step(doubles_of(p.variable.grad()), h);
    optimizer.step();
  }
  return distance(doubles_of(p.variable.value()), expected.w) / h.lr;
}

}  // namespace

TEST_CASE("matrices of every form follow Muon's formula for 8 steps") {
  for (const auto& shape : kShapes)
    for (const bool nesterov : {true, false}) {
      const int64_t rows = shape.first, columns = shape.second;
      HyperParameters h = hyper();
      h.nesterov = nesterov;
      INFO(rows << " x " << columns << (nesterov ? ", nesterov" : ""));
      CHECK(off_after(8, rows, columns, "fp64", h, DType::F64) < 1e-11);
      // An element of a step is about 0.2 learning rates; five iterations multiply what rounding leaves in
      // small singular values by up to 3.4^5.
      CHECK(off_after(8, rows, columns, "fp32", h) < 1e-3);
    }
}

TEST_CASE("PyTorch's Muon and ours take the same 20 steps, in double, and nearly in its bfloat16") {
  struct Row {
    int64_t rows, columns;
    std::vector<double> in_double, in_bfloat16;  // from torch_golden.py
  };
  const Row kTorch[] = {
      {4,
       3,
       {0.9968009725078547, 0.2698315261168615, -0.8574690160999586, -0.7211119491995701, 0.4706759653699334,
        0.9731418002948927, 0.052354325373117905, -0.9448096068869304, -0.5575835943779534,
        0.6427624847274368, 0.9045568413765642, -0.16400603630354285},
       {0.9967453338304906, 0.26979571598227514, -0.8575563805303155, -0.7210175797626249,
        0.47064069022728894, 0.9731464436221228, 0.05238433637426646, -0.9448501867352006,
        -0.5574265349557465, 0.6427706813012148, 0.9044540645818183, -0.16401720687168017}},
      {3,
       4,
       {0.9964613541982744, 0.2700562788887155, -0.8567560725222942, -0.7225489908437225, 0.47028871471781225,
        0.9741459686464361, 0.052513114647855574, -0.9442724985983879, -0.5573520879101306,
        0.6447557966080022, 0.9043842062033332, -0.16398264030654622},
       {0.9964191159806483, 0.27008099297796456, -0.8568042012198567, -0.7224580114268782, 0.4702761894188152,
        0.9741873814858211, 0.052497577695746034, -0.9442684483426523, -0.5573795188911043,
        0.6448094022180704, 0.9044632542225095, -0.16403342157751347}}};
  for (const Row& row : kTorch) {
    std::vector<double> w;
    for (int i = 0; i < 12; ++i) w.push_back(std::cos(1.3 * i));
    const NamedParameter p{"w", Variable::leaf(tensor_of(w, DType::F64).reshape({row.rows, row.columns}))};
    HyperParameters h = default_hyper("muon");
    h.lr = 3e-3;
    h.weight_decay = 0.02;
    Optimizer optimizer({{.parameters = {p}, .options = {.rule = "muon", .codec = "fp64", .hyper = h}}});
    for (int t = 1; t <= 20; ++t) {
      std::vector<double> g;
      for (int i = 0; i < 12; ++i) g.push_back(std::sin(1.7 * i * i + 0.9 * t));
      p.variable.grad().reshape({12}).copy_from(tensor_of(g, DType::F64));
      optimizer.step();
    }
    const std::vector<double> got = doubles_of(p.variable.value());
    // PyTorch divides by max(|u|, 1e-7), we by |u| + 1e-7, and its u is a twentieth of ours.
    CHECK(distance(got, row.in_double) < 1e-8);
    CHECK(distance(got, row.in_bfloat16) < 4e-3 * 20 * h.lr);  // 20 steps, a digit of bfloat16 each
  }
}

TEST_CASE("coded momentum changes the direction by what rounding it costs") {
  // The first step's direction is of fresh state, so it is fp32's to the bit.
  for (const char* codec : {"bf16", "blockwise8", "tensorwise8", "blockwise4"})
    CHECK(off_after(1, 48, 80, codec, hyper()) < 1e-4);
  CHECK(off_after(8, 48, 80, "bf16", hyper()) < 0.3);
  CHECK(off_after(8, 48, 80, "blockwise8", hyper()) < 1);
  CHECK(off_after(8, 48, 80, "bf16", hyper()) > 1e-4);  // it is coded
}

TEST_CASE("the direction is nearly orthogonal: its singular values are about 0.7 to 1.2") {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{48, 80}, {80, 48}, {32, 300}}) {
    const NamedParameter p = matrix("w", rows, columns);
    p.variable.value().fill(0);
    HyperParameters h = hyper();
    h.lr = 1, h.weight_decay = 0;
    Optimizer optimizer({{.parameters = {p}, .options = {.rule = "muon", .hyper = h}}});
    set_even_gradient(p, 3);
    optimizer.step();
    std::vector<double> x = doubles_of(p.variable.value());
    for (double& value : x) value /= -0.2 * std::sqrt(static_cast<double>(std::max(rows, columns)));
    const auto [least, most] = singular_values(x, rows, columns);
    MESSAGE(rows << " x " << columns << ": singular values " << least << " to " << most);
    CHECK(least > 0.65);
    CHECK(most < 1.25);
  }
}

TEST_CASE("what is no matrix is stepped by AdamW, to the bit, and a matrix beside it does not matter") {
  const auto run = [](const char* rule, bool with_matrix) {
    std::vector<NamedParameter> p = model();
    p[1].variable = Variable::leaf(p[1].variable.value().reshape({16, 16, 16}));
    p.push_back(matrix("word_embedding.weight", 50, 16));
    const std::vector<NamedParameter> others = p;
    if (with_matrix) p.insert(p.begin() + 1, matrix("matrix", 40, 30));
    GroupOptions options{.rule = rule, .codec = "blockwise8", .hyper = hyper()};
    Optimizer optimizer({{.parameters = p, .options = options}});
    for (uint64_t t = 0; t < 4; ++t) {
      set_gradients(p, t);
      optimizer.step();
    }
    NamedTensors state = optimizer.state();
    std::erase_if(state, [](const auto& entry) { return entry.first.starts_with("matrix"); });
    std::string out = weights_of(others);
    for (const auto& [name, tensor] : state) out += name + bytes_of(tensor);
    return out;
  };
  const std::string expected = run("adamw", false);
  CHECK((run("muon", false) == expected));
  CHECK((run("muon", true) == expected));
}

TEST_CASE("state is a momentum of any codec, and scratch is as large as the largest matrix needs") {
  const std::vector<NamedParameter> p{matrix("a", 64, 64), matrix("b", 30, 200), matrix("empty", 0, 7)};
  const int64_t before = workspace_bytes();
  Optimizer optimizer({{.parameters = p, .options = {.rule = "muon", .codec = "blockwise8"}}});
  CHECK(optimizer.codec_of("a") == "blockwise8");
  CHECK(optimizer.state_bytes() == 4096 + 4 * 16 + 6000 + 4 * 24);
  CHECK(optimizer.update_bytes() == 0);  // nobody counts what products move
  const int64_t scratch = workspace_bytes() - before;
  CHECK(scratch >= NewtonSchulz::scratch_bytes({30, 200}, DType::F32));
  CHECK(scratch < NewtonSchulz::scratch_bytes({64, 64}, DType::F32) + 8192);
}

TEST_CASE("a gradient of zeros only lets weights decay") {
  const NamedParameter p = matrix("w", 20, 30);
  HyperParameters h = hyper();
  Optimizer optimizer({{.parameters = {p}, .options = {.rule = "muon", .hyper = h}}});
  std::vector<double> expected = doubles_of(p.variable.value());
  for (double& w : expected) w *= 1 - h.lr * h.weight_decay;
  p.variable.grad().fill(0);
  optimizer.step();
  CHECK(distance(doubles_of(p.variable.value()), expected) < 1e-6);
}

TEST_CASE("Muon's bad steps, clipping and a reload half way, on this device") { check_muon(Device::cpu()); }

TEST_CASE("Muon's state is converted between codecs on loading") {
  const std::vector<NamedParameter> p{matrix("w", 48, 100), parameter("bias", 48)};
  const auto make = [&](const char* codec) {
    return Optimizer({{.parameters = p, .options = {.rule = "muon", .codec = codec}}});
  };
  Optimizer exact = make("fp32"), coded = make("blockwise8");
  set_gradients(p, 1);
  exact.step();
  CHECK(coded.load_state(exact.state()) ==
        "optimizer state converted from fp32 to blockwise8 (1 of 2 tensors)");
  coded.step();
}
