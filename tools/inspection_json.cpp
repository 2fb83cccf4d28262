#include <nlohmann/json.hpp>

#include "tools/inspection_view.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no word for a number that is not known.
Json number(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

Json slot_json(const SlotState& slot, const SlotFigures& figures) {
  Json out = {{"parameter", slot.parameter},
              {"slot", slot.slot},
              {"codec", slot.codec},
              {"elements", slot.elements()},
              {"bytes", slot.held.bytes}};
  if (slot.block_size > 0) out["block_size"] = slot.block_size;
  out["storage"] = figures.storage;
  out["storage_bytes"] = figures.bytes;
  out["error"] = {{"mean_abs", figures.error.mean_abs},
                  {"relative", figures.error.relative},
                  {"of_absmax", figures.error.of_absmax}};
  if (std::isfinite(figures.bound)) out["error"]["relative_bound"] = figures.bound;
  if (figures.codes) {
    const auto n = static_cast<double>(std::max<int64_t>(1, slot.elements()));
    out["codes"] = figures.codes->count;
    out["codes_used"] = figures.codes->used;
    out["zero_share"] = static_cast<double>(figures.codes->zeros) / n;
    out["top_share"] = static_cast<double>(figures.codes->at_top) / n;
  }
  if (figures.vanished >= 0) out["vanished"] = figures.vanished;
  if (std::isfinite(figures.ratio_median))
    out["step_size_ratio"] = {{"median", figures.ratio_median}, {"p99", figures.ratio_p99}};
  Json worst = Json::array();
  for (const optim::BlockError& block : figures.worst)
    worst.push_back({{"block", block.block},
                     {"first_element", block.block * figures.block},
                     {"absmax", block.absmax},
                     {"relative", block.relative}});
  out["worst_blocks"] = worst;
  return out;
}

Json trial_json(const Trial& trial, std::span<const optim::Slot> slots) {
  Json out = {{"storage", trial.name}, {"bytes_per_value", trial.bytes_per_value}};
  for (size_t i = 0; i < slots.size(); ++i)
    out["slots"][slots[i].name] = {{"relative_error", trial.relative[i]},
                                   {"vanished_share", trial.vanished[i]}};
  if (!trial.ratios.empty())
    out["step_size_ratio"] = {{"median", number(sorted_quantile(trial.ratios, 0.5))},
                              {"p99", number(sorted_quantile(trial.ratios, 0.99))}};
  if (std::isfinite(trial.adam_error)) out["adam_error"] = trial.adam_error;
  return out;
}

}  // namespace

Json to_json(const Inspection& inspection) {
  const CheckpointState& state = inspection.state;
  static constexpr const char* bases[] = {"trial", "spacing", "paired"};
  Json out = {{"checkpoint", state.path},    {"optimizer", state.config.optimizer},
              {"state", state.config.state}, {"weight_dtype", state.config.weight_dtype},
              {"steps", state.steps},        {"basis", bases[static_cast<size_t>(inspection.basis)]}};
  if (inspection.against) out["against"] = inspection.against->path;
  if (state.generated) out["generated"] = true;
  if (!inspection.paired_ratios.empty())
    out["step_size_ratio"] = {{"median", sorted_quantile(inspection.paired_ratios, 0.5)},
                              {"p99", sorted_quantile(inspection.paired_ratios, 0.99)}};
  out["slots"] = Json::array();
  for (size_t i = 0; i < state.slots.size(); ++i)
    out["slots"].push_back(slot_json(state.slots[i], inspection.slots[i]));
  out["trials"] = Json::array();
  for (const Trial& trial : inspection.trials) out["trials"].push_back(trial_json(trial, state.rule().slots));
  out["steady_courses"] = Json::array();
  for (const Course& course : inspection.courses) {
    Json median = Json::array(), p99 = Json::array();
    for (const double x : course.median) median.push_back(number(x));
    for (const double x : course.p99) p99.push_back(number(x));
    out["steady_courses"].push_back({{"storage", course.name}, {"median", median}, {"p99", p99}});
  }
  return out;
}

}  // namespace octet::tools
