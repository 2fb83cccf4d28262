// Going on from state that was kept in another codec.
#include "tests/optim/feature_cases.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

namespace {

// State after three steps of Adam.
NamedTensors trained(const std::vector<NamedParameter>& p, GroupOptions options) {
  Optimizer optimizer({{.parameters = p, .options = std::move(options)}});
  for (uint64_t t = 0; t < 3; ++t) {
    set_gradients(p, t);
    optimizer.step();
  }
  return copies_of(optimizer.state());
}

Optimizer fresh(const std::vector<NamedParameter>& p, GroupOptions options) {
  return Optimizer({{.parameters = p, .options = std::move(options)}});
}

}  // namespace

TEST_CASE("state goes from every codec to every other and says what was converted") {
  const auto p = model();
  for (const CodecInfo& from : codecs())
    for (const CodecInfo& to : codecs()) {
      if (from.value != DType::F32 || to.value != DType::F32) continue;
      INFO(from.name << " to " << to.name);
      Optimizer target = fresh(p, {.codec = std::string(to.name), .min_8bit_size = 0});
      const std::string said =
          target.load_state(trained(p, {.codec = std::string(from.name), .min_8bit_size = 0}));
      CHECK(said == (from.name == to.name ? ""
                                          : "optimizer state converted from " + std::string(from.name) +
                                                " to " + std::string(to.name) + " (3 of 3 tensors)"));
      CHECK(target.steps() == 3);
      set_gradients(p, 3);
      target.step();  // it can go on
    }
}

TEST_CASE("only the tensors whose codec or block size differs are converted, the others keep their bytes") {
  const auto p = model();
  const GroupOptions blocks{.codec = "blockwise8"};  // fc.bias is small and stays fp32
  const NamedTensors saved = trained(p, blocks);
  const auto said = [&](GroupOptions options) { return fresh(p, std::move(options)).load_state(saved); };
  CHECK(said(blocks) == "");
  CHECK(said({.codec = "fp32"}) == "optimizer state converted from blockwise8 to fp32 (2 of 3 tensors)");
  CHECK(said({.codec = "blockwise8", .min_8bit_size = 5000}) ==
        "optimizer state converted from blockwise8 to fp32 (1 of 3 tensors)");
  CHECK(said({.codec = "blockwise8", .min_8bit_size = 1}) ==
        "optimizer state converted from fp32 to blockwise8 (1 of 3 tensors)");
  CHECK(said({.codec = "blockwise8", .block_size = 64}) ==
        "optimizer state converted from blockwise8 in blocks of 256 to blockwise8 in blocks of 64 (2 of 3 "
        "tensors)");
  CHECK(said({.codec = "bf16"}) ==
        "optimizer state converted from blockwise8 to bf16 (2 of 3 tensors), from fp32 to bf16 (1 of 3 "
        "tensors)");
  Optimizer partly = fresh(p, {.codec = "blockwise8", .min_8bit_size = 5000});
  partly.load_state(saved);
  for (const auto& [name, tensor] : partly.state())
    if (!name.starts_with("fc.weight")) CHECK((bytes_of(tensor) == bytes_of(tensor_in(saved, name))));
}

TEST_CASE("decoding is exact, encoding is to the nearest code, and positive second moments stay positive") {
  const auto p = model();
  const NamedTensors full = trained(p, {.codec = "fp32"});
  Optimizer small = fresh(p, {.codec = "blockwise8"});
  small.load_state(full);
  Optimizer back = fresh(p, {.codec = "fp32"});
  back.load_state(copies_of(small.state()));
  Optimizer again = fresh(p, {.codec = "blockwise8"});
  again.load_state(copies_of(back.state()));
  // A value of the book is nearest to itself.
  const NamedTensors once = small.state(), twice = again.state();
  for (const auto& [name, tensor] : once) CHECK((bytes_of(tensor) == bytes_of(tensor_in(twice, name))));
  for (const char* name : {"fc.weight.exp_avg", "fc.weight.exp_avg_sq"}) {
    const auto x = tensor_in(full, name).to_vector<float>();
    const bool squares = std::string_view(name).ends_with("_sq");
    const Encoded nearest = encode(cpu::level(), squares ? Book::Unsigned : Book::Signed, x, 256,
                                   {.floor = squares, .signed_absmax = !squares});
    CHECK(tensor_in(once, name).to_vector<uint8_t>() == nearest.codes);
    const NamedTensors state = back.state();
    const auto y = tensor_in(state, name).to_vector<float>();
    for (size_t block = 0; block < x.size(); block += 256) {
      float largest = 0;
      for (size_t i = block; i < block + 256; ++i) largest = std::max(largest, std::abs(x[i]));
      for (size_t i = block; i < block + 256; ++i) {
        CHECK(std::abs(x[i] - y[i]) <= 0.0071f * largest);  // half the widest gap of the signed book
        if (std::string_view(name).ends_with("_sq") && x[i] > 0) CHECK(y[i] > 0);
      }
    }
  }
  Optimizer plain = fresh(p, {.codec = "blockwise8", .second_moment = SecondMoment::Plain});
  plain.load_state(full);
  CHECK((state_of(plain) != state_of(small)));  // some are below half of the smallest code
}

TEST_CASE("a rule without state has none to convert") {
  const auto p = model();
  CHECK(fresh(p, {.rule = "sgd", .codec = "blockwise8"}).load_state(trained(p, {.rule = "sgd"})) == "");
}

