#include "tools/inspection.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "tools/config_json.h"
#include "tools/fields.h"

namespace octet::tools {
namespace {

using optim::Book;
using optim::SecondMoment;
using optim::Storage;
using Values = std::vector<float>;

constexpr size_t kWorst = 5;  // blocks of each slot
constexpr int64_t kBlockOfUncoded = 256;
constexpr int kCourseSteps = 100;

// Tensors that codecs with an absmax store; smaller ones keep full precision.
bool is_stored(const CheckpointState& state, const SlotState& slot) {
  return slot.place >= 0 && slot.elements() >= state.config.min_8bit_size;
}

struct Named {
  const char* name;
  Storage how;
  bool by_slot = false;  // rounded as each slot is in training
};
std::vector<Named> storages(const TrainConfig& config) {
  const int block = static_cast<int>(config.block_size);
  const SecondMoment usual = optim::second_moment(TrainConfig().second_moment);
  const auto plain = [&](const char* name, std::string_view codec) { return Named{name, {codec, block}}; };
  const auto as_octet = [&](const char* codec) { return Named{codec, {codec, block, usual}, true}; };
  return {plain("linear, tensor-wise", optim::kTensorwiseLinear),
          plain("linear8, plain", "linear8"),
          plain("tensorwise8, plain", "tensorwise8"),
          plain("blockwise8, plain", "blockwise8"),
          as_octet("blockwise8"),
          as_octet("blockwise8-v0.36"),
          as_octet("blockwise4"),
          as_octet("bf16")};
}

Storage for_slot(Storage how, const CheckpointState& state, int place) {
  how.rounding = optim::rounding_of(state.rule().slots[static_cast<size_t>(place)], how.rounding);
  return how;
}

// The values of the slots of a parameter other than `place`.
std::vector<std::span<const float>> others(const CheckpointState& state, const std::string& parameter,
                                           int place) {
  std::vector<std::span<const float>> out;
  for (const SlotState* slot : state.slots_of(parameter))
    if (slot && slot->place != place) out.push_back(slot->held.values);
  return out;
}

std::vector<double> ratios_of(const CheckpointState& exact, const SlotState& slot, const Values& stored) {
  const optim::Denominator by = exact.denominator();
  if (slot.place < 0 || slot.place != by.slot) return {};
  const auto alive = others(exact, slot.parameter, slot.place);
  return optim::step_size_ratio(slot.held.values, stored, by.eps, alive);
}

void put_ratios(std::vector<double> ratios, SlotFigures& out) {
  out.ratio_median = optim::quantile(ratios, 0.5);
  out.ratio_p99 = optim::quantile(ratios, 0.99);
}

// Of what `stored` makes of the exact values of a slot.
SlotFigures compare(const CheckpointState& exact, const SlotState& slot, const std::string& storage,
                    const optim::StoredSlot& stored) {
  const Values& values = slot.held.values;
  SlotFigures out{.storage = storage, .bytes = stored.bytes};
  out.error = optim::value_error(values, stored.values);
  out.vanished = optim::vanished(values, stored.values);
  if (stored.coded()) out.codes = code_use(stored);
  put_ratios(ratios_of(exact, slot, stored.values), out);
  const auto whole = static_cast<int64_t>(values.size());
  out.block = stored.coded() && stored.block < whole ? stored.block : kBlockOfUncoded;
  out.worst = optim::worst_blocks(values, stored.values, out.block, kWorst);
  return out;
}

SlotFigures try_codec(const CheckpointState& state, const SlotState& slot, const std::string& codec) {
  const bool small = slot.place < 0 || slot.elements() < state.config.min_8bit_size;
  const std::string name = small ? slot.codec : codec;
  if (small) return compare(state, slot, name, slot.held);
  const Storage how{.name = name,
                    .block_size = static_cast<int>(state.config.block_size),
                    .second_moment = optim::second_moment(state.config.second_moment),
                    .rounding = optim::rounding(state.config.rounding)};
  return compare(state, slot, name,
                 store(for_slot(how, state, slot.place), slot.held.book, slot.held.values, slot.place));
}

SlotFigures by_spacing(const SlotState& slot) {
  SlotFigures out{.storage = slot.codec, .bytes = slot.held.bytes};
  if (!slot.held.coded()) return out;
  out.codes = code_use(slot.held);
  const std::vector<optim::SpacingError> spacing = spacing_errors(slot.held, slot.dithered);
  Values expected(spacing.size()), bound(spacing.size());
  for (size_t i = 0; i < spacing.size(); ++i) {
    expected[i] = slot.held.values[i] + spacing[i].expected;
    bound[i] = slot.held.values[i] + spacing[i].bound;
  }
  out.error = optim::value_error(slot.held.values, expected);
  out.bound = optim::value_error(slot.held.values, bound).relative;
  const auto whole = static_cast<int64_t>(spacing.size());
  out.block = slot.held.block < whole ? slot.held.block : kBlockOfUncoded;
  out.worst = optim::worst_blocks(slot.held.values, expected, out.block, kWorst);
  return out;
}

Trial run_trial(const CheckpointState& exact, const Named& storage) {
  const size_t places = exact.rule().slots.size();
  Trial out{.name = storage.name, .how = storage.how};
  std::vector<double> error(places), magnitude(places), vanished(places), living(places);
  double bytes = 0, values = 0, adam = 0, adam_elements = 0;
  const int divisor = exact.denominator().slot;
  for (const std::string& parameter : exact.parameters()) {
    std::vector<optim::StoredSlot> stored(places);
    const std::vector<const SlotState*> slots = exact.slots_of(parameter);
    for (size_t p = 0; p < places; ++p) {
      if (!slots[p] || !is_stored(exact, *slots[p])) continue;
      const Values& x = slots[p]->held.values;
      const auto place = static_cast<int>(p);
      const Storage how = storage.by_slot ? for_slot(storage.how, exact, place) : storage.how;
      stored[p] = store(how, slots[p]->held.book, x, place);
      const auto n = static_cast<double>(x.size());
      error[p] += n * optim::value_error(x, stored[p].values).mean_abs;
      for (const float value : x)
        magnitude[p] += std::abs(static_cast<double>(value)), living[p] += value != 0;
      vanished[p] += static_cast<double>(optim::vanished(x, stored[p].values));
      bytes += static_cast<double>(stored[p].bytes), values += n;
      if (static_cast<int>(p) == divisor) {
        const std::vector<double> ratios = ratios_of(exact, *slots[p], stored[p].values);
        out.ratios.insert(out.ratios.end(), ratios.begin(), ratios.end());
      }
    }
    // Adam's update: the first moment by the root of the second.
    if (places != 2 || divisor != 1 || stored[0].values.empty() || stored[1].values.empty()) continue;
    const optim::AdamError of =
        optim::adam_error(slots[0]->held.values, slots[1]->held.values, stored[0].values, stored[1].values,
                          exact.denominator().eps);
    adam_elements += static_cast<double>(of.count);
    adam += static_cast<double>(of.count) * of.mean;
  }
  for (size_t p = 0; p < places; ++p) {
    out.relative.push_back(magnitude[p] > 0 ? error[p] / magnitude[p] : 0);
    out.vanished.push_back(living[p] > 0 ? vanished[p] / living[p] : 0);
  }
  out.bytes_per_value = values > 0 ? bytes / values : 0;
  if (adam_elements > 0) out.adam_error = adam / adam_elements;
  std::sort(out.ratios.begin(), out.ratios.end());
  return out;
}

std::vector<Course> run_courses(const CheckpointState& exact, const std::vector<Named>& named) {
  const optim::Denominator by = exact.denominator();
  if (by.slot < 0 || by.decay >= 1) return {};
  std::vector<Course> out;
  for (const Named& storage : named) {
    Course course{.name = storage.name};
    std::vector<const SlotState*> slots;
    std::vector<optim::SteadyState> states;
    for (const SlotState& slot : exact.slots)
      if (slot.place == by.slot && is_stored(exact, slot)) {
        slots.push_back(&slot);
        states.emplace_back(storage.how, slot.held.values, by.decay);
      }
    for (int step = 0; step <= kCourseSteps; ++step) {
      std::vector<double> ratios;
      for (size_t i = 0; i < states.size(); ++i) {
        if (step > 0) states[i].step();
        const auto alive = others(exact, slots[i]->parameter, by.slot);
        const auto of_slot = optim::step_size_ratio(slots[i]->held.values, states[i].values(), by.eps, alive);
        ratios.insert(ratios.end(), of_slot.begin(), of_slot.end());
      }
      if (ratios.empty()) return {};
      course.median.push_back(optim::quantile(ratios, 0.5));
      course.p99.push_back(optim::quantile(ratios, 0.99));
    }
    out.push_back(std::move(course));
  }
  return out;
}

// Seeds and settings that change numbers must be the same but for those of storing.
void require_pair(const CheckpointState& coded, const CheckpointState& exact) {
  const std::string between = coded.path + " and " + exact.path;
  require(coded.config.optimizer == exact.config.optimizer, ErrorKind::Usage, between,
          " are of different rules, ", coded.config.optimizer, " and ", exact.config.optimizer);
  require(exact.rounded_to().empty(), ErrorKind::Usage, "--against ", exact.path, ": keeps its state in ",
          exact.rounded_to(), "; name a run with --state fp32");
  require(coded.steps == exact.steps, ErrorKind::Usage, between, " are no pair: after ", coded.steps, " and ",
          exact.steps, " steps");
  require(coded.config.seed == exact.config.seed, ErrorKind::Usage, between, " are no pair: seeds ",
          coded.config.seed, " and ", exact.config.seed);
  TrainConfig settings = exact.config;  // but for how state is stored
  settings.second_moment = coded.config.second_moment, settings.rounding = coded.config.rounding;
  std::string_view changed = first_difference(coded.config, settings);
  if (coded.config.weight_dtype != settings.weight_dtype) changed = "weight_dtype";
  if (settings.weight_dtype != "fp32") {  // these say which weights are rounded, and how
    if (coded.config.weight_rounding != settings.weight_rounding) changed = "weight_rounding";
    if (coded.config.min_8bit_size != settings.min_8bit_size) changed = "min_8bit_size";
  }
  require(changed.empty(), ErrorKind::Usage, between,
          " are no pair: ", changed.empty() ? "" : setting_name(changed), " differs");
  require(coded.data_sha256 == exact.data_sha256, ErrorKind::Usage, between,
          " are no pair: their data differ");
  for (const SlotState& slot : coded.slots) {
    const auto same = [&](const SlotState& other) {
      return other.parameter == slot.parameter && other.slot == slot.slot &&
             other.elements() == slot.elements();
    };
    require(std::any_of(exact.slots.begin(), exact.slots.end(), same), ErrorKind::Checkpoint, exact.path,
            ": has no ", slot.parameter, ".", slot.slot, " of ", slot.elements(),
            " elements; it is of another model");
  }
}

// The slot of the pair; there is one, says require_pair().
const SlotState& truth_of(const CheckpointState& exact, const SlotState& slot) {
  return *std::find_if(exact.slots.begin(), exact.slots.end(), [&](const SlotState& other) {
    return other.parameter == slot.parameter && other.slot == slot.slot;
  });
}

std::vector<double> paired_ratios(const CheckpointState& exact, const CheckpointState& coded) {
  std::vector<double> out;
  for (const SlotState& slot : coded.slots) {
    if (!slot.rounded()) continue;
    const std::vector<double> of_slot = ratios_of(exact, truth_of(exact, slot), slot.held.values);
    out.insert(out.end(), of_slot.begin(), of_slot.end());
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

double sorted_quantile(const std::vector<double>& sorted, double p) {
  if (sorted.empty()) return NAN;
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t next = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[next] - sorted[below]);
}

std::vector<WorstBlock> worst_blocks(const Inspection& inspection, size_t most) {
  std::vector<WorstBlock> out;
  for (size_t i = 0; i < inspection.slots.size(); ++i) {
    const SlotFigures& figures = inspection.slots[i];
    for (const optim::BlockError& error : figures.worst) {
      if (error.relative == 0) continue;
      const int64_t first = error.block * figures.block;
      const int64_t last = std::min(first + figures.block, inspection.state.slots[i].elements()) - 1;
      out.push_back({i, first, last, error});
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const WorstBlock& a, const WorstBlock& b) {
    return a.error.relative > b.error.relative;
  });
  out.resize(std::min(out.size(), most));
  return out;
}

Inspection inspect(const std::string& path, const InspectOptions& options) {
  if (!options.codec.empty()) {
    const optim::CodecInfo& codec = optim::codec_named(options.codec);
    require(codec.offered, "--codec ", options.codec, ": is for tests only");
  }
  Inspection out{.state = read_checkpoint_state(path, options.codec)};
  const bool coded = out.state.coded();
  require(
      !out.state.rounded_to().empty() || options.against.empty(), ErrorKind::Usage, "--against ",
      options.against, ": the state of ", path,
      " is kept in full, it is itself what others are held against; name the run with rounded state first");
  if (!options.against.empty()) {
    out.against = std::make_shared<CheckpointState>(read_checkpoint_state(options.against));
    require_pair(out.state, *out.against);
  }
  out.basis = out.against ? Basis::Paired : coded ? Basis::Spacing : Basis::Trial;
  const std::string codec = options.codec.empty() ? "blockwise8" : options.codec;
  for (const SlotState& slot : out.state.slots)
    out.slots.push_back(out.basis == Basis::Trial ? try_codec(out.state, slot, codec)
                        : out.basis == Basis::Spacing
                            ? by_spacing(slot)
                            : compare(*out.against, truth_of(*out.against, slot), slot.codec, slot.held));
  if (out.against) out.paired_ratios = paired_ratios(*out.against, out.state);
  if (const CheckpointState* exact = out.exact()) {
    const std::vector<Named> all = storages(exact->config);
    for (const Named& storage : all) out.trials.push_back(run_trial(*exact, storage));
    std::vector<Named> followed;
    for (const Named& storage : all)
      if (std::string_view(storage.name).starts_with("blockwise8")) followed.push_back(storage);
    out.courses = run_courses(*exact, followed);
  }
  return out;
}

}  // namespace octet::tools
