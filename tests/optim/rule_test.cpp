// Every rule against its formula, written down a second time in double, and against PyTorch.
#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "tests/optim/plan_model.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

namespace {

struct Cell {
  double w = 0;
  std::array<double, kMaxSlots> state{};  // in the order of the rule's slots
};

// `factor`: that of the tensor, 1 in rules that have none.
using Formula = void (*)(Cell& cell, double g, int t, const HyperParameters& h, double factor);
using Factor = double (*)(const std::vector<Cell>& cells, const std::vector<double>& g, int t,
                          const HyperParameters& h);

double corrected(double mean, double beta, int t) { return mean / (1 - std::pow(beta, t)); }

void adam(Cell& cell, double g, int t, const HyperParameters& h) {
  auto& [m, v, none] = cell.state;
  m = h.beta1 * m + (1 - h.beta1) * g;
  v = h.beta2 * v + (1 - h.beta2) * g * g;
  cell.w -= h.lr * corrected(m, h.beta1, t) / (std::sqrt(corrected(v, h.beta2, t)) + h.eps);
}

void ademamix(Cell& cell, double g, int t, const HyperParameters& h, double) {
  auto& [fast, slow, v] = cell.state;
  double alpha = h.alpha_slow, beta3 = h.beta3;
  if (h.t_alpha > 0) alpha = std::min(t * h.alpha_slow / h.t_alpha, h.alpha_slow);
  if (h.t_beta3 > 0) {
    const double from = std::log(h.beta1), to = std::log(h.beta3), done = t / h.t_beta3;
    if (done < 1) beta3 = std::min(std::exp(from * to / ((1 - done) * to + done * from)), h.beta3);
  }
  cell.w *= 1 - h.lr * h.weight_decay;
  fast = h.beta1 * fast + (1 - h.beta1) * g;
  slow = beta3 * slow + (1 - beta3) * g;
  v = h.beta2 * v + (1 - h.beta2) * g * g;
  cell.w -=
      h.lr * (corrected(fast, h.beta1, t) + alpha * slow) / (std::sqrt(corrected(v, h.beta2, t)) + h.eps);
}

void lion(Cell& cell, double g, int, const HyperParameters& h, double) {
  double& m = cell.state[0];
  const double c = h.beta1 * m + (1 - h.beta1) * g;
  cell.w *= 1 - h.lr * h.weight_decay;
  cell.w -= h.lr * ((c > 0) - (c < 0));
  m = h.beta2 * m + (1 - h.beta2) * g;
}

void rmsprop(Cell& cell, double g, int, const HyperParameters& h, double) {
  auto& [v, b, mean] = cell.state;
  g += h.weight_decay * cell.w;
  const double s = h.alpha * (v + mean * mean) + (1 - h.alpha) * g * g;
  if (h.centered) mean = h.alpha * mean + (1 - h.alpha) * g;
  v = s - mean * mean;
  b = h.momentum * b + g / (std::sqrt(v) + h.eps);
  cell.w -= h.lr * b;
}

void adagrad(Cell& cell, double g, int, const HyperParameters& h, double) {
  g += h.weight_decay * cell.w;
  cell.state[0] += g * g;
  cell.w -= h.lr * g / (std::sqrt(cell.state[0]) + h.eps);
}

void momentum(Cell& cell, double g, int t, const HyperParameters& h, double) {
  double& s = cell.state[0];
  g += h.weight_decay * cell.w;
  s = t == 1 ? g : h.momentum * s + (1 - h.dampening) * g;
  cell.w -= h.lr * (h.nesterov ? g + h.momentum * s : s);
}

double lamb_direction(Cell& cell, double g, int t, const HyperParameters& h) {
  auto& [m, v, none] = cell.state;
  m = h.beta1 * m + (1 - h.beta1) * g;
  v = h.beta2 * v + (1 - h.beta2) * g * g;
  return corrected(m, h.beta1, t) / (std::sqrt(corrected(v, h.beta2, t)) + h.eps) + h.weight_decay * cell.w;
}

double adafactor_direction(Cell& cell, double g, int t, const HyperParameters& h) {
  const double rest = std::pow(t, -h.decay_rate);
  cell.state[0] = (1 - rest) * cell.state[0] + rest * (g * g + h.eps);
  return g / std::sqrt(cell.state[0]);
}

double muon_direction(Cell& cell, double g, const HyperParameters& h) {
  double& s = cell.state[0];
  s = h.momentum * s + g;
  return h.nesterov ? g + h.momentum * s : s;
}

const std::map<std::string_view, Formula> kFormulas{
    {"adam", [](Cell& cell, double g, int t, const HyperParameters& h,
                double) { adam(cell, g + h.weight_decay * cell.w, t, h); }},
    {"adamw",
     [](Cell& cell, double g, int t, const HyperParameters& h, double) {
       cell.w *= 1 - h.lr * h.weight_decay;
       adam(cell, g, t, h);
     }},
    {"ademamix", ademamix},
    {"lion", lion},
    {"rmsprop", rmsprop},
    {"adagrad", adagrad},
    {"momentum", momentum},
    {"sgd", [](Cell& cell, double g, int, const HyperParameters& h,
               double) { cell.w -= h.lr * (g + h.weight_decay * cell.w); }},
    {"lamb", [](Cell& cell, double g, int t, const HyperParameters& h,
                double factor) { cell.w -= factor * lamb_direction(cell, g, t, h); }},
    {"lars",
     [](Cell& cell, double g, int, const HyperParameters& h, double factor) {
       cell.state[0] = h.momentum * cell.state[0] + factor * (g + h.weight_decay * cell.w);
       cell.w -= cell.state[0];
     }},
    {"adafactor",
     [](Cell& cell, double g, int t, const HyperParameters& h, double factor) {
       const double u = adafactor_direction(cell, g, t, h);
       cell.w *= 1 - h.lr * h.weight_decay;
       cell.w -= factor * u;
     }},
    // The pass before the products, which writes a direction in place of weights (muon_test.cpp has the
    // rest).
    {"muon", [](Cell& cell, double g, int, const HyperParameters& h,
                double factor) { cell.w = factor * muon_direction(cell, g, h); }},
};

// The norms of the weights and of what direction() gives, over the whole tensor.
template <class Direction>
std::pair<double, double> norms(std::vector<Cell> cells, const std::vector<double>& g,
                                const Direction& direction) {
  double w = 0, u = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    w += cells[i].w * cells[i].w;
    const double x = direction(cells[i], g[i]);
    u += x * x;
  }
  return {std::sqrt(w), std::sqrt(u)};
}

