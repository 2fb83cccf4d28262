#include "nn/module.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "nn/init.h"
#include "nn/models/lstm_classifier.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

LstmClassifier sms(uint64_t seed = 1) { return LstmClassifier({.vocabulary = 1751}, Init{Rng(seed)}); }

// The weights of a small model as a file that can be tampered with.
const LstmClassifierConfig kSmall = {.vocabulary = 7, .embedding = 3, .hidden = 2, .layers = 1};

std::string bytes_of(const Module& module) { return format_safetensors(module.state()); }

}  // namespace

TEST_CASE("the SMS classifier has PyTorch's parameters in PyTorch's order: 19 tensors, 359,549 numbers") {
  const LstmClassifier model = sms();
  const std::pair<const char*, Shape> wanted[] = {
      {"embedding.weight", {1751, 100}},
      {"lstm.weight_ih_l0", {256, 100}},
      {"lstm.weight_hh_l0", {256, 64}},
      {"lstm.bias_ih_l0", {256}},
      {"lstm.bias_hh_l0", {256}},
      {"lstm.weight_ih_l0_reverse", {256, 100}},
      {"lstm.weight_hh_l0_reverse", {256, 64}},
      {"lstm.bias_ih_l0_reverse", {256}},
      {"lstm.bias_hh_l0_reverse", {256}},
      {"lstm.weight_ih_l1", {256, 128}},
      {"lstm.weight_hh_l1", {256, 64}},
      {"lstm.bias_ih_l1", {256}},
      {"lstm.bias_hh_l1", {256}},
      {"lstm.weight_ih_l1_reverse", {256, 128}},
      {"lstm.weight_hh_l1_reverse", {256, 64}},
      {"lstm.bias_ih_l1_reverse", {256}},
      {"lstm.bias_hh_l1_reverse", {256}},
      {"fc.weight", {1, 128}},
      {"fc.bias", {1}},
  };
  const std::vector<NamedParameter> all = model.parameters();
  REQUIRE(all.size() == 19);
  for (size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].name == wanted[i].first);
    CHECK(all[i].variable.shape() == wanted[i].second);
    CHECK(all[i].variable.is_leaf());
  }
  CHECK(model.parameter_count() == 359549);
}

TEST_CASE(
    "a stable embedding adds its norm behind the weight, and asks for full precision of its state alone") {
  LstmClassifierConfig config = kSmall;
  config.stable_embedding = true;
  const LstmClassifier model(config, Init{Rng(1)});
  std::string wanting;
  for (const NamedParameter& parameter : model.parameters())
    if (parameter.full_precision_state) wanting += parameter.name + " ";
  CHECK(wanting == "embedding.weight embedding.norm.weight embedding.norm.bias ");
  CHECK(model.parameters().size() == LstmClassifier(kSmall, Init{Rng(1)}).parameters().size() + 2);
  for (const NamedParameter& parameter : sms().parameters()) CHECK(!parameter.full_precision_state);
}

TEST_CASE("a frozen embedding is saved and loaded with the rest, but is no trainable parameter") {
  LstmClassifierConfig config = kSmall;
  config.freeze_embedding = true;
  for (const bool stable : {false, true}) {
    config.stable_embedding = stable;
    const LstmClassifier model(config, Init{Rng(1)}), other(config, Init{Rng(2)});
    const std::vector<NamedParameter> all = model.parameters(), trainable = model.trainable_parameters();
    REQUIRE(trainable.size() + 1 == all.size());
    CHECK(all[0].name == "embedding.weight");
    CHECK(!all[0].variable.is_leaf());
    CHECK(trainable[0].name == all[1].name);
    model.zero_grad();
    other.load(model.state(), "model");
    CHECK(bytes_of(other) == bytes_of(model));
    // Initialised as if it were trained.
    config.freeze_embedding = false;
    CHECK(bytes_of(LstmClassifier(config, Init{Rng(1)})) == bytes_of(model));
    config.freeze_embedding = true;
  }
  CHECK(sms().trainable_parameters().size() == 19);
}

