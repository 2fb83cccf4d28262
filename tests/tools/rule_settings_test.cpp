// What a run says about settings that are without effect, or hardly meant.
#include "tools/rule_settings.h"

#include <algorithm>

#include "tests/support/support.h"
#include "tests/tools/train_flags.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;

namespace {

using Lines = std::vector<std::string>;

// The lines about a run of 1,000 steps with these flags.
Lines lines(const Lines& flags) { return lines_about_settings(parse_flags(flags), 1000); }

// The same of task sms, with a rate of its own so that none is suggested.
Lines lines_with(const Lines& flags) {
  Lines all{"sms", "--lr", "0.002"};
  all.insert(all.end(), flags.begin(), flags.end());
  return lines(all);
}

std::string text(const Lines& flags) { return optimizer_text(parse_flags(flags)); }

}  // namespace

TEST_CASE("a run of a task's defaults is told nothing") {
  for (const std::string_view task : kTasks) {
    CAPTURE(task);
    CHECK(lines({std::string(task)}) == Lines{});
  }
  CHECK(lines({}) == Lines{});  // no task named
}

TEST_CASE("a rule that needs a larger learning rate than adam is given one to begin with") {
  const std::pair<std::string_view, const char*> rates[] = {
      {"sgd", "0.3"}, {"momentum", "0.03"}, {"adagrad", "0.01"},  {"lamb", "0.01"},
      {"lars", "1"},  {"muon", "0.01"},     {"adafactor", "0.01"}};
  for (const std::string_view name : kOptimizers) {
    CAPTURE(name);
    const std::string rule(name);
    const auto* const rate =
        std::find_if(std::begin(rates), std::end(rates), [&](const auto& r) { return r.first == name; });
    const auto expected = [&](const char* lr) {
      return rate == std::end(rates)
                 ? Lines{}
                 : Lines{std::string("lr ") + lr + " is the default, which is for adam; " + rule +
                         " needs a larger one, to begin with --lr " + rate->second};
    };
    // AdamW has a line of its own without weight decay.
    const Lines of_rule{"--optimizer", rule, "--weight-decay", rule == "adamw" ? "0.01" : "0"};
    const auto with = [&](Lines flags) {
      flags.insert(flags.end(), of_rule.begin(), of_rule.end());
      return lines(flags);
    };
    CHECK(with({}) == expected("0.0001"));
    CHECK(with({"sms"}) == expected("0.0001"));
    CHECK(with({"imdb"}) == expected("0.001"));  // its own default
    CHECK(with({"text"}) == expected("0.001"));
    // Each the default of another task.
    CHECK(with({"sms", "--lr", "0.001"}) == Lines{});
    CHECK(with({"imdb", "--lr", "0.0001"}) == Lines{});
    CHECK(with({"sms", "--resume", "r"}) == Lines{});  // it keeps its settings
  }
  CHECK(lines({"sms", "--optimizer", "adafactor", "--fixed-step"}) == Lines{});  // steps by lr itself
}

TEST_CASE("a percentile below 1 is taken for a share, and no other") {
  CHECK(lines_with({"--clip-percentile", "0.95"}) ==
        Lines{"clip-percentile 0.95 is in percent: gradients are limited to about the smallest of the last "
              "100 norms; 95 may be meant"});
  for (const char* meant : {"0", "1", "95", "100"}) {
    CAPTURE(meant);
    CHECK(lines_with({"--clip-percentile", meant}) == Lines{});
  }
}

TEST_CASE("a warm-up longer than the run is told with the learning rate that it ends at") {
  CHECK(lines_with({"--warmup-steps", "1000"}) == Lines{});
  CHECK(
      lines_with({"--warmup-steps", "4000"}) ==
      Lines{"the warm-up of 4,000 steps is longer than the run of 1,000: the learning rate ends at 0.0005"});
  CHECK(lines_with({"--warmup-steps", "1001"}).size() == 1);
}