TEST_CASE("codes that name no codec are blockwise8, as saved before they did") {
  const auto p = model();
  NamedTensors saved = trained(p, {.codec = "blockwise8"});
  Optimizer expected = fresh(p, {.codec = "blockwise8"});
  expected.load_state(saved);
  std::erase_if(saved, [](const auto& entry) { return entry.first.ends_with(".codec"); });
  Optimizer loaded = fresh(p, {.codec = "blockwise8"});
  CHECK(loaded.load_state(saved) == "");
  CHECK((state_of(loaded) == state_of(expected)));
  CHECK(fresh(p, {.codec = "linear8"}).load_state(saved) ==
        "optimizer state converted from blockwise8 to linear8 (2 of 3 tensors)");
}

TEST_CASE("state that names its codec but does not fit it is refused, and nothing is changed") {
  const auto p = model();
  const NamedTensors saved = trained(p, {.codec = "blockwise8"});
  Optimizer optimizer = fresh(p, {.codec = "fp32"});
  const std::string before = state_of(optimizer);
  const auto refused = [&](const std::string& name, const Tensor& replacement, const char* text) {
    NamedTensors changed = saved;
    for (auto& [key, tensor] : changed)
      if (key == name) tensor = replacement;
    if (!replacement.defined())
      std::erase_if(changed, [&](const auto& entry) { return entry.first == name; });
    CHECK_ERROR(ErrorKind::Checkpoint, text, optimizer.load_state(changed));
    CHECK((state_of(optimizer) == before));
  };
  const auto text = [](std::string_view t) {
    return Tensor::from(std::vector<uint8_t>(t.begin(), t.end()), {static_cast<int64_t>(t.size())});
  };
  const auto number = [](int64_t n) { return Tensor::from(std::vector<int64_t>{n}, {}); };
  const auto zeros = [](const Shape& shape, DType type) {
    return Tensor::zeros(shape, type, Device::cpu(), MemoryTag::Data);
  };
  refused("fc.weight.codec", text("blockwise9"), "'fc.weight.codec' is an unknown codec, 'blockwise9'");
  refused("fc.weight.codec", text(""), "an unknown codec, ''");
  refused("fc.weight.codec", number(1), "expected a name in bytes");
  refused("fc.weight.codec", text("blockwise4"), "'fc.weight.exp_avg' has shape [4096], expected [2048]");
  refused("fc.weight.codec", text("bf16"), "'fc.weight.exp_avg' is u8, expected bf16 (bf16)");
  refused("fc.weight.codec", text("fp64"), "is in fp64, which is for weights of f64; these are f32");
  refused("fc.weight.block_size", {}, "'fc.weight.block_size' is missing");
  for (const int64_t bad : {0, 32, 100, 8192})
    refused("fc.weight.block_size", number(bad), "not a power of two in 64..4096");
  refused("fc.weight.block_size", number(-1), "below 0");
  refused("fc.weight.block_size", number(128), "'fc.weight.exp_avg.absmax' has shape [16], expected [32]");
  refused("fc.weight.exp_avg_sq.absmax", {}, "'fc.weight.exp_avg_sq.absmax' is missing");
  refused("fc.weight.exp_avg_sq.absmax", zeros({16}, DType::F64), "is f64, expected f32");
  refused("fc.weight.exp_avg_sq", zeros({4096}, DType::F32), "'fc.weight.exp_avg_sq' is f32, expected u8");
  refused("fc.bias.exp_avg", zeros({17}, DType::I64), "is i64, which no codec stores");
  const auto damaged = [&](const std::string& name, float value) {
    Tensor out = tensor_in(saved, name).clone(MemoryTag::Data);
    out.span<float>()[3] = value;
    return out;
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                  kInf = std::numeric_limits<float>::infinity();
  for (const std::string slot : {"fc.weight.exp_avg", "fc.weight.exp_avg_sq"}) {
    refused(slot + ".absmax", damaged(slot + ".absmax", kNan), "absmax' is damaged: element 3 is nan");
    refused(slot + ".absmax", damaged(slot + ".absmax", kInf), "absmax' is damaged: element 3 is inf");
  }
  for (const char* name : {"fc.weight.exp_avg_sq.absmax", "fc.bias.exp_avg_sq"}) {
    refused(name, damaged(name, -1.0f), "is damaged: it is never negative, but element 3 is -1");
    refused(name, damaged(name, -0.0f), "is damaged: it is never negative, but element 3 is -0");
  }
}

TEST_CASE("the state of another rule is refused whatever its codec") {
  const auto p = model();
  const NamedTensors saved = trained(p, {.rule = "adam", .codec = "blockwise8"});
  for (const char* codec : {"fp32", "blockwise8"}) {
    CHECK_ERROR(
        ErrorKind::Checkpoint,
        "'fc.weight.exp_avg_sq' belongs to no parameter; the checkpoint is of another model or update rule",
        fresh({p[1]}, {.rule = "lion", .codec = codec})
            .load_state(trained({p[1]}, {.rule = "adam", .codec = "fp32"})));
    CHECK_ERROR(ErrorKind::Checkpoint, "is missing; the checkpoint is of another model or update rule",
                fresh(p, {.rule = "momentum", .codec = codec}).load_state(saved));
  }
}