TEST_CASE("the state shares the parameters' bytes, under their names and in their order") {
  const LstmClassifier model(kSmall, Init{Rng(1)});
  const TensorFile state = model.state();
  const std::vector<NamedParameter> all = model.parameters();
  REQUIRE(state.tensors.size() == all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    CHECK(state.tensors[i].first == all[i].name);
    CHECK(state.tensors[i].second.shares_bytes_with(all[i].variable.value()));
  }
}

TEST_CASE("weights survive a file, into the same bytes and without a copy of their own") {
  const LstmClassifier a(kSmall, Init{Rng(1)}), b(kSmall, Init{Rng(2)});
  CHECK(bytes_of(a) != bytes_of(b));
  const void* place = b.parameters()[0].variable.value().raw();
  b.load(parse_safetensors(bytes_of(a), "f"), "f");
  CHECK(bytes_of(a) == bytes_of(b));
  CHECK(b.parameters()[0].variable.value().raw() == place);
  a.load(a.state(), "itself");
  CHECK(bytes_of(a) == bytes_of(b));
}

TEST_CASE("weights of another element type are converted, and the order in the file does not matter") {
  const LstmClassifier a(kSmall, Init{Rng(1)}), b(kSmall, Init{Rng(2), Device::cpu(), DType::F64});
  TensorFile reversed = a.state();
  std::reverse(reversed.tensors.begin(), reversed.tensors.end());
  b.load(reversed, "f");
  for (size_t i = 0; i < a.parameters().size(); ++i) {
    const Tensor wide = b.parameters()[i].variable.value();
    CHECK(wide.dtype() == DType::F64);
    CHECK(wide.to(DType::F32, MemoryTag::Data).to_vector<float>() ==
          a.parameters()[i].variable.value().to_vector<float>());
  }
}

TEST_CASE("a file that does not fit is refused before anything is changed") {
  const LstmClassifier source(kSmall, Init{Rng(1)}), model(kSmall, Init{Rng(2)});
  const std::string before = bytes_of(model);
  TensorFile missing = source.state();
  missing.tensors.pop_back();
  CHECK_ERROR(ErrorKind::Checkpoint, "w.safetensors: no tensor fc.bias",
              model.load(missing, "w.safetensors"));
  CHECK(bytes_of(model) == before);

  TensorFile more = source.state();
  more.add("fc2.bias", Tensor::from(std::vector<float>{1}, {1}));
  CHECK_ERROR(ErrorKind::Checkpoint, "w: tensor fc2.bias is not part of this model", model.load(more, "w"));
  CHECK(bytes_of(model) == before);

  LstmClassifierConfig larger = kSmall;
  larger.vocabulary = 8;
  CHECK_ERROR(ErrorKind::Checkpoint, "w: embedding.weight is [8,3], this model has [7,3]",
              model.load(LstmClassifier(larger, Init{Rng(1)}).state(), "w"));
  CHECK(bytes_of(model) == before);

  TensorFile last = source.state();  // the first tensors fit, the last one does not
  last.tensors.back().second = Tensor::from(std::vector<float>{1, 2}, {2});
  CHECK_ERROR(ErrorKind::Checkpoint, "fc.bias is [2], this model has [1]", model.load(last, "w"));
  CHECK(bytes_of(model) == before);
}

