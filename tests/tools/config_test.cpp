#include <cmath>
#include <nlohmann/json.hpp>

#include "optim/registry.h"
#include "tests/support/support.h"
#include "tests/tools/train_flags.h"
#include "tools/config_file.h"
#include "tools/config_json.h"
#include "tools/rule_settings.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;

namespace {

// A config in which no field has its default.
TrainConfig unusual() {
  TrainConfig c;
  c.task = "sms", c.optimizer = "adamw", c.state = "blockwise8", c.epochs = 7, c.seed = 1, c.split_seed = 2;
  c.device = "cuda", c.data = "a \"quoted\" \\ path\n\x01 \xc3\xa9", c.out = "o", c.log = "l.jsonl",
  c.batch_size = 3;
  c.lr = 0.1 + 0.2, c.beta1 = 0.8, c.beta2 = 1.0 / 3, c.eps = 1e-300, c.weight_decay = 2, c.clip_norm = 5;
  c.no_decay = {"norm-and-bias", "a \"b\"*"}, c.clip_value = 1e-7, c.clip_percentile = 99.9, c.accumulate = 4;
  c.ema = 0.999, c.embedding_layer = "stable", c.rounding = "stochastic";
  c.momentum = 0.5, c.dampening = 0.25, c.nesterov = true, c.alpha = 0.75, c.centered = true, c.beta3 = 0.6,
  c.alpha_slow = 8, c.t_alpha = 9, c.t_beta3 = 11;
  c.schedule = "cosine", c.warmup_steps = 10, c.second_moment = "plain", c.block_size = 64,
  c.min_8bit_size = 0;
  c.state_override = {"embedding.*=fp32", "a=b=bf16"};
  c.weight_dtype = "bf16", c.weight_rounding = "nearest";
  c.on_nonfinite = "skip", c.threads = 2, c.embedding = 8, c.hidden = 9, c.layers = 1, c.dropout = 0;
  c.rounding = "stochastic";
  c.trust_coefficient = 0.01, c.max_trust = 12, c.eps2 = 0.02, c.clip_threshold = 3, c.decay_rate = 0.7;
  c.fixed_step = c.unfactored = true;
  c.glove = "g", c.freeze_embedding = true;
  c.text_column = "t", c.label_column = "2", c.header = "no", c.skip_empty = true;
  c.tensorboard = "b", c.positive = "p", c.negative = "n", c.validation_data = "v", c.test_data = "w";
  c.validation_share = 0.1, c.test_share = 0.05, c.batching = "shuffled", c.head_dropout = 0.3;
  c.model = "bag", c.max_words = 1000, c.max_length = 500, c.keep = "last", c.padding = "left";
  c.class_weights = "balanced", c.patience = 3, c.best_by = "macro-f1", c.precision = "tf32";
  c.min_freq = 1, c.log_every = 5, c.resume = "r", c.json = true;
  return c;
}

struct Rejected {
  std::vector<std::string> arguments;
  std::string message;
};

}  // namespace

TEST_CASE("defaults are the SMS experiment's settings") {
  const TrainConfig c = parse_flags({"sms"});
  TrainConfig expected;
  expected.task = "sms";
  CHECK(c == expected);
  CHECK(c.epochs == 50);
  CHECK(c.batch_size == 64);
  CHECK(c.lr == 1e-4);
  CHECK(c.seed == 2021);
  CHECK(c.hidden == 64);
  CHECK(c.min_freq == 5);
}

TEST_CASE("every field can be set by its flag") {
  const TrainConfig wanted = unusual();
  std::vector<std::string> arguments;
  TrainConfig copy = wanted;
  int fields = 0;
  copy.visit([&](const Field& field, const auto& member, const auto&) {
    using Member = std::decay_t<decltype(member)>;
    ++fields;
    if constexpr (std::is_same_v<Member, bool>) {
      arguments.push_back(flag_name(field.name));
    } else if constexpr (std::is_same_v<Member, std::vector<std::string>>) {
      for (const std::string& entry : member)
        arguments.insert(arguments.end(), {flag_name(field.name), entry});
    } else {
      if (!field.positional) arguments.push_back(flag_name(field.name));
      if constexpr (std::is_same_v<Member, std::string>)
        arguments.push_back(member);
      else
        arguments.push_back(toml_text(member));
    }
  });
  CHECK(fields == 82);
  CHECK(parse_flags(arguments) == wanted);
}

