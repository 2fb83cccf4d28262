// octet memory as people call it: what it prints, the largest model that fits, and wrong flags.
#include <map>
#include <numeric>

#include "tests/tools/small_run.h"
#include "tools/byte_size.h"
#include "tools/memory_fit.h"
#include "tools/memory_text.h"
#include "tools/tasks.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;

namespace {

const Arguments kAssumed = {"memory", "imdb", "--vocabulary", "1001", "--tokens", "4000"};

Json told(const Arguments& more) {
  const Outcome outcome = run_octet(kAssumed + more + Arguments{"--json"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return Json::parse(outcome.out);
}

TrainConfig imdb() {
  TrainConfig config;
  config.task = "imdb";
  task_of(config).defaults(config);
  return config;
}

Workload assumed(const TrainConfig& config) {
  return workload_of(config, AssumedData{.vocabulary = 500, .longest = 60, .tokens = config.batch_size * 20});
}

}  // namespace

TEST_CASE("the tensors that are explained sum to the tags and to the peak") {
  for (const char* device : {"cpu", "cuda"})  // no GPU is needed to predict for one
    for (const char* model : {"bag", "lstm", "bilstm"}) {
      const Json json = told({"--explain", "--device", device, "--model", model, "--state", "blockwise8"});
      std::map<std::string, int64_t> sums;
      for (const Json& tensor : json["tensors"]) {
        sums[tensor["tag"].get<std::string>()] += tensor["bytes"].get<int64_t>();
        const auto shape = tensor["shape"].get<std::vector<int64_t>>();
        const int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
        const std::string type = tensor["dtype"];
        const int64_t exact = count * (type == "u8"                     ? 1
                                       : type == "bf16"                 ? 2
                                       : type == "f64" || type == "i64" ? 8
                                                                        : 4);
        const int64_t counted = tensor["bytes"], unit = device == std::string("cpu") ? 64 : 256;
        CHECK(counted >= exact);
        CHECK(counted - exact < unit + (exact == 0 ? 1 : 0));
      }
      int64_t all = 0;
      for (const auto& [tag, bytes] : json["predicted_by_tag"].items()) {
        CHECK(sums[tag] == bytes.get<int64_t>());
        all += bytes.get<int64_t>();
      }
      CHECK(all == json["predicted_peak"].get<int64_t>());
      CHECK(json["states"].size() == std::size(kCodecs));
    }
}

TEST_CASE("explain prints shape, type and arithmetic of each tensor, and the sums of each tag") {
  const Outcome outcome = run_octet(kAssumed + Arguments{"--explain"});
  INFO(outcome.out);
  REQUIRE(outcome.status == 0);
  const auto has = [&](const char* text) { return outcome.out.find(text) != std::string::npos; };
  CHECK(has("embedding.weight                          "));
  CHECK(has("[1001,64]"));
  CHECK(has("64,064 x 4 B"));
  CHECK(has("sum of optimizer_state"));
  CHECK(has("optimizer state: 8.00 bytes a parameter"));
  CHECK(has("blockwise8-v0.36"));
  CHECK(has("State in fp32 is"));
}

TEST_CASE("codecs side by side: each is what the run itself would be told") {
  const Json json = told({});
  for (const Json& row : json["states"]) {
    const std::string state = row["state"];
    const Json own = told({"--state", state});
    CHECK(row["predicted_peak"] == own["predicted_peak"]);
    CHECK(row["state_bytes"] == own["state_bytes"]);
  }
  // 130,689 parameters, all in tensors of 4,096 and more but 1,089 (biases and the last layer).
  CHECK(json["parameters"] == 130689);
  CHECK(json["state_bytes"] == 8 * 130689);
  CHECK(told({"--state", "blockwise8", "--min-8bit-size", "0"})["state_bytes"].get<int64_t>() ==
        2 * (130689 + 4 * (251 + 4 * 64 + 4 + 1 + 1)));
  const Outcome none = run_octet(kAssumed + Arguments{"--optimizer", "sgd"});
  CHECK(none.out.find("This rule has no state") != std::string::npos);
  const Outcome some = run_octet(kAssumed + Arguments{"--state-override", "emb*=blockwise8"});
  CHECK(some.out.find("What --state-override names is kept as it says there, in every row.\n") !=
        std::string::npos);
  CHECK(some.out.find("can save more") == std::string::npos);
}

TEST_CASE("weights in bf16 take two bytes each, their gradients four, and their type is told") {
  const Json exact = told({}), stored = told({"--weight-dtype", "bf16", "--explain"});
  CHECK(exact["weight_dtype"] == "fp32");
  CHECK(exact["weight_bytes"] == 4 * 130689);
  CHECK(stored["weight_dtype"] == "bf16");
  CHECK(stored["weight_bytes"] == 2 * 129600 + 4 * 1089);
  CHECK(stored["state_bytes"] == exact["state_bytes"]);
  CHECK(stored["predicted_by_tag"]["gradients"] == exact["predicted_by_tag"]["gradients"]);
  for (const Json& tensor : stored["tensors"])
    if (tensor["tag"] == "weights")
      CHECK(tensor["dtype"] == (tensor["bytes"].get<int64_t>() >= 2 * 4096 ? "bf16" : "f32"));
  const Outcome text = run_octet(kAssumed + Arguments{"--weight-dtype", "bf16"});
  CHECK(text.out.find("130,689 parameters, adam with bf16 weights and fp32 state, ") != std::string::npos);
  CHECK(text.out.find("optimizer state: 8.00 bytes a parameter, weights: 2.02\n") != std::string::npos);
}

TEST_CASE("the largest model fits, and one step more does not") {
  for (const std::string_view setting : kGrowing)
    for (const int64_t bytes : {int64_t{20} << 20, int64_t{123456789}, int64_t{2} << 30}) {
      CAPTURE(setting);
      CAPTURE(bytes);
      const Fit fit = largest_fit(imdb(), setting, bytes, assumed);
      CHECK(fit.forecast.peak <= bytes);
      CHECK(fit.forecast.peak == forecast(fit.config, assumed(fit.config)).peak);
      TrainConfig more = fit.config;
      int64_t& value = setting == "hidden"       ? more.hidden
                       : setting == "layers"     ? more.layers
                       : setting == "batch_size" ? more.batch_size
                                                 : more.embedding;
      CHECK(value == fit.value);
      ++value;
      if (fit.next_peak == 0) {
        CHECK(fit.value == (setting == "layers" ? 64 : 65536));
        continue;
      }
      CHECK(forecast(more, assumed(more)).peak == fit.next_peak);
      CHECK(fit.next_peak > bytes);
    }
  CHECK_ERROR(ErrorKind::Memory, "not even layers 1 fits 1,000 B: it needs",
              largest_fit(imdb(), "layers", 1000, assumed));
  const Json json = told({"--fit", "64MiB", "--grow", "layers"});
  CHECK(json["fit"]["setting"] == "layers");
  CHECK(json["predicted_peak"].get<int64_t>() <= 64 << 20);
  CHECK(json["fit"]["next_peak"].get<int64_t>() > 64 << 20);
}

TEST_CASE("amounts of memory are read with decimal and binary units") {
  CHECK(parse_bytes("16GiB", "--fit") == int64_t{16} << 30);
  CHECK(parse_bytes("1.5 GB", "--fit") == 1500000000);
  CHECK(parse_bytes("500mb", "--fit") == 500000000);
  CHECK(parse_bytes("1e6", "--fit") == 1000000);
  CHECK(parse_bytes("7 b", "--fit") == 7);
  for (const char* wrong : {"", "GiB", "-1GiB", "16GX", "0", "nan", "inf", "1e30", "5 5", "0.5"})
    CHECK_ERROR(ErrorKind::Usage, "--fit '" + std::string(wrong) + "' is no amount of memory",
                parse_bytes(wrong, "--fit"));
}

TEST_CASE("wrong flags of memory end with 2 and say what to do") {
  const auto refused = [](const Arguments& arguments, const std::string& message, int status = 2) {
    const Outcome outcome = run_octet(Arguments{"memory"} + arguments);
    INFO(outcome.err);
    CHECK(outcome.status == status);
    CHECK(outcome.out == "");
    CHECK(outcome.err.find(message) != std::string::npos);
  };
  refused({}, "no task named");
  refused({"imbd"}, "did you mean");
  refused({"sms", "--longest", "5"}, "give --vocabulary too");
  refused({"sms", "--vocabulary", "100"}, "--longest or --max-length");
  refused({"sms", "--vocabulary", "100", "--longest", "5", "--measure"}, "--measure needs the data set");
  refused({"sms", "--vocabulary", "100", "--longest", "5", "--tokens", "9"}, "--tokens 9 do not fit");
  refused({"sms", "--vocabulary", "100", "--longest", "5", "--tokens", "321"}, "--tokens 321 do not fit");
  refused({"sms", "--vocabulary", "100", "--longest", "5", "--fit", "16QB"}, "is no amount of memory");
  refused({"sms", "--resume", "run"}, "--resume run: a forecast is of settings; --config run/config.toml");
  refused({"sms", "--vocabulary", "100", "--longest", "5", "--fit", "1GB", "--grow", "hiden"}, "hidden");
  refused({"sms", "--vocabulary", "100", "--longest", "5", "--fit", "1GB", "--model", "bag"},
          "bag has no hidden");
  refused({"sms", "--vocabulary", "100", "--longest", "5", "--fit", "99"}, "not even hidden 1 fits", 4);
  refused({"sms", "--vocabulary", "100", "--longest", "5", "--state-override", "nothing=fp32"},
          "--state-override: no parameter fits the pattern 'nothing'");
  refused({"sms", "--data", "/nowhere"}, "/nowhere", 3);
}

TEST_CASE("measure shows beside the prediction what the ledger counts") {
  const Runs runs;
  // The batch of the most ids is often not that of the longest text or of the most different ids.
  for (const Arguments& more : {Arguments{}, Arguments{"--epochs", "7", "--batch-size", "4"},
                                Arguments{"--epochs", "7", "--accumulate", "2"},
                                Arguments{"--epochs", "7", "--batch-size", "4", "--model", "bag"}}) {
    Arguments arguments = runs.train("never", Arguments{"--json", "--measure"} + more);
    arguments[1] = "memory";
    const Outcome outcome = run_process(arguments);
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    const Json json = Json::parse(outcome.out);
    CHECK(json["predicted_by_tag"] == json["measured_by_tag"]);
    CHECK(json["predicted_peak"] == json["measured_peak"]);
  }
}