TEST_CASE("numbers that are no weights are refused by the tensor's name before anything is changed") {
  const LstmClassifier source(kSmall, Init{Rng(1)}), model(kSmall, Init{Rng(2)});
  const std::string before = bytes_of(model);
  const auto refused = [&](const Tensor& value, const std::string& text) {
    TensorFile file = source.state();
    auto& [name, tensor] = file.tensors.back();
    REQUIRE(name == "fc.bias");
    tensor = value;
    CHECK_ERROR(ErrorKind::Checkpoint, "w: fc.bias is of " + text + "; put a copy back",
                model.load(file, "w"));
    CHECK(bytes_of(model) == before);
  };
  refused(Tensor::from(std::vector<int32_t>{1}, {1}), "i32, which holds no weights");
  refused(Tensor::from(std::vector<int64_t>{1}, {1}), "i64, which holds no weights");
  refused(Tensor::from(std::vector<uint8_t>{1}, {1}), "u8, which holds no weights");
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                  kInf = std::numeric_limits<float>::infinity();
  refused(Tensor::from(std::vector<float>{kNan}, {1}), "no use: element 0 is nan");
  refused(Tensor::from(std::vector<float>{-kNan}, {1}), "no use: element 0 is nan");
  refused(Tensor::from(std::vector<double>{-kInf}, {1}), "no use: element 0 is -inf");
  refused(Tensor::from(std::vector<BFloat16>{BFloat16(kInf)}, {1}), "no use: element 0 is inf");

  TensorFile late = source.state();
  late.tensors[0].second = late.tensors[0].second.clone(MemoryTag::Data);
  late.tensors[0].second.data<float>()[20] = kInf;  // the last of 7 rows of 3
  CHECK_ERROR(ErrorKind::Checkpoint, "embedding.weight is of no use: element 20 is inf",
              model.load(late, "w"));
  late.tensors[0].second.data<float>()[20] = std::numeric_limits<float>::max();
  model.load(late, "w");
  // It has no value in bf16.
  CHECK_ERROR(ErrorKind::Checkpoint, "embedding.weight is of no use: element 20 is inf",
              LstmClassifier(kSmall, Init{.rng = Rng(2), .bf16_from = 1}).load(late, "w"));
}

TEST_CASE("with a prefix, its tensors alone are taken and named") {
  const LstmClassifier source(kSmall, Init{Rng(1)}), model(kSmall, Init{Rng(2)});
  TensorFile file;
  for (const auto& [name, tensor] : source.state().tensors) file.add("model." + name, tensor);
  file.add("optimizer.step", Tensor::from(std::vector<int64_t>{1}, {}));
  model.load(file, "c", "model.");
  CHECK(bytes_of(model) == bytes_of(source));
  CHECK_ERROR(ErrorKind::Checkpoint, "c: no tensor ema.", model.load(file, "c", "ema."));
  file.add("model.fc2.bias", Tensor::from(std::vector<float>{1}, {1}));
  CHECK_ERROR(ErrorKind::Checkpoint, "c: tensor model.fc2.bias is not part", model.load(file, "c", "model."));
}

TEST_CASE("weights of a module of the same parameters are copied, frozen ones too, into the own type") {
  LstmClassifierConfig frozen = kSmall;
  frozen.freeze_embedding = true;
  const LstmClassifier source(frozen, Init{.rng = Rng(1), .bf16_from = 1}), model(frozen, Init{Rng(2)});
  REQUIRE(source.parameters()[0].variable.dtype() == DType::BF16);
  model.copy_from(source);
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const Tensor own = model.parameters()[i].variable.value(),
                 other = source.parameters()[i].variable.value();
    CHECK(own.dtype() == DType::F32);
    CHECK(own.to_vector<float>() == other.to(DType::F32, MemoryTag::Data).to_vector<float>());
  }
  LstmClassifierConfig stable = kSmall;
  stable.stable_embedding = true;
  CHECK_ERROR(ErrorKind::Usage, "parameters for", model.copy_from(LstmClassifier(stable, Init{Rng(1)})));
}

TEST_CASE("zero_grad makes every parameter's next gradient the only one") {
  const Linear layer(3, 2, Init{Rng(1)});
  const Variable x(Tensor::from(std::vector<float>{1, 2, 3}, {1, 3}));
  const auto gradient = [&] {
    sum(layer.forward(x)).backward();
    return layer.parameters()[0].variable.grad().to_vector<float>();
  };
  CHECK(gradient() == std::vector<float>{1, 2, 3, 1, 2, 3});
  CHECK(gradient() == std::vector<float>{2, 4, 6, 2, 4, 6});
  layer.zero_grad();
  CHECK(layer.parameters()[1].variable.grad().to_vector<float>() == std::vector<float>{0, 0});
  CHECK(gradient() == std::vector<float>{1, 2, 3, 1, 2, 3});
}

namespace {

struct Twice : Module {
  Twice() {
    parameter("weight", constant({1}, 0, Init{Rng(1)}));
    parameter("weight", constant({2}, 0, Init{Rng(1)}));
  }
};

}  // namespace

TEST_CASE("a name that is declared twice is refused") {
  CHECK_ERROR(ErrorKind::Usage, "parameter weight is declared twice", Twice());
}
