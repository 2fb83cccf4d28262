#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tools/format.h"
#include "tools/inspection_view.h"
#include "tools/rule_settings.h"
#include "tools/table.h"

namespace octet::tools {
namespace {

constexpr size_t kShownBlocks = 8;
constexpr int kBars = 40;

// One character for so many codes, the darker the more elements, on a scale of square roots.
std::string bars(const optim::CodeUse& use) {
  static constexpr std::string_view ramp = " .:-=+*#%@";
  const auto codes = static_cast<int>(use.count.size());
  const int columns = std::min(codes, kBars);
  std::vector<double> sums(static_cast<size_t>(columns));
  for (int code = 0; code < codes; ++code)
    sums[static_cast<size_t>(code * columns / codes)] +=
        static_cast<double>(use.count[static_cast<size_t>(code)]);
  const double most = *std::max_element(sums.begin(), sums.end());
  std::string out;
  for (const double sum : sums) {
    const double shade = most > 0 ? std::sqrt(sum / most) * static_cast<double>(ramp.size() - 1) : 0;
    out += ramp[static_cast<size_t>(std::ceil(shade))];
  }
  return out;
}

// Slots that say something: kept in codes, in the order of the file.
std::vector<size_t> coded_slots(const Inspection& inspection) {
  std::vector<size_t> out;
  for (size_t i = 0; i < inspection.slots.size(); ++i)
    if (inspection.slots[i].codes || inspection.slots[i].error.mean_abs > 0) out.push_back(i);
  return out;
}

std::string trials_text(const Inspection& inspection) {
  if (inspection.trials.empty() || inspection.trials.front().bytes_per_value == 0) return "";
  const std::span<const optim::Slot> slots = inspection.state.rule().slots;
  std::vector<std::string> header = {"storage", "B/value"};
  for (const optim::Slot& slot : slots) header.emplace_back(slot.name);
  for (const optim::Slot& slot : slots)
    if (slot.book == optim::Book::Unsigned) header.push_back("lost");
  const bool steps = !inspection.trials.front().ratios.empty();
  if (steps) header.insert(header.end(), {"step x", "99 %"});
  const bool adam = std::isfinite(inspection.trials.front().adam_error);
  if (adam) header.emplace_back("Adam error");
  Table table(header, 1);
  for (const Trial& trial : inspection.trials) {
    std::vector<std::string> row = {trial.name, fmt::format("{:.3f}", trial.bytes_per_value)};
    for (const double error : trial.relative) row.push_back(percent(error));
    for (size_t i = 0; i < slots.size(); ++i)
      if (slots[i].book == optim::Book::Unsigned) row.push_back(percent(trial.vanished[i]));
    if (steps)
      row.insert(row.end(),
                 {times(sorted_quantile(trial.ratios, 0.5)), times(sorted_quantile(trial.ratios, 0.99))});
    if (adam) row.push_back(percent(trial.adam_error));
    table.row(row);
  }
  return "Errors, by slot, of the state stored anew in each way:\n" + table.text() + "\n";
}

std::string courses_text(const Inspection& inspection) {
  if (inspection.courses.empty()) return "";
  std::string out =
      fmt::format("Step sizes after {} steps whose gradients stay as large as these (median, 99 %):\n",
                  inspection.courses.front().median.size() - 1);
  for (const Course& course : inspection.courses)
    out += fmt::format("{:<20}{:>8} x {:>10} x\n", course.name, times(course.median.back()),
                       times(course.p99.back()));
  return out + "\n";
}

std::string slots_text(const Inspection& inspection) {
  std::string out;
  if (!inspection.paired_ratios.empty())
    out += fmt::format("This run, all rounded tensors together: step x {}, 99 % {}\n\n",
                       times(sorted_quantile(inspection.paired_ratios, 0.5)),
                       times(sorted_quantile(inspection.paired_ratios, 0.99)));
  const bool bounded = inspection.basis == Basis::Spacing;
  const bool steps = !bounded && inspection.state.denominator().slot >= 0;
  std::vector<std::string> header = {"parameter", "slot", "elements", "bytes", "error", "lost", "code 0"};
  if (bounded) header[5] = "at most";
  if (steps) header.insert(header.end(), {"step x", "99 %"});
  std::map<std::string, Table> tables;  // by codec
  for (const size_t i : coded_slots(inspection)) {
    const SlotState& slot = inspection.state.slots[i];
    const SlotFigures& figures = inspection.slots[i];
    const auto share = [&](int64_t part) {
      return percent(static_cast<double>(part) / static_cast<double>(slot.elements()));
    };
    std::vector<std::string> row = {slot.parameter,
                                    slot.slot,
                                    format_count(slot.elements()),
                                    format_bytes(figures.bytes),
                                    percent(figures.error.relative),
                                    bounded ? percent(figures.bound) : share(figures.vanished),
                                    figures.codes ? share(figures.codes->zeros) : "-"};
    if (steps) row.insert(row.end(), {times(figures.ratio_median), times(figures.ratio_p99)});
    tables.try_emplace(figures.storage, Table(header, 2)).first->second.row(row);
  }
  for (const auto& [codec, table] : tables) out += codec + ":\n" + table.text() + "\n";
  return out;
}

std::string codes_text(const Inspection& inspection) {
  Table table({"parameter", "slot", "codes in use, lowest to highest", "of"}, 3);
  bool any = false;
  for (const size_t i : coded_slots(inspection)) {
    const SlotFigures& figures = inspection.slots[i];
    if (!figures.codes) continue;
    any = true;
    const SlotState& slot = inspection.state.slots[i];
    table.row({slot.parameter, slot.slot, "|" + bars(*figures.codes) + "|",
               fmt::format("{}/{}", figures.codes->used, figures.codes->count.size())});
  }
  return any ? table.text() + "\n" : "";
}

std::string worst_text(const Inspection& inspection) {
  const std::vector<WorstBlock> rows = worst_blocks(inspection, kShownBlocks);
  if (rows.empty()) return "";
  Table table({"worst blocks", "slot", "block", "elements", "absmax", "error"}, 2);
  for (const WorstBlock& row : rows) {
    const SlotState& slot = inspection.state.slots[row.slot];
    table.row({slot.parameter, slot.slot, format_count(row.error.block),
               format_count(row.first) + " to " + format_count(row.last),
               fmt::format("{:.2e}", row.error.absmax), percent(row.error.relative)});
  }
  return table.text() + "\n";
}

std::string notes(const Inspection& inspection) {
  if (inspection.basis == Basis::Spacing)
    return "error: sum |x - q| / sum |q| to be expected, at most: the largest possible; x exact and q as "
           "stored.\n";
  std::string out = "error: sum |x - q| / sum |x|, x exact and q as stored. lost: not 0, but stored as 0.\n";
  if (inspection.state.denominator().slot >= 0)
    out +=
        "step x: length of a step without a new gradient by the stored second moment, as a multiple of that\n"
        "by the exact one, of weights that move; median and 99th percentile.\n";
  return out;
}

}  // namespace

std::string percent(double share) {
  if (std::isnan(share)) return "-";
  const double x = 100 * share;
  if (x == 0) return "0";
  if (x < 0.01) return "< 0.01 %";
  if (x >= 1e5) return fmt::format("{:.1e} %", x);
  return fmt::format("{:.{}f} %", x, x < 10 ? 2 : x < 100 ? 1 : 0);
}

std::string times(double ratio) {
  if (std::isnan(ratio)) return "-";
  return ratio < 1e4 ? fmt::format("{:.{}f}", ratio,
                                   ratio < 10    ? 3
                                   : ratio < 100 ? 1
                                                 : 0)
                     : fmt::format("{:.1e}", ratio);
}

std::string headline(const Inspection& inspection) {
  const CheckpointState& state = inspection.state;
  int64_t bytes = 0;
  for (const SlotState& slot : state.slots) bytes += slot.held.bytes;
  return fmt::format("{} after {} steps: {} parameters in {} tensors, {} of state",
                     optimizer_text(state.config), format_count(state.steps), format_count(state.elements),
                     state.tensors, format_bytes(bytes));
}

std::string basis_sentence(const Inspection& inspection) {
  const CheckpointState& state = inspection.state;
  if (state.slots.empty()) return state.config.optimizer + " keeps no state.";
  switch (inspection.basis) {
    case Basis::Trial: {
      // Of each parameter, whether a codec with codes would take it.
      int64_t exact = 0;
      for (const std::string& parameter : state.parameters()) {
        const std::vector<const SlotState*> slots = state.slots_of(parameter);
        exact += std::none_of(slots.begin(), slots.end(), [&](const SlotState* slot) {
          return slot && slot->elements() >= state.config.min_8bit_size;
        });
      }
      const std::string rounded = state.rounded_to();
      const int others = state.rule().others;
      const std::string but =
          exact == 0
              ? ""
              : fmt::format(
                    ", but for {} tensors: those of fewer than {} elements and factored ones, which keep "
                    "exact state",
                    exact, format_count(state.config.min_8bit_size));
      const std::string by_others = others < 0 ? ""
                                               : fmt::format(" Those that {} steps are not looked at here.",
                                                             optim::rule_at(others).name);
      return fmt::format("{} It was stored anew here in each way{}.{}",
                         rounded.empty() ? "The state is exact."
                                         : "The state is kept in " + rounded +
                                               ", and what was rounded away is not in the file; --against a "
                                               "run with fp32 state shows that.",
                         but, by_others);
    }
    case Basis::Spacing:
      return "The state is kept in codes, and what was rounded away is not in the file. Errors are those to "
             "expect from the spacing of codes around each stored value; with --against a run with fp32 "
             "state they are true ones.";
    case Basis::Paired:
      return "The state is kept in " + state.rounded_to() + ". Errors and step sizes are against " +
             inspection.against->path +
             ", a run of the same seed and length: they hold all that came apart since the first step.";
  }
  return "";
}

std::string to_text(const Inspection& inspection) {
  std::string out = inspection.state.path + "\n" + headline(inspection) + "\n\n";
  // Broken at 98 columns.
  std::string line;
  const std::string sentence = basis_sentence(inspection) + " ";
  for (size_t begin = 0; begin < sentence.size();) {
    const size_t end = sentence.find(' ', begin);
    const std::string word = sentence.substr(begin, end - begin);
    if (line.size() + word.size() > 98) out += line + "\n", line.clear();
    line += (line.empty() ? "" : " ") + word;
    begin = end + 1;
  }
  out += line + "\n\n";
  out += trials_text(inspection) + courses_text(inspection) + slots_text(inspection) +
         codes_text(inspection) + worst_text(inspection) + notes(inspection);
  if (!inspection.state.generated) return out;
  std::string marked;
  for (const std::string& text : lines_of(out)) marked += "generated: " + text + "\n";
  return marked;
}

}  // namespace octet::tools