const std::map<std::string_view, Factor> kFactors{
    {"lamb",
     [](const std::vector<Cell>& cells, const std::vector<double>& g, int t, const HyperParameters& h) {
       const auto [w, u] =
           norms(cells, g, [&](Cell& cell, double x) { return lamb_direction(cell, x, t, h); });
       const double ratio = w > 0 && u > 0 ? w / u : 1;
       return h.lr * (h.max_trust > 0 ? std::min(ratio, h.max_trust) : ratio);
     }},
    {"lars",
     [](const std::vector<Cell>& cells, const std::vector<double>& g, int, const HyperParameters& h) {
       const auto [w, u] = norms(cells, g, [](Cell&, double x) { return x; });
       return w > 0 && u > 0 ? h.lr * h.trust_coefficient * w / (u + h.weight_decay * w + h.eps) : h.lr;
     }},
    {"adafactor",
     [](const std::vector<Cell>& cells, const std::vector<double>& g, int t, const HyperParameters& h) {
       const auto [w, u] =
           norms(cells, g, [&](Cell& cell, double x) { return adafactor_direction(cell, x, t, h); });
       const double root = std::sqrt(static_cast<double>(cells.size()));
       const double relative = std::max(h.eps2, w / root) * std::min(h.lr, 1 / std::sqrt(t));
       return (h.fixed_step ? h.lr : relative) / std::max(1.0, u / root / h.clip_threshold);
     }},
    {"muon",
     [](const std::vector<Cell>& cells, const std::vector<double>& g, int, const HyperParameters& h) {
       const auto [w, u] = norms(cells, g, [&](Cell& cell, double x) { return muon_direction(cell, x, h); });
       return 1 / (u + 1e-7);
     }},
};
double factor_of(const RuleInfo& rule, const std::vector<Cell>& cells, const std::vector<double>& g, int t,
                 const HyperParameters& h) {
  const auto found = kFactors.find(rule.name);
  return found == kFactors.end() ? 1 : found->second(cells, g, t, h);
}

// Each term of the formulas on and off.
std::vector<HyperParameters> variants(HyperParameters h) {
  h.lr = 3e-3;
  h.weight_decay = h.momentum = 0;
  std::vector<HyperParameters> out(11, h);
  out[1].weight_decay = 0.02;
  out[2].momentum = 0.9;
  out[3].momentum = 0.9, out[3].dampening = 0.3;
  out[4].momentum = 0.8, out[4].nesterov = true, out[4].weight_decay = 0.02;
  out[5].centered = true;
  out[6].centered = true, out[6].momentum = 0.9, out[6].weight_decay = 0.02;
  out[7].t_alpha = 7, out[7].t_beta3 = 13, out[7].weight_decay = 0.02;
  out[8].max_trust = 0.5, out[8].trust_coefficient = 0.02, out[8].eps2 = 10, out[8].momentum = 0.9;
  out[9].fixed_step = true, out[9].clip_threshold = 0.2, out[9].decay_rate = 0.5, out[9].weight_decay = 0.02;
  out[10].trust_coefficient = 0.1, out[10].weight_decay = 0.5, out[10].eps2 = 0;
  return out;
}