TEST_CASE("a decay too near 1 for dithered codes is named, of whatever second moment the rule keeps") {
  const auto near = [](const char* decay, const char* state) {
    return Lines{std::string("a decay of ") + decay + " is too near 1 for " + state +
                 " state, which follows decays up to 0.99997; bf16 and fp32 follow all"};
  };
  const Lines none;
  for (const char* state : {"blockwise8", "linear8", "tensorwise8"}) {
    CAPTURE(state);
    CHECK(lines_with({"--state", state, "--beta2", "0.99998"}) == near("0.99998", state));
    CHECK(lines_with({"--state", state, "--beta2", "0.99997"}) == none);
    CHECK(lines_with({"--state", state, "--beta2", "0.99998", "--resume", "r"}) == none);
  }
  // No codes of a dither, powers of two, and nearest codes whatever was asked for.
  for (const char* state : {"fp32", "bf16", "blockwise4", "blockwise8-v0.36"}) {
    CAPTURE(state);
    CHECK(lines_with({"--state", state, "--beta2", "0.99998"}) == none);
  }
  for (const char* other : {"floor", "plain"}) {
    CAPTURE(other);
    CHECK(lines_with({"--state", "blockwise8", "--beta2", "0.99998", "--second-moment", other}) == none);
  }
  const auto eight = [](const char* rule, Lines flags) {
    flags.insert(flags.end(), {"--state", "blockwise8", "--optimizer", rule});
    return lines_with(flags);
  };
  CHECK(eight("lamb", {"--beta2", "0.99998"}) == near("0.99998", "blockwise8"));
  CHECK(eight("rmsprop", {"--alpha", "0.99998"}) == near("0.99998", "blockwise8"));
  CHECK(eight("rmsprop", {"--alpha", "0.99997"}) == none);
  CHECK(eight("adagrad", {}) == none);  // a sum, of which nothing decays
  CHECK(eight("lion", {"--beta2", "0.99998"}) == none);
  CHECK(eight("momentum", {"--momentum", "0.99998"}) == none);
  // AdEMAMix's slow mean is stepped as finely as a second moment.
  CHECK(eight("ademamix", {}) == none);
  CHECK(eight("ademamix", {"--beta3", "0.99998"}) == near("0.99998", "blockwise8"));
  CHECK(eight("ademamix", {"--beta3", "0.99997"}) == none);
  CHECK(eight("ademamix", {"--beta2", "0.99998"}) == near("0.99998", "blockwise8"));
  CHECK(eight("ademamix", {"--beta3", "0.99998", "--second-moment", "plain"}) ==
        near("0.99998", "blockwise8"));  // it is dithered whatever second moments are
  // Of the parameters that AdamW steps beside Muon.
  CHECK(eight("muon", {"--beta2", "0.99998", "--lr", "0.01"}) == near("0.99998", "blockwise8"));
  CHECK(eight("muon", {"--second-moment", "floor", "--lr", "0.01"}) == none);
  CHECK(eight("adam", {"--beta3", "0.99998"}) == Lines{"no effect on adam: --beta3"});
  // Overrides count, too; one line is enough.
  CHECK(lines_with({"--beta2", "0.99998", "--state-override", "fc*=bf16", "--state-override", "*=linear8"}) ==
        near("0.99998", "linear8"));
  CHECK(lines_with({"--beta2", "0.99998", "--state-override", "fc*=bf16"}) == none);
  CHECK(lines_with({"--beta2", "0.99998", "--state", "blockwise8", "--state-override", "*=fp32"}) == none);
  CHECK(lines_with({"--beta2", "0.99998", "--state", "blockwise8", "--state-override", "*=linear8"}) ==
        near("0.99998", "linear8"));
}

TEST_CASE("settings without effect are named once, with the rule or the state that they have none on") {
  const auto sgd = [](Lines flags) {
    flags.insert(flags.end(), {"--optimizer", "sgd"});
    return lines_with(flags);
  };
  CHECK(sgd({"--state", "blockwise8"}) == Lines{"no effect on sgd, which has no state: --state"});
  CHECK(sgd({"--state", "blockwise8", "--rounding", "stochastic", "--second-moment", "floor",
             "--min-8bit-size", "0", "--block-size", "64"}) ==
        Lines{"no effect on sgd, which has no state: --state, --block-size, --second-moment, --rounding, "
              "--min-8bit-size"});
  CHECK(lines_with({"--state", "blockwise8", "--rounding", "stochastic", "--second-moment", "floor",
                    "--min-8bit-size", "0", "--block-size", "64"}) == Lines{});
  CHECK(lines_with({"--rounding", "stochastic", "--second-moment", "floor", "--min-8bit-size", "0",
                    "--block-size", "64"}) ==
        Lines{"no effect on fp32 state: --block-size, --second-moment, --rounding, --min-8bit-size"});
  // An override may have the state that they act on, and bf16 weights go by --min-8bit-size.
  CHECK(lines_with({"--block-size", "64", "--state-override", "fc*=blockwise8"}) == Lines{});
  CHECK(lines_with({"--min-8bit-size", "0", "--weight-dtype", "bf16", "--weight-rounding", "nearest"}) ==
        Lines{});
  CHECK(lines_with({"--weight-rounding", "nearest"}) ==
        Lines{"no effect on fp32 weights: --weight-rounding"});
  CHECK(lines_with({"--no-decay", "*bias*"}) == Lines{"no effect without weight decay: --no-decay"});
  CHECK(lines_with({"--no-decay", "*bias*", "--weight-decay", "0.1"}) == Lines{});
  CHECK(lines_with({"--optimizer", "momentum", "--dampening", "0.5", "--nesterov"}) == Lines{});
}

TEST_CASE("adamw without weight decay and adafactor's factored state are pointed out") {
  CHECK(lines_with({"--optimizer", "adamw"}) ==
        Lines{"adamw without weight decay is adam; --weight-decay 0.01 is usual"});
  CHECK(lines_with({"--optimizer", "adamw", "--weight-decay", "0.1"}) == Lines{});
  CHECK(lines_with({"--optimizer", "adafactor", "--state", "bf16"}) ==
        Lines{"adafactor keeps the second moment of matrices factored, in fp32; --unfactored keeps all of it "
              "in bf16"});
  CHECK(lines_with({"--optimizer", "adafactor"}) == Lines{});
  CHECK(lines_with({"--optimizer", "adafactor", "--state", "bf16", "--unfactored"}) == Lines{});
}

TEST_CASE("an optimizer's name tells its state, and which parameters have another") {
  CHECK(text({}) == "adam with fp32 state");
  CHECK(text({"--optimizer", "lion", "--state", "blockwise8", "--weight-dtype", "bf16"}) ==
        "lion with bf16 weights and blockwise8 state");
  CHECK(text({"--state", "blockwise8", "--embedding-layer", "stable"}) ==
        "adam with blockwise8 state but fp32 for embedding.*");
  CHECK(text({"--embedding-layer", "stable"}) == "adam with fp32 state");
  CHECK(text({"--state", "linear8", "--state-override", "fc=*=bf16", "--state-override", "lstm*=fp32",
              "--embedding-layer", "stable"}) ==
        "adam with linear8 state but bf16 for fc=*, fp32 for lstm*, fp32 for embedding.*");
}