TEST_CASE("no two fields of the unusual config have their default, so that the round trips test all") {
  const nlohmann::ordered_json a = to_json(TrainConfig()), b = to_json(unusual());
  for (const auto& entry : a.items()) CHECK_MESSAGE(b.at(entry.key()) != entry.value(), entry.key());
}

TEST_CASE("config files and logs give back the same config to the last bit") {
  CHECK(config_from_json(to_json(unusual()), "x") == unusual());
  CHECK(config_from_json(nlohmann::ordered_json::parse(to_json(unusual()).dump()), "x") == unusual());
  CHECK(config_from_json(to_json(TrainConfig()), "x") == TrainConfig());
  TrainConfig c;
  apply_toml(c, to_toml(unusual()), "x");
  CHECK(c == unusual());
  c = TrainConfig();
  apply_toml(c, to_toml(TrainConfig()), "x");
  CHECK(c == TrainConfig());
}

TEST_CASE("a value that does not fit is a usage error that names flag, value and range") {
  const Rejected table[] = {
      {{"--lr", "nan"}, "--lr nan: must be greater than 0 and at most 100"},
      {{"--lr", "inf"}, "--lr inf: must be greater than 0 and at most 100"},
      {{"--lr", "0"}, "--lr 0: must be greater than 0 and at most 100"},
      {{"--lr", "-1e-3"}, "--lr -1e-3: must be greater than 0 and at most 100"},
      {{"--lr", "fast"}, "--lr fast: must be a number, greater than 0 and at most 100"},
      {{"--lr", ""}, "--lr '': must be a number"},
      {{"--epochs", "-5"}, "--epochs -5: must be at least 1 and at most 1000000"},
      {{"--epochs=-5"}, "--epochs -5: must be at least 1 and at most 1000000"},
      {{"--epochs", "0"}, "--epochs 0: must be at least 1"},
      {{"--epochs", "2.5"}, "--epochs 2.5: must be a whole number"},
      {{"--epochs", "nan"}, "--epochs nan: must be "},
      {{"--epochs", "99999999999999999999"}, "--epochs 99999999999999999999: must be at least 1"},
      {{"--epochs", "5x"}, "--epochs 5x: must be a whole number"},
      {{"--seed", "-1"}, "--seed -1: must be at least 0 and at most 9007199254740992"},
      {{"--beta2", "1"}, "--beta2 1: must be at least 0 and less than 1"},
      {{"--dropout", "1.0"}, "--dropout 1.0: must be at least 0 and less than 1"},
      {{"--block-size", "100"}, "--block-size 100: must be a power of two from 64 to 4096"},
      {{"--block-size", "32"}, "--block-size 32: must be a power of two from 64 to 4096"},
      {{"--optimizer", "adm"},
       "--optimizer: unknown name 'adm', did you mean 'adam'? Known: adam, adamw, ademamix, lion, rmsprop, "
       "adagrad, momentum, sgd, lamb, lars, adafactor"},
      {{"--state", "blockwise"}, "did you mean 'blockwise8'?"},
      {{"--state", "fp64"}, "--state: unknown name 'fp64'. Known: fp32, bf16, blockwise8"},
      {{"smss"}, "octet train: unknown name 'smss', did you mean 'sms'?"},
      {{"--clip-value", "nan"}, "--clip-value nan: must be at least 0"},
      {{"--clip-value", "-1"}, "--clip-value -1: must be at least 0"},
      {{"--clip-percentile", "nan"}, "--clip-percentile nan: must be at least 0 and at most 100"},
      {{"--clip-percentile", "-5"}, "--clip-percentile -5: must be at least 0 and at most 100"},
      {{"--clip-percentile", "100.5"}, "--clip-percentile 100.5: must be at least 0 and at most 100"},
      {{"--accumulate", "0"}, "--accumulate 0: must be at least 1 and at most 65536"},
      {{"--accumulate", "1.5"}, "--accumulate 1.5: must be a whole number"},
      {{"--ema", "1"}, "--ema 1: must be at least 0 and less than 1"},
      {{"--ema", "-0.1"}, "--ema -0.1: must be at least 0 and less than 1"},
      {{"--ema", "nan"}, "--ema nan: must be at least 0 and less than 1"},
      {{"--no-decay", ""}, "--no-decay '': must be a pattern of parameter names"},
      {{"--embedding-layer", "stabel"}, "did you mean 'stable'?"},
      {{"--state-override", "embedding"}, "--state-override embedding: must be PATTERN=NAME"},
      {{"--state-override", "=fp32"}, "--state-override =fp32: must be PATTERN=NAME"},
      {{"--state-override", "embedding=fp23"}, "did you mean 'fp32'?"},
  };
  for (const Rejected& row : table) {
    INFO(row.message);
    CHECK_ERROR(ErrorKind::Usage, row.message, parse_flags(row.arguments));
  }
}

