// What state a parameter gets and where it stands in a plan: codecs, bytes, numbers of blocks, the map of
// them.
#include "optim/state_layout.h"

#include "tests/optim/support.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

TEST_CASE("8-bit state takes 2.03125 bytes a parameter, and small tensors keep 32 bits") {
  const int64_t before = ledger(Device::cpu()).use().live[static_cast<size_t>(MemoryTag::OptimizerState)];
  const Optimizer large({{.parameters = {parameter("w", 1 << 20)}, .options = {.codec = "blockwise8"}}});
  CHECK(large.state_bytes() == (1 << 20) * 2 + (1 << 20) / 256 * 2 * 4);
  CHECK(ledger(Device::cpu()).use().live[static_cast<size_t>(MemoryTag::OptimizerState)] - before ==
        large.state_bytes());

  const Optimizer mixed({{.parameters = model(), .options = {.codec = "blockwise8"}}});
  CHECK(mixed.codec_of("embedding.weight") == "blockwise8");
  CHECK(mixed.codec_of("fc.weight") == "blockwise8");  // 4096 elements are not fewer than 4096
  CHECK(mixed.codec_of("fc.bias") == "fp32");
  CHECK(mixed.state_bytes() == 2 * (12293 + 4 * 49) + 2 * (4096 + 4 * 16) + 2 * 4 * 17);
  CHECK(mixed.parameter_count() == 12293 + 4096 + 17);
}

TEST_CASE("a parameter that asks for full precision has it whatever its weights are stored in") {
  for (const DType dtype : {DType::F32, DType::BF16}) {
    const StateLayout layout =
        state_layout({.codec = "blockwise8"},
                     {.name = "w", .shape = {1 << 16}, .dtype = dtype, .full_precision_state = true});
    CHECK(codec_at(layout.codec).name == "fp32");
  }
}

TEST_CASE("the map that a GPU gets names the tensor of every block") {
  const std::vector<int64_t> sizes = {0, 1, 2048, 0, 70'000, 255, 257, 4096, 0};
  for (const char* codec : {"fp32", "blockwise8", "blockwise4", "tensorwise8"}) {
    CAPTURE(codec);
    const GroupOptions options{.rule = "adam", .codec = codec, .min_8bit_size = 0};
    StepPlan plan{};
    std::vector<StepTensor> table;
    for (const int64_t size : sizes) {
      table.push_back({.count = size, .first_block = plan.block_count});
      count_in(plan, state_layout(options, {.name = "w", .shape = {size}}), {size});
    }
    const std::vector<int32_t> map = tensor_map(plan, table);
    CHECK(static_cast<int64_t>(map.size()) == map_entries(plan));
    const int64_t stretch = stretch_of(codec_at(plan.codec).scale);
    for (size_t i = 0; i < table.size(); ++i)
      for (int64_t block = 0; block * plan.block_size < table[i].count; ++block)
        CHECK(map[static_cast<size_t>((table[i].first_block + block) / stretch)] == static_cast<int32_t>(i));
    plan.tensor_count = 1;  // needs none
    CHECK(map_entries(plan) == 0);
  }
}

TEST_CASE("where blocks have scales, a tensor's first block has a multiple of eight as its number") {
  const auto blocks_of = [](const char* codec, int block_size, std::initializer_list<int64_t> sizes) {
    const GroupOptions options{.codec = codec, .block_size = block_size, .min_8bit_size = 0};
    StepPlan plan{};
    std::vector<int64_t> first;
    for (const int64_t size : sizes) {
      first.push_back(plan.block_count);
      count_in(plan, state_layout(options, {.name = "w", .shape = {size}}), {size});
    }
    first.push_back(plan.block_count);
    return first;
  };
  CHECK(blocks_of("blockwise8", 256, {1, 2048, 2049, 4096}) == std::vector<int64_t>{0, 8, 16, 32, 48});
  CHECK(blocks_of("blockwise4", 64, {64, 1024}) == std::vector<int64_t>{0, 8, 24});
  CHECK(blocks_of("fp32", 256, {1, 1025, 1024}) == std::vector<int64_t>{0, 1, 3, 4});
  CHECK(blocks_of("tensorwise8", 256, {1, 1025}) == std::vector<int64_t>{0, 1, 3});
}

TEST_CASE("overrides choose the codec by name, the first that fits, before the size does") {
  GroupOptions options{.codec = "blockwise8"};
  options.overrides = {{"embedding.*", "fp32"}, {"*.bias", "blockwise8"}, {"*", "bf16"}};
  const Optimizer optimizer({{.parameters = model(), .options = options}});
  CHECK(optimizer.codec_of("embedding.weight") == "fp32");
  CHECK(optimizer.codec_of("fc.bias") == "blockwise8");
  CHECK(optimizer.codec_of("fc.weight") == "bf16");
  CHECK_ERROR(ErrorKind::Usage, "no parameter 'fc'", optimizer.codec_of("fc"));
}

TEST_CASE("a glob pattern fits whole names") {
  CHECK(glob_match("*", ""));
  CHECK(glob_match("*.bias", "lstm.0.bias"));
  CHECK(!glob_match("*.bias", "lstm.bias.0"));
  CHECK(glob_match("l*m.?.w*", "lstm.0.weight"));
  CHECK(!glob_match("lstm.?", "lstm."));
  CHECK(glob_match("a*b*c", "a-b-b-c"));
  CHECK(!glob_match("", "a"));
}
