// Every number that octet inspect tells of state made by hand, against loops over that state.
#include <map>
#include <sstream>

#include "core/safetensors.h"
#include "optim/made_state.h"
#include "tests/tools/small_run.h"
#include "tests/tools/stored_state.h"
#include "tools/format.h"
#include "tools/inspection_view.h"

using namespace octet;
using namespace octet::testing;
using doctest::Approx;
using optim::Book;
using optim::Encoding;

namespace {

constexpr int kBlock = 64;
constexpr int64_t kSmallest = 768;  // --min-8bit-size: as large as lstm.weight_ih_l0
constexpr double kTight = 1e-9;
const double kEps = 1e-8 * std::sqrt(1 - std::pow(0.999, 66));  // with the bias correction of 66 steps

using Adam = optim::AdamState;
using State = std::map<std::string, Adam>;  // by parameter

std::string checkpoint_of(const Runs& runs, const std::string& run) {
  return runs.path(run + "/last.ckpt.safetensors");
}

// Moments over many decades, so that plain second moments vanish, and of another size, spread and share of
// zeros in each tensor, so that weighting tells.
Adam made_moments(int64_t elements, uint64_t seed) {
  const auto kind = static_cast<double>(seed);
  Adam out = optim::log_normal_state({.rows = elements,
                                      .columns = 1,
                                      .median = 1e-6 * std::pow(10, kind / 3),
                                      .row_decades = 0.2 * kind,
                                      .element_decades = 0.4},
                                     seed);
  for (size_t i = 0; i < out.m.size(); i += seed + 1) out.m[i] = 0;
  return out;
}

struct Made {
  Runs runs;
  State state;
  std::string path;

