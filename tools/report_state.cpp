#include <fmt/format.h>

#include <filesystem>

#include "tools/format.h"
#include "tools/html.h"
#include "tools/inspection_view.h"
#include "tools/report_sections.h"
#include "tools/rule_settings.h"
#include "tools/run_folder.h"

namespace octet::tools {
namespace {

// Checkpoints that are read and summed up in a few milliseconds; larger ones are left to `octet inspect`.
constexpr uintmax_t kQuickBytes = 16'000'000;

bool stored_in_codes(const TrainConfig& config) {
  const auto coded = [](std::string_view codec) { return codec != "fp32" && codec != "bf16"; };
  if (coded(config.state)) return true;
  for (const std::string& text : config.state_override)
    if (coded(std::string_view(text).substr(text.rfind('=') + 1))) return true;
  return false;
}

// All tensors that are kept in codes, by slot of the rule.
std::string slots_table(const Inspection& inspection) {
  HtmlTable table({"state", "codec", "elements", "bytes", "bytes a value", "error to be expected", "at most",
                   "code of 0"},
                  2);
  const std::span<const optim::Slot> slots = inspection.state.rule().slots;
  for (size_t place = 0; place < slots.size(); ++place) {
    double expected = 0, bound = 0, magnitude = 0;
    int64_t elements = 0, bytes = 0, zeros = 0;
    std::string codec;
    for (size_t i = 0; i < inspection.slots.size(); ++i) {
      const SlotFigures& figures = inspection.slots[i];
      const SlotState& slot = inspection.state.slots[i];
      if (!figures.codes || slot.place != static_cast<int>(place)) continue;
      if (codec.empty())
        codec = figures.storage;
      else if (codec != figures.storage && !codec.ends_with("others"))
        codec += " and others";
      double sum = 0;
      for (const float value : slot.held.values) sum += std::abs(static_cast<double>(value));
      magnitude += sum;
      expected += sum * figures.error.relative;
      bound += sum * figures.bound;
      elements += slot.elements(), bytes += figures.bytes, zeros += figures.codes->zeros;
    }
    if (elements == 0) continue;
    const auto n = static_cast<double>(elements);
    table.row({escape_html(slots[place].name), escape_html(codec), format_count(elements),
               format_bytes(bytes), fmt::format("{:.4f}", static_cast<double>(bytes) / n),
               escape_html(percent(magnitude > 0 ? expected / magnitude : 0)),
               escape_html(percent(magnitude > 0 ? bound / magnitude : 0)),
               escape_html(percent(static_cast<double>(zeros) / n))});
  }
  return table.markup();
}

std::string errors_of(const std::string& folder) {
  const std::string path = RunFolder{folder}.checkpoint();
  std::error_code error;
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) return html_paragraph("There is no checkpoint from which to tell its errors.");
  if (bytes > kQuickBytes)
    return html_paragraph("The checkpoint is large: its errors are for octet inspect to tell.");
  try {
    const Inspection inspection = inspect(path, {});
    if (inspection.basis != Basis::Spacing) return "";
    return slots_table(inspection) +
           html_paragraph(fmt::format("After {} steps. {}", format_count(inspection.state.steps),
                                      basis_sentence(inspection)));
  } catch (const Error& failure) {
    std::string words = failure.what();  // it names the file by a path that is not the page's business
    if (words.starts_with(path)) words = "last.ckpt.safetensors" + words.substr(path.size());
    return html_paragraph("The state cannot be read: " + words);
  }
}

}  // namespace

std::string state_section(const RunReport& run, const std::string& folder) {
  const TrainConfig& config = run.config;
  const auto fact = [&](const char* name) {
    const auto found = run.facts.find(name);
    return found != run.facts.end() && found->is_number() ? found->get<double>() : 0;
  };
  const double bytes = fact("state_bytes"), parameters = fact("parameters");
  std::string text = optimizer_text(config);
  if (bytes > 0 && bytes < 0x1p53 && parameters > 0)
    text += fmt::format(": {}, {:.2f} bytes a parameter", format_bytes(static_cast<int64_t>(bytes)),
                        bytes / parameters);
  if (run.peak_bytes() > 0)
    text += fmt::format(
        ", {:.1f} % of the peak",
        100 * static_cast<double>(run.peak_by_tag()[static_cast<size_t>(MemoryTag::OptimizerState)]) /
            static_cast<double>(run.peak_bytes()));
  std::string body = html_heading("Optimizer state") + html_paragraph(text + ".");
  if (stored_in_codes(config)) {
    if (!folder.empty()) body += errors_of(folder);
    return body + html_paragraph("More of it, tensor by tensor, with charts: octet inspect " + run.name +
                                 " --html FILE");
  }
  return body +
         html_paragraph("It is not in codes. What other ways of storing would do to it: octet inspect " +
                        run.name + " --html FILE");
}

}  // namespace octet::tools
