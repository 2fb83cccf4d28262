// 500 free-running steps of 8-bit Adam against 32-bit Adam on a real problem: logistic regression on hashed
// words of the SMS messages. The gradients are written out here, so that only the optimizer is under test.
#include <cctype>
#include <sstream>

#include "core/rng.h"
#include "tests/optim/support.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

namespace {

constexpr int64_t kFeatures = 8192;

struct Message {
  std::vector<size_t> words;  // hashed
  float spam;
};

std::vector<Message> read_messages(const std::string& text) {
  std::vector<Message> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    Message message{.words = {}, .spam = line.compare(0, tab, "spam") == 0 ? 1.0f : 0.0f};
    uint64_t hash = 0;
    for (size_t i = tab + 1; i <= line.size(); ++i) {
      const auto c = static_cast<unsigned char>(i < line.size() ? line[i] : ' ');
      if (std::isalnum(c) || c >= 0x80) {
        hash = (hash ^ static_cast<uint64_t>(std::tolower(c))) * 0x100000001B3u + 1;
      } else if (hash != 0) {
        message.words.push_back((hash >> 20) % kFeatures);
        hash = 0;
      }
    }
    if (!message.words.empty()) out.push_back(std::move(message));
  }
  return out;
}

// Mean losses of the first, and of the last hundred, of 500 steps, and the loss over all messages afterwards.
struct Outcome {
  double first = 0, last = 0, whole = 0;
};

double loss_of(double logit, double label) {
  return std::log1p(std::exp(-std::fabs(logit))) + std::max(logit, 0.0) - label * logit;
}

Outcome train(const std::vector<Message>& messages, const char* rule, const char* codec, uint64_t seed,
              SecondMoment mode = SecondMoment::Dither, double lr = 5e-3, const Shape& shape = {kFeatures},
              double spread = 0) {
  const Variable weight = Variable::leaf(Tensor::zeros(shape, DType::F32, Device::cpu(), MemoryTag::Weights));
  const Variable bias = Variable::leaf(Tensor::zeros({1}, DType::F32, Device::cpu(), MemoryTag::Weights));
  HyperParameters hyper = default_hyper(rule);
  hyper.lr = lr;
  hyper.fixed_step = true;  // weights that begin at 0 would begin with steps of almost 0
  Optimizer optimizer({{.parameters = {{"weight", weight}, {"bias", bias}},
                        .options = {.rule = rule, .codec = codec, .hyper = hyper, .second_moment = mode}}});
  const std::span<float> w = weight.value().span<float>();
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(spread * std::cos(static_cast<double>(i)));
  const auto logit = [&](const Message& m) {
    double z = bias.value().item();
    for (const size_t word : m.words) z += static_cast<double>(w[word]);
    return z;
  };
  Outcome out;
  Rng rng(seed);
  constexpr int kSteps = 500, kBatch = 64;
  for (int t = 0; t < kSteps; ++t) {
    const std::span<float> dw = weight.grad().span<float>();
    std::fill(dw.begin(), dw.end(), 0.0f);
    double loss = 0, db = 0;
    for (int i = 0; i < kBatch; ++i) {
      const Message& m = messages[rng.below(messages.size())];
      const double z = logit(m), error = (1 / (1 + std::exp(-z)) - static_cast<double>(m.spam)) / kBatch;
      loss += loss_of(z, static_cast<double>(m.spam)) / kBatch;
      for (const size_t word : m.words) dw[word] += static_cast<float>(error);
      db += error;
    }
    bias.grad().fill(db);
    optimizer.step();
    (t == 0 ? out.first : out.last) += t == 0 ? loss : t >= kSteps - 100 ? loss / 100 : 0;
  }
  for (const Message& m : messages)
    out.whole += loss_of(logit(m), static_cast<double>(m.spam)) / static_cast<double>(messages.size());
  return out;
}

}  // namespace

TEST_CASE("500 steps with 8-bit state reach the loss of 32-bit state on the SMS messages") {
  const auto messages = read_messages(octet::testing::read_file(NEED_DATA("SMSSpamCollection")));
  REQUIRE(messages.size() > 5000);
  for (const char* rule : {"adam", "adamw"})
    for (const uint64_t seed : {1, 2, 3}) {
      const Outcome full = train(messages, rule, "fp32", seed);
      const Outcome half = train(messages, rule, "bf16", seed);
      const Outcome small = train(messages, rule, "blockwise8", seed);
      MESSAGE(std::string(rule) << " seed " << seed << ": whole loss fp32 " << full.whole << ", bf16 "
                                << half.whole << ", blockwise8 " << small.whole << "; last hundred "
                                << full.last << ", " << half.last << ", " << small.last);
      CHECK(full.first == doctest::Approx(std::log(2.0)));
      CHECK(full.whole < 0.1);  // it learned something
      CHECK(std::fabs(half.whole / full.whole - 1) < 0.05);
      CHECK(std::fabs(small.whole / full.whole - 1) < 0.05);
      CHECK(std::fabs(small.last / full.last - 1) < 0.05);
    }
}

TEST_CASE("rules with a factor for each tensor learn from the SMS messages, in every codec alike") {
  const auto messages = read_messages(octet::testing::read_file(NEED_DATA("SMSSpamCollection")));
  struct Row {
    const char* rule;
    double lr;
    Shape shape;
    double spread = 0;  // of the first weights: those of LAMB grow by a share of themselves
  };
  const Row rows[] = {{"lamb", 0.01, {kFeatures}, 0.1},

                      {"lars", 1, {kFeatures}},
                      {"adafactor", 5e-3, {kFeatures}},
                      {"adafactor", 5e-3, {64, kFeatures / 64}}};
  for (const auto& [rule, lr, shape, spread] : rows) {
    const double full = train(messages, rule, "fp32", 1, SecondMoment::Dither, lr, shape, spread).whole;
    CHECK(full < 0.1);
    for (const char* codec : {"bf16", "blockwise8", "tensorwise8"}) {
      const double small = train(messages, rule, codec, 1, SecondMoment::Dither, lr, shape, spread).whole;
      MESSAGE(std::string(rule) << " " << shape << " " << std::string(codec) << ": whole loss " << small
                                << ", fp32 " << full);
      CHECK(std::fabs(small / full - 1) < 0.1);
    }
  }
}

TEST_CASE("without the floor of the second moment, rare words ruin the same run") {
  const auto messages = read_messages(octet::testing::read_file(NEED_DATA("SMSSpamCollection")));
  double ratio = 1;
  for (const uint64_t seed : {1, 2, 3}) {
    const double full = train(messages, "adam", "fp32", seed).whole;
    const double plain = train(messages, "adam", "blockwise8", seed, SecondMoment::Plain).whole;
    MESSAGE("seed " << seed << ": whole loss fp32 " << full << ", plain blockwise8 " << plain);
    ratio = std::max(ratio, plain / full);
  }
  CHECK(ratio > 1.5);
}