  Made() {
    runs.trained("fp32", {"--epochs", "1"});
    TensorFile file = read_safetensors(checkpoint_of(runs, "fp32"));
    uint64_t seed = 0;
    for (auto& [name, tensor] : file.tensors) {
      const size_t dot = name.rfind('.');
      const std::string slot = name.substr(dot + 1);
      if (slot != "exp_avg" && slot != "exp_avg_sq") continue;
      const auto [found, is_new] = state.try_emplace(name.substr(0, dot));
      if (is_new) found->second = made_moments(tensor.numel(), 1 + seed++ % 5);
      tensor = Tensor::from(slot == "exp_avg" ? found->second.m : found->second.v, tensor.shape());
    }
    Json config = Json::parse(file.metadata.at("config"));
    config["min_8bit_size"] = kSmallest, config["block_size"] = kBlock;
    config["second_moment"] = "floor", config["rounding"] = "stochastic";
    file.metadata["config"] = config.dump();
    path = runs.path("made.safetensors");
    write_file(path, format_safetensors(file));
  }
};
const Made& made() {
  static const Made once;
  return once;
}

bool is_stored(const Adam& state) { return static_cast<int64_t>(state.m.size()) >= kSmallest; }

std::string text_of(const Arguments& arguments) {
  const Outcome outcome = run_octet(Arguments{"inspect"} + arguments);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return outcome.out;
}
Json json_of(const Arguments& arguments) { return Json::parse(text_of(arguments + Arguments{"--json"})); }

const Json& named(const Json& list, const char* key, const std::string& name) {
  for (const Json& one : list)
    if (one[key] == name) return one;
  FAIL("no " << name);
  return list;
}

double number(const Json& json) { return json.get<double>(); }

void check_ratios(const Json& json, const std::vector<double>& ratios) {
  CHECK(number(json["median"]) == Approx(share_below(ratios, 0.5)).epsilon(kTight).scale(0));
  CHECK(number(json["p99"]) == Approx(share_below(ratios, 0.99)).epsilon(kTight).scale(0));
}

// The five worst blocks, the worst first.
void check_worst_blocks(const Json& json, const Values& x, const Values& q) {
  struct Block {
    size_t first;
    double absmax, relative;
  };
  std::vector<Block> blocks;
  for (size_t first = 0; first < x.size(); first += kBlock) {
    const auto part = [&](const Values& of) {
      return Values(of.begin() + static_cast<std::ptrdiff_t>(first),
                    of.begin() + static_cast<std::ptrdiff_t>(std::min(first + kBlock, of.size())));
    };
    Sums sums;
    sums.add(part(x), part(q));
    blocks.push_back({first, sums.largest, sums.error / sums.magnitude});
  }
  std::sort(blocks.begin(), blocks.end(),
            [](const Block& a, const Block& b) { return a.relative > b.relative; });
  REQUIRE(json.size() == std::min<size_t>(5, blocks.size()));
  for (size_t i = 0; i < json.size(); ++i) {
    CHECK(json[i]["block"] == blocks[i].first / kBlock);
    CHECK(json[i]["first_element"] == blocks[i].first);
    CHECK(json[i]["absmax"] == blocks[i].absmax);
    CHECK(number(json[i]["relative"]) == Approx(blocks[i].relative).epsilon(kTight).scale(0));
  }
}

// What a slot of the JSON says of values and of what is stored in their place.
void check_slot(const Json& json, const char* codec, Book book, const Values& x, const Stored& stored) {
  Sums sums;
  sums.add(x, stored.values);
  CHECK(json["codec"] == "fp32");
  CHECK(json["elements"] == x.size());
  CHECK(json["bytes"] == 4 * x.size());
  CHECK(json["storage"] == codec);
  CHECK(json["storage_bytes"] == x.size() + 4 * stored.in.absmax.size());
  CHECK(number(json["error"]["mean_abs"]) == Approx(sums.error / sums.elements).epsilon(kTight).scale(0));
  CHECK(number(json["error"]["relative"]) == Approx(sums.error / sums.magnitude).epsilon(kTight).scale(0));
  CHECK(number(json["error"]["of_absmax"]) ==
        Approx(sums.error / sums.elements / sums.largest).epsilon(kTight).scale(0));
  CHECK(json["vanished"] == sums.vanished);
  std::vector<int64_t> counts(256);
  for (const uint8_t code : stored.in.codes) ++counts[code];
  CHECK(json["codes"] == Json(counts));
  CHECK(json["codes_used"] == 256 - std::count(counts.begin(), counts.end(), 0));
  // Codes of 0, and of what is as large as the book goes.
  const optim::Codebook& codes =
      codebook(book, std::string(codec) == "linear8" ? optim::Map::Linear : optim::Map::Dynamic);
  double zeros = 0, tops = 0;
  for (const uint8_t code : stored.in.codes)
    zeros += codes.value[code] == 0, tops += std::abs(codes.value[code]) == 1;
  CHECK(number(json["zero_share"]) == Approx(zeros / sums.elements));
  CHECK(number(json["top_share"]) == Approx(tops / sums.elements));
  check_worst_blocks(json["worst_blocks"], x, stored.values);
}

// Both moments of each tensor that is stored.
struct Pair {
  Stored m, v;
};
using Way = Pair (*)(const Adam&);

Stored first(const char* codec, const Adam& state, const Encoding& how = {}) {
  return stored_in(codec, Book::Signed, state.m, kBlock, how);
}
Stored second(const char* codec, const Adam& state, const Encoding& how = {}) {
  return stored_in(codec, Book::Unsigned, state.v, kBlock, how);
}

void check_trial(const Json& json, double bytes_per_value, const Way& way) {
  Sums m, v;
  std::vector<double> adam, ratios;
  for (const auto& [name, state] : made().state) {
    if (!is_stored(state)) continue;
    const Pair q = way(state);
    m.add(state.m, q.m.values), v.add(state.v, q.v.values);
    append(adam, adam_errors(state.m, state.v, q.m.values, q.v.values, kEps));
    append(ratios, step_ratios(state.m, state.v, q.v.values, kEps));
  }
  INFO(json["storage"]);
  CHECK(number(json["bytes_per_value"]) == Approx(bytes_per_value).epsilon(kTight).scale(0));
  for (const auto& [slot, sums] : {std::pair{"exp_avg", m}, {"exp_avg_sq", v}}) {
    INFO(slot);
    CHECK(number(json["slots"][slot]["relative_error"]) ==
          Approx(sums.error / sums.magnitude).epsilon(kTight).scale(0));
    CHECK(number(json["slots"][slot]["vanished_share"]) ==
          Approx(sums.vanished / sums.living).epsilon(kTight));
  }
  CHECK(number(json["adam_error"]) == Approx(mean_of(adam)).epsilon(kTight).scale(0));
  check_ratios(json["step_size_ratio"], ratios);
}

// The line that begins so, its blanks as one each.
std::string line_of(const std::string& text, const std::string& begin) {
  for (const std::string& line : tools::lines_of(text)) {
    std::istringstream words(line);
    std::string out;
    for (std::string word; words >> word;) out += (out.empty() ? "" : " ") + word;
    if (out.starts_with(begin)) return out;
  }
  FAIL("no line begins with " << begin);
  return "";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("each slot is stored by the named codec as its run would, and every number of it is right") {
  int stored = 0, kept = 0, just = 0;
  for (const char* codec : {"blockwise8", "linear8"}) {
    const Json json = json_of({made().path, "--codec", codec});
    CHECK(json["slots"].size() == 2 * made().state.size());
    for (const Json& slot : json["slots"]) {
      const Adam& state = made().state.at(slot["parameter"].get<std::string>());
      const bool is_first = slot["slot"] == "exp_avg";
      INFO(codec << " " << slot["parameter"] << " " << slot["slot"]);
      if (!is_stored(state)) {
        ++kept;
        CHECK(slot["storage"] == "fp32");
        CHECK(slot["storage_bytes"] == 4 * state.m.size());
        CHECK(slot["error"]["mean_abs"] == 0);
        CHECK(!slot.contains("codes"));
        continue;
      }
      ++stored, just += static_cast<int64_t>(state.m.size()) == kSmallest;
      const bool signs = std::string(codec) == "blockwise8";  // the linear book has a -1
      if (is_first) {
        const Stored m = first(codec, state, by_chance(0, {.signed_absmax = signs}));
        check_slot(slot, codec, Book::Signed, state.m, m);
        CHECK(!slot.contains("step_size_ratio"));
      } else {
        const Stored v = second(codec, state, by_chance(1, {.floor = true}));
        check_slot(slot, codec, Book::Unsigned, state.v, v);
        check_ratios(slot["step_size_ratio"], step_ratios(state.m, state.v, v.values, kEps));
      }
    }
  }
  CHECK(stored > 8);
  CHECK(kept > 0);
  CHECK(just > 0);
}

TEST_CASE("what is tried weighs every element of every stored tensor alike") {
  const Json trials = json_of({made().path})["trials"];
  const auto trial = [&](const char* name) { return named(trials, "storage", name); };
  double values = 0, blocks = 0;
  for (const auto& [name, state] : made().state) {
    if (!is_stored(state)) continue;
    values += static_cast<double>(state.m.size());
    blocks += std::ceil(static_cast<double>(state.m.size()) / kBlock);
  }
  const double bytes = 1 + 4 * blocks / values;
  check_trial(trial("linear8, plain"), bytes, [](const Adam& state) {
    return Pair{first("linear8", state), second("linear8", state)};
  });
  check_trial(trial("blockwise8, plain"), bytes, [](const Adam& state) {
    return Pair{first("blockwise8", state), second("blockwise8", state)};
  });
  // As training does it when nothing is said: second moments dithered above a floor.
  check_trial(trial("blockwise8"), bytes, [](const Adam& state) {
    return Pair{first("blockwise8", state, {.signed_absmax = true}),
                second("blockwise8", state, by_chance(1, {.floor = true}))};
  });
}

TEST_CASE("a slow mean is stored by chance, as in training, though the run rounds to the nearest code") {
  const Runs runs;
  runs.trained("run", {"--epochs", "1", "--min-8bit-size", "768", "--optimizer", "ademamix"});
  const TensorFile file = read_safetensors(checkpoint_of(runs, "run"));
  const Json json = json_of({runs.path("run")});
  const std::span<const optim::Slot> slots = optim::rule_named("ademamix").slots;
  for (int place = 0; place < 3; ++place) {
    const optim::Slot& slot = slots[static_cast<size_t>(place)];
    INFO(slot.name);
    Sums sums;
    for (const Json& shown : json["slots"]) {
      if (shown["slot"] != slot.name || shown["storage"] == "fp32") continue;
      const Values x =
          file.at(shown["parameter"].get<std::string>() + "." + std::string(slot.name)).to_vector<float>();
      const bool first_moment = slot.book == Book::Signed;
      Encoding how{.floor = !first_moment, .signed_absmax = first_moment};
      if (!first_moment || slot.slow) how = by_chance(place, how);
      const Values q = stored_in("blockwise8", slot.book, x, 256, how).values;
      Sums alone;
      alone.add(x, q), sums.add(x, q);
      CHECK(number(shown["error"]["relative"]) ==
            Approx(alone.error / alone.magnitude).epsilon(kTight).scale(0));
    }
    const Json& tried = named(json["trials"], "storage", "blockwise8")["slots"][slot.name];
    CHECK(number(tried["relative_error"]) == Approx(sums.error / sums.magnitude).epsilon(kTight).scale(0));
  }
}

TEST_CASE("courses follow second moments under gradients that stay as large") {
  const Json json = json_of({made().path});
  const Json& course = named(json["steady_courses"], "storage", "blockwise8, plain");
  REQUIRE(course["median"].size() == 101);
  State now = made().state;
  for (size_t step = 0; step < 4; ++step) {
    std::vector<double> ratios;
    for (auto& [name, state] : now) {
      if (!is_stored(state)) continue;
      const Adam& exact = made().state.at(name);
      append(ratios, step_ratios(exact.m, exact.v, state.v, kEps));
      state.v = second("blockwise8", state).values;
      for (size_t i = 0; i < state.v.size(); ++i)
        state.v[i] = 0.999f * state.v[i] + static_cast<float>(1 - 0.999) * exact.v[i];
    }
    CHECK(number(course["median"][step]) == Approx(share_below(ratios, 0.5)).epsilon(1e-6).scale(0));
    CHECK(number(course["p99"][step]) == Approx(share_below(ratios, 0.99)).epsilon(1e-6).scale(0));
  }
}

TEST_CASE("the text shows the numbers of the JSON, each under its header") {
  const Json json = json_of({made().path});
  const std::string text = text_of({made().path});
  int64_t bytes = 0;
  for (const auto& [name, state] : made().state) bytes += 8 * static_cast<int64_t>(state.m.size());
  CHECK(has(text, " tensors, " + tools::format_bytes(bytes) + " of state\n"));
  const auto pair_of = [](const Json& ratio) {
    const std::string median = tools::times(ratio["median"]), p99 = tools::times(ratio["p99"]);
    CHECK(median != p99);
    return " " + median + " " + p99;
  };
  const Json& trial = named(json["trials"], "storage", "linear8, plain");
  const auto share = [](const Json& of) { return " " + tools::percent(of); };
  const Json &m = trial["slots"]["exp_avg"], &v = trial["slots"]["exp_avg_sq"];
  CHECK(has(text, "\nstorage              B/value"));
  CHECK(line_of(text, "storage ") == "storage B/value exp_avg exp_avg_sq lost step x 99 % Adam error");
  CHECK(has(line_of(text, "linear8, plain"),
            share(m["relative_error"]) + share(v["relative_error"]) + share(v["vanished_share"]) +
                pair_of(trial["step_size_ratio"]) + share(trial["adam_error"])));
  const Json& course = named(json["steady_courses"], "storage", "blockwise8-v0.36");
  CHECK(has(text, "(median, 99 %):\n"));
  CHECK(has(text.substr(text.find("(median, 99 %)")), tools::times(course["median"].back()) + " x "));
  const std::string after = text.substr(text.find("(median, 99 %)"));
  CHECK(line_of(after, "blockwise8-v0.36") == "blockwise8-v0.36 " + tools::times(course["median"].back()) +
                                                  " x " + tools::times(course["p99"].back()) + " x");
  for (const Json& slot : json["slots"]) {
    if (slot["parameter"] != "lstm.weight_ih_l0" || slot["slot"] != "exp_avg_sq") continue;
    CHECK(line_of(text, "lstm.weight_ih_l0 exp_avg_sq 768") ==
          "lstm.weight_ih_l0 exp_avg_sq 768 " + tools::format_bytes(slot["storage_bytes"]) +
              share(slot["error"]["relative"]) + share(number(slot["vanished"]) / 768) +
              share(slot["zero_share"]) + pair_of(slot["step_size_ratio"]));
    CHECK(has(text, std::to_string(slot["codes_used"].get<int>()) + "/256\n"));
  }
  // The worst blocks of all slots, the worst first.
  std::vector<std::pair<double, std::string>> worst;
  for (const Json& slot : json["slots"])
    for (const Json& block : slot["worst_blocks"]) {
      const int64_t begin = block["first_element"];
      const int64_t end = std::min(begin + kBlock, slot["elements"].get<int64_t>()) - 1;
      const std::string place = slot["parameter"].get<std::string>() + " " + slot["slot"].get<std::string>() +
                                " " + tools::format_count(block["block"]) + " " + tools::format_count(begin) +
                                " to " + tools::format_count(end) + " ";
      worst.emplace_back(-number(block["relative"]), place);
    }
  std::stable_sort(worst.begin(), worst.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string rest = text.substr(text.find("worst blocks"));
  for (size_t i = 0; i < 8; ++i) {
    rest = rest.substr(rest.find('\n') + 1);
    CHECK(line_of(rest, "").starts_with(worst[i].second));
    CHECK(line_of(rest, "").ends_with(tools::percent(-worst[i].first)));
  }
  CHECK(rest.substr(rest.find('\n') + 1).starts_with("\n"));
}

TEST_CASE("a run in codes is held against its pair element by element") {
  const Runs runs;
  const Arguments common = {"--epochs", "1", "--min-8bit-size", "768"};
  runs.trained("exact", common);
  runs.trained("coded", common + Arguments{"--state", "blockwise8", "--block-size", "64"});
  const TensorFile exact = read_safetensors(checkpoint_of(runs, "exact")),
                   coded = read_safetensors(checkpoint_of(runs, "coded"));
  const Arguments command = {runs.path("coded"), "--against", runs.path("exact")};
  const Json json = json_of(command);
  std::vector<double> all;
  for (const Json& slot : json["slots"]) {
    const std::string parameter = slot["parameter"];
    if (slot["slot"] != "exp_avg_sq") continue;
    const std::string name = parameter + ".exp_avg_sq";
    const Values m = exact.at(parameter + ".exp_avg").to_vector<float>(),
                 v = exact.at(name).to_vector<float>();
    const bool in_codes = static_cast<int64_t>(v.size()) >= kSmallest;
    CHECK(slot["codec"] == (in_codes ? "blockwise8" : "fp32"));
    Values q;
    if (in_codes)
      q = optim::testing::decode(
          cpu::level(), Book::Unsigned,
          {coded.at(name).to_vector<uint8_t>(), coded.at(name + ".absmax").to_vector<float>()}, kBlock);
    else
      q = coded.at(name).to_vector<float>();
    const std::vector<double> ratios = step_ratios(m, v, q, kEps);
    Sums sums;
    sums.add(v, q);
    INFO(parameter);
    CHECK(number(slot["error"]["relative"]) == Approx(sums.error / sums.magnitude).epsilon(kTight).scale(0));
    CHECK(slot["vanished"] == sums.vanished);
    check_ratios(slot["step_size_ratio"], ratios);
    if (in_codes) append(all, ratios);
  }
  check_ratios(json["step_size_ratio"], all);
  CHECK(line_of(text_of(command), "This run") == "This run, all rounded tensors together: step x " +
                                                     tools::times(share_below(all, 0.5)) + ", 99 % " +
                                                     tools::times(share_below(all, 0.99)));
}