std::vector<Cell> cells_of(const Model& model) {
  std::vector<Cell> cells(static_cast<size_t>(model.weights[0].numel()));
  const std::vector<double> w = doubles_of(model.weights[0]);
  for (size_t i = 0; i < cells.size(); ++i) cells[i].w = w[i];
  for (size_t slot = 0; slot < model.slots.size(); ++slot) {
    const std::vector<double> state = doubles_of(model.state[0][slot]);
    for (size_t i = 0; i < cells.size(); ++i) cells[i].state[slot] = state[i];
  }
  return cells;
}

// Fresh gradients, some of them 0.
void set_gradient(const Model& model, int t) {
  Rng rng(static_cast<uint64_t>(100 + t));
  std::vector<double> g = random_values(model.gradients[0].numel(), rng, 1e-2);
  for (size_t i = 7; i < g.size(); i += 50)
    if (i % 100 == 7 || t % 2) g[i] = 0;
  model.gradients[0].copy_from(tensor_of(g, model.gradients[0].dtype()));
}

// The values of a cell: the weight, then its state.
double value(const Cell& cell, size_t place) { return place == 0 ? cell.w : cell.state[place - 1]; }
double& value(Cell& cell, size_t place) { return place == 0 ? cell.w : cell.state[place - 1]; }