TEST_CASE("every update rule can be trained with, and brings its own defaults") {
  REQUIRE(optim::rules().size() == std::size(kOptimizers));
  for (size_t i = 0; i < std::size(kOptimizers); ++i) {
    const optim::RuleInfo& rule = optim::rules()[i];
    INFO(rule.name);
    CHECK(rule.name == kOptimizers[i]);
    const TrainConfig config = parse_flags({"--optimizer", std::string(rule.name)});
    optim::HyperParameters got = hyper_of(config), own = rule.defaults;
    own.lr = TrainConfig().lr;
    own.weight_decay = TrainConfig().weight_decay;
    std::vector<double> a, b;
    got.visit([&](const char*, double value) { a.push_back(value); });
    own.visit([&](const char*, double value) { b.push_back(value); });
    CHECK(a == b);
  }
  CHECK(parse_flags({"--optimizer", "lion"}).beta2 == 0.99);
  CHECK(parse_flags({"--beta2", "0.999", "--optimizer", "lion"}).beta2 == 0.999);
  CHECK(parse_flags({"--optimizer", "momentum"}).momentum == 0.9);
  CHECK(parse_flags({"--optimizer", "adagrad"}).eps == 1e-10);
  CHECK(parse_flags({"--optimizer", "rmsprop"}).momentum == 0);
}

TEST_CASE("an unusual config's rule, hyper-parameters and state are the optimizer's, field by field") {
  TrainConfig config = unusual();
  const optim::GroupOptions options = group_options(config);
  CHECK(options.rule == "adamw");
  CHECK(options.codec == "blockwise8");
  CHECK(options.block_size == 64);
  CHECK(options.min_8bit_size == 0);
  CHECK(options.second_moment == optim::SecondMoment::Plain);
  CHECK(options.rounding == optim::Rounding::Stochastic);
  CHECK(options.weight_rounding == optim::Rounding::Nearest);
  CHECK(options.no_decay == config.no_decay);
  REQUIRE(options.overrides.size() == 2);
  CHECK(options.overrides[0].pattern == "embedding.*");
  CHECK(options.overrides[0].codec == "fp32");
  CHECK(options.overrides[1].pattern == "a=b");  // no codec has = in its name
  CHECK(options.overrides[1].codec == "bf16");
  CHECK(options.not_orthogonal == optim::GroupOptions().not_orthogonal);  // no setting
  optim::HyperParameters hyper = options.hyper.value();
  hyper.visit([&](const char* name, double value) {
    INFO(name);
    int found = 0;
    config.visit([&](const Field& field, const auto& member, const auto&) {
      if constexpr (std::is_arithmetic_v<std::decay_t<decltype(member)>>) {
        if (flag_name(field.name) != "--" + std::string(name)) return;
        ++found;
        CHECK(value == static_cast<double>(member));
      }
    });
    CHECK(found == 1);
  });
}

