// Saving an optimizer and going on from it.
#include "tests/optim/support.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

TEST_CASE("a saved and loaded optimizer goes on with the same bytes, for every rule and codec") {
  for (const RuleInfo& rule : rules())
    for (const char* codec : {"fp32", "bf16", "blockwise8", "fp64"}) {
      const DType dtype = std::string(codec) == "fp64" ? DType::F64 : DType::F32;
      const auto parameters = model(dtype);
      INFO(rule.name << " " << codec);
      const GroupOptions options{.rule = std::string(rule.name), .codec = codec, .block_size = 128};
      Optimizer optimizer({{.parameters = parameters, .options = options}});
      for (uint64_t t = 0; t < 3; ++t) {
        set_gradients(parameters, t);
        optimizer.step();
      }
      const NamedTensors saved = copies_of(optimizer.state());
      std::vector<NamedParameter> again;
      for (const auto& p : parameters)
        again.push_back({p.name, Variable::leaf(p.variable.value().clone(MemoryTag::Weights))});
      Optimizer loaded({{.parameters = again, .options = options}});
      loaded.load_state(saved);
      CHECK(loaded.steps() == 3);
      for (uint64_t t = 3; t < 6; ++t) {
        for (const auto& list : {parameters, again}) set_gradients(list, t);
        optimizer.step();
        loaded.step();
      }
      CHECK((weights_of(parameters) == weights_of(again)));
      CHECK((state_of(optimizer) == state_of(loaded)));
    }
}

TEST_CASE("a learning rate factor that was set before a reload holds after it") {
  const auto one = model(), other = model();
  Optimizer loaded({{.parameters = one}}), expected({{.parameters = other}});
  loaded.set_lr_factor(0.5);
  loaded.load_state(copies_of(loaded.state()));
  loaded.set_lr_factor(0.5);
  expected.set_lr_factor(0.5);
  for (const auto& list : {one, other}) set_gradients(list, 1);
  loaded.step();
  expected.step();
  CHECK((weights_of(one) == weights_of(other)));
}

TEST_CASE("a checkpoint that does not fit is refused, says why, and changes nothing") {
  const auto parameters = model();
  const GroupOptions options{.codec = "blockwise8"};
  Optimizer optimizer({{.parameters = parameters, .options = options}});
  set_gradients(parameters, 1);
  optimizer.step();
  const NamedTensors saved = copies_of(optimizer.state());
  const std::string before = state_of(optimizer);

  NamedTensors missing = saved;
  std::erase_if(missing, [](const auto& entry) { return entry.first == "fc.weight.exp_avg"; });
  CHECK_ERROR(ErrorKind::Checkpoint, "'fc.weight.exp_avg' is missing", optimizer.load_state(missing));

  NamedTensors extra = saved;
  extra.emplace_back("other.exp_avg", saved[0].second);
  CHECK_ERROR(ErrorKind::Checkpoint, "'other.exp_avg' belongs to no parameter", optimizer.load_state(extra));

  NamedTensors shape = saved;
  for (auto& [name, tensor] : shape)
    if (name == "fc.bias.exp_avg_sq") tensor = tensor.slice_rows(0, 16);
  CHECK_ERROR(ErrorKind::Checkpoint, "'fc.bias.exp_avg_sq' has shape [16], expected [17]",
              optimizer.load_state(shape));

  NamedTensors count = saved;
  for (auto& [name, tensor] : count)
    if (name == "optimizer.skipped_steps") tensor = Tensor::from(std::vector<int64_t>{-1}, {});
  CHECK_ERROR(ErrorKind::Checkpoint, "'optimizer.skipped_steps' is -1", optimizer.load_state(count));

  CHECK((state_of(optimizer) == before));
  optimizer.load_state(saved);
  CHECK((state_of(optimizer) == before));
}