// What the formula may give when gradient, weight and state are each off by a few roundings of a float: from
// the least to the greatest over all combinations of signs. Where terms cancel, or a sign hangs on it, this
// is much.
struct Bounds {
  Cell low, high;
};
Bounds float_bounds(Formula formula, const Cell& cell, double g, int t, const HyperParameters& h,
                    double tensor_factor) {
  constexpr double kOff = 5e-7;
  const auto factor = [](unsigned signs, size_t bit) { return (signs >> bit) & 1 ? 1 + kOff : 1 - kOff; };
  Bounds out;
  for (unsigned signs = 0; signs < (tensor_factor == 1 ? 32 : 64); ++signs) {
    Cell moved = cell;
    for (size_t k = 0; k <= kMaxSlots; ++k) value(moved, k) *= factor(signs, k);
    formula(moved, g * factor(signs, 4), t, h, tensor_factor * factor(signs, 5));
    for (size_t k = 0; k <= kMaxSlots; ++k) {
      const double x = value(moved, k), rest = kOff * std::fabs(x);
      double &low = value(out.low, k), &high = value(out.high, k);
      low = signs == 0 ? x - rest : std::min(low, x - rest);
      high = signs == 0 ? x + rest : std::max(high, x + rest);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("every rule has its formula in this test") {
  for (const RuleInfo& rule : rules()) CHECK_MESSAGE(kFormulas.contains(rule.name), rule.name);
  CHECK(kFormulas.size() == rules().size());
  for (const RuleInfo& rule : rules()) CHECK(kFactors.contains(rule.name) == rule.has_factor);
}

TEST_CASE("in double every rule follows its formula for 20 steps, with all of its options") {
  for (const RuleInfo& rule : rules()) {
    const std::vector<HyperParameters> all = variants(rule.defaults);
    for (size_t number = 0; number < all.size(); ++number) {
      Model model(rule.name, "fp64", std::array<int64_t, 1>{1003});
      std::vector<Cell> cells = cells_of(model);
      for (int t = 1; t <= 20; ++t) {
        set_gradient(model, t);
        const std::vector<double> g = doubles_of(model.gradients[0]);
        const double factor = factor_of(rule, cells, g, t, all[number]);
        for (size_t i = 0; i < cells.size(); ++i)
          kFormulas.at(rule.name)(cells[i], g[i], t, all[number], factor);
        model.step(cpu::level(), t, all[number]);
      }
      const std::vector<Cell> got = cells_of(model);
      for (size_t k = 0; k <= rule.slots.size(); ++k) {
        double largest = 0, worst = 0;
        for (const Cell& cell : cells) largest = std::max(largest, std::fabs(value(cell, k)));
        for (size_t i = 0; i < cells.size(); ++i) {
          const double expected = value(cells[i], k);
          const double allowed = 1e-9 * std::fabs(expected) + (k == 0 ? 1e-12 : 1e-15) * largest;
          worst = std::max(worst, std::fabs(value(got[i], k) - expected) / std::max(allowed, 1e-300));
        }
        INFO(rule.name << " variant " << number << (k == 0 ? " weight" : rule.slots[k - 1].name));
        CHECK(worst <= 1);
      }
    }
  }
}

TEST_CASE("in float every step of every rule is its formula's but for rounding") {
  for (const RuleInfo& rule : rules()) {
    const std::vector<HyperParameters> all = variants(rule.defaults);
    for (size_t number = 0; number < all.size(); ++number) {
      Model model(rule.name, "fp32", std::array<int64_t, 1>{301});
      int64_t outside = 0;
      for (int t = 1; t <= 20; ++t) {
        set_gradient(model, t);
        const std::vector<Cell> before = cells_of(model);
        const std::vector<double> g = doubles_of(model.gradients[0]);
        model.step(cpu::level(), t, all[number]);
        const std::vector<Cell> after = cells_of(model);
        const double factor = factor_of(rule, before, g, t, all[number]);
        for (size_t i = 0; i < after.size(); ++i) {
          const Bounds bounds =
              float_bounds(kFormulas.at(rule.name), before[i], g[i], t, all[number], factor);
          for (size_t k = 0; k <= rule.slots.size(); ++k)
            outside +=
                !(value(after[i], k) >= value(bounds.low, k) && value(after[i], k) <= value(bounds.high, k));
        }
      }
      INFO(rule.name << " variant " << number);
      CHECK(outside == 0);
    }
  }
}

TEST_CASE("PyTorch's optimizers and ours take the same 20 steps in double") {
  struct Row {
    const char* rule;
    HyperParameters options;
    double weights[3];
  };
  // From torch_golden.py.
  const Row kTorch[] = {
      {"sgd", {}, {0.4994759287392308, -0.2494195319470964, 0.12484209784282041}},
      {"momentum", {.momentum = 0.9}, {0.4694494596541552, -0.24616021867947935, 0.12431162131312773}},
      {"momentum",
       {.momentum = 0.9, .dampening = 0.3},
       {0.4723337390376035, -0.24767727033845463, 0.12457052078352072}},
      {"momentum",
       {.momentum = 0.9, .nesterov = true},
       {0.4720129740072894, -0.24596643409279376, 0.1242228637190196}},
      {"adam", {}, {0.48696002943472655, -0.24237129246666914, 0.11806152982191402}},
      {"adamw", {}, {0.48703940947854857, -0.2460155184897601, 0.13554972200395374}},
      {"rmsprop", {}, {0.4683480432997924, -0.22259005324743625, 0.08456748931651618}},
      {"rmsprop", {.momentum = 0.9}, {0.14196076773889652, -0.0696696306651114, -0.055085567937217035}},
      {"rmsprop",
       {.momentum = 0.9, .centered = true},
       {0.1377362992766246, -0.06877472441167642, -0.05616207610141212}},
      {"adagrad", {}, {0.4967644229948066, -0.247220621521592, 0.12120984601939411}},
      {"adafactor", {}, {0.49971455680657095, -0.24840691711906782, 0.12408440367167457}},
  };
  for (const Row& row : kTorch) {
    HyperParameters hyper = default_hyper(row.rule);
    hyper.lr = 3e-3;
    hyper.weight_decay = 0.02;
    hyper.momentum = row.options.momentum;
    hyper.dampening = row.options.dampening;
    hyper.nesterov = row.options.nesterov;
    hyper.centered = row.options.centered;
    Model model(row.rule, "fp64", std::array<int64_t, 1>{3});
    model.weights[0].copy_from(tensor_of({0.5, -0.25, 0.125}, DType::F64));
    for (int t = 1; t <= 20; ++t) {
      std::vector<double> g;
      for (int i = 0; i < 3; ++i) g.push_back(std::sin(1.7 * i + 0.9 * t) * std::pow(10.0, -i));
      model.gradients[0].copy_from(tensor_of(g, DType::F64));
      model.step(cpu::level(), t, hyper);
    }
    INFO(row.rule);
    for (size_t i = 0; i < 3; ++i) CHECK(std::fabs(doubles_of(model.weights[0])[i] - row.weights[i]) < 1e-12);
  }
}

TEST_CASE("AdEMAMix's schedules begin at Adam's mean and end at their values") {
  HyperParameters h = default_hyper("ademamix");
  h.t_alpha = h.t_beta3 = 1000;
  double last = h.beta1;
  for (int t = 1; t <= 1000; ++t) {
    const double beta3 = AdEMAMix::slow_beta(h, t);
    CHECK(beta3 > last);
    last = beta3;
  }
  CHECK(AdEMAMix::slow_beta(h, 0) == doctest::Approx(h.beta1).epsilon(1e-15));
  CHECK(last == h.beta3);
  CHECK(AdEMAMix::slow_beta(h, 1e9) == h.beta3);
  h.beta1 = 0;
  CHECK(AdEMAMix::slow_beta(h, 500) == doctest::Approx(h.beta3 * h.beta3));
}