TEST_CASE("a run of another rule keeps the settings it was started with") {
  TrainConfig started;
  started.optimizer = "lion";
  started.beta2 = 0.5;
  CHECK(parse_flags({"--threads", "7"}, started).beta2 == 0.5);
}

TEST_CASE("limits themselves are accepted") {
  CHECK(parse_flags({"--lr", "100"}).lr == 100);
  CHECK(parse_flags({"--epochs", "1"}).epochs == 1);
  CHECK(parse_flags({"--epochs", "+3"}).epochs == 3);
  CHECK(parse_flags({"--beta1", "0"}).beta1 == 0);
  CHECK(parse_flags({"--block-size", "4096"}).block_size == 4096);
  CHECK(parse_flags({"--min-8bit-size", "0"}).min_8bit_size == 0);
}

TEST_CASE("a flag given twice takes the last, a repeatable one collects") {
  CHECK(parse_flags({"--epochs", "3", "--epochs", "4"}).epochs == 4);
  CHECK(parse_flags({"--state-override", "a=fp32", "sms", "--state-override", "b=bf16"}).state_override ==
        std::vector<std::string>{"a=fp32", "b=bf16"});
}

TEST_CASE("help shows every flag with its default and its limits") {
  const std::string help = train_help();
  TrainConfig config;
  config.visit([&](const Field& field, const auto&, const auto&) {
    INFO(field.name);
    CHECK(help.find(field.positional ? std::string(field.name) : flag_name(field.name)) != std::string::npos);
  });
  for (const char* part :
       {"[50]", "one of fp32, bf16, blockwise8", "[adam]", "a power of two from 64 to 4096"}) {
    INFO(part);
    CHECK(help.find(part) != std::string::npos);
  }
}

TEST_CASE("a checkpoint's config rejects what does not fit as a checkpoint error") {
  nlohmann::ordered_json json = to_json(TrainConfig());
  json["lr"] = "fast";
  CHECK_ERROR(ErrorKind::Checkpoint, "last.ckpt: lr = \"fast\": must be a number",
              config_from_json(json, "last.ckpt"));
  json = to_json(TrainConfig());
  json["epochs"] = -1;
  CHECK_ERROR(ErrorKind::Checkpoint, "last.ckpt: epochs = -1: must be at least 1",
              config_from_json(json, "last.ckpt"));
  json = to_json(TrainConfig());
  json["warp"] = 1;
  CHECK_ERROR(ErrorKind::Checkpoint, "unknown field 'warp'", config_from_json(json, "last.ckpt"));
  CHECK_ERROR(ErrorKind::Checkpoint, "not a JSON object", config_from_json(nullptr, "last.ckpt"));
  json = to_json(unusual());
  json.erase("lr");  // of an older version
  CHECK(config_from_json(json, "last.ckpt").lr == TrainConfig().lr);
}

TEST_CASE("two configs differ in what changes the numbers, not in where results go") {
  TrainConfig a, b;
  b.out = "elsewhere", b.log = "x", b.threads = 2, b.resume = "r", b.json = true, b.data = "d";
  CHECK(first_difference(a, b).empty());
  b.state = "bf16", b.block_size = 64, b.min_8bit_size = 0, b.state_override = {"a=bf16"};
  b.weight_dtype = "bf16", b.weight_rounding = "nearest";
  CHECK(first_difference(a, b).empty());  // a resumed run converts its state and weights
  CHECK(first_difference(a, b, Affects::StateFormat) == "state");
  b.lr = 1e-3;
  CHECK(first_difference(a, b) == "lr");
}
