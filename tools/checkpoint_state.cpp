#include "tools/checkpoint_state.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/find_element.h"
#include "tools/checkpoint.h"
#include "tools/rule_settings.h"
#include "tools/run_folder.h"

namespace octet::tools {
namespace {

namespace fs = std::filesystem;
using optim::Book;
using optim::CodecInfo;

constexpr std::string_view kModel = kModelPrefix, kAverage = kAveragePrefix, kCounters = "optimizer.";

std::string checkpoint_in(const std::string& path) {
  std::error_code ignored;
  require(fs::exists(path, ignored), ErrorKind::Data, path,
          ": no such folder or file; name the --out folder of a run, or a checkpoint");
  if (!fs::is_directory(path, ignored)) return path;
  const RunFolder folder{path};
  require(fs::exists(folder.checkpoint(), ignored), ErrorKind::Data, path,
          ": holds no run (last.ckpt.safetensors is missing); name the --out folder of octet train");
  return folder.checkpoint();
}

// What the start of the log beside the checkpoint says; a lone checkpoint does not know.
bool was_generated(const std::string& checkpoint) {
  std::ifstream log(RunFolder{fs::path(checkpoint).parent_path().string()}.log());
  std::string line;
  if (!std::getline(log, line)) return false;
  const auto event = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  return event.is_object() && event.contains("generated") && event["generated"] == true;
}

class Reader {
 public:
  Reader(const Checkpoint& file, const std::string& codec) : file_(file), codec_(codec) {
    for (const auto& [name, tensor] : file.tensors.tensors)
      if (name.starts_with(kModel)) parameters_.emplace_back(name.substr(kModel.size()), tensor.numel());
  }

  std::vector<SlotState> slots(const optim::RuleInfo& rule) const {
    std::vector<SlotState> out;
    for (const auto& [name, tensor] : file_.tensors.tensors) {
      if (name.starts_with(kModel) || name.starts_with(kAverage) || name.starts_with(kCounters) ||
          name.ends_with(".absmax") || name.ends_with(".block_size") || name.ends_with(".codec"))
        continue;
      out.push_back(slot(name, tensor, rule));
    }
    return out;
  }

 private:
  SlotState slot(const std::string& name, const Tensor& tensor, const optim::RuleInfo& rule) const {
    const auto& [parameter, elements] = parameter_of(name);
    SlotState out{.parameter = parameter, .slot = name.substr(parameter.size() + 1)};
    for (size_t i = 0; i < rule.slots.size(); ++i)
      if (rule.slots[i].name == out.slot) out.place = static_cast<int>(i);
    out.codec = codec_of(parameter, name, tensor);
    const CodecInfo& codec = optim::codec_named(out.codec);
    const Tensor* size = file_.tensors.find(parameter + ".block_size");
    require(!size || (size->dtype() == DType::I64 && size->numel() == 1 && size->item() >= 1 &&
                      size->item() <= optim::kMaxBlock),
            ErrorKind::Checkpoint, file_.path, ": ", parameter, ".block_size is damaged");
    // Tensor-wise state has a block size as well, which is only its unit of work.
    out.block_size = codec.scale != optim::Scale::Block ? 0
                     : codec.own_block_size             ? codec.own_block_size
                     : size                             ? static_cast<int>(size->item())
                                                        : static_cast<int>(file_.config.block_size);
    // A slot that is not the rule's has a size of its own, and is kept as it is.
    const int64_t count = out.place >= 0 || codec.has_absmax() ? elements : tensor.numel();
    optim::Slot kind{.name = "", .book = Book::Signed};
    if (out.place >= 0) kind = rule.slots[static_cast<size_t>(out.place)];
    for (const optim::Slot& other : rule.other_slots)
      if (other.name == out.slot) kind = other;
    const TrainConfig& config = file_.config;
    optim::StepPlan plan{};
    set_rounding(plan, codec, optim::second_moment(config.second_moment), optim::rounding(config.rounding));
    out.dithered = codec.has_absmax() && optim::is_dithered(plan, kind);
    try {
      out.held = optim::read_back(out.codec, kind.book, std::max(out.block_size, 1), count, tensor,
                                  file_.tensors.find(name + ".absmax"));
    } catch (const Error& error) {
      fail(ErrorKind::Checkpoint, file_.path, ": ", name, ": ", error.what());
    }
    check_values(name, out.held);
    return out;
  }

  // Numbers that no training leaves behind, and that nothing can be said of.
  void check_values(const std::string& name, const optim::StoredSlot& held) const {
    const auto found = find_element(std::span<const float>(held.values), [&](double value) {
      return !std::isfinite(value) || (held.book != Book::Signed && value < 0);
    });
    if (!found) return;
    require(std::isfinite(found->value), ErrorKind::Checkpoint, file_.path, ": ", name,
            " is not finite: element ", found->place, " is ", found->value);
    fail(ErrorKind::Checkpoint, file_.path, ": ", name, " is never negative, but element ", found->place,
         " is ", found->value);
  }

  // The parameter whose name begins that of a tensor; the longest, if several do.
  const std::pair<std::string, int64_t>& parameter_of(const std::string& tensor) const {
    const std::pair<std::string, int64_t>* best = nullptr;
    for (const auto& parameter : parameters_)
      if (tensor.starts_with(parameter.first + ".") && (!best || parameter.first.size() > best->first.size()))
        best = &parameter;
    require(best != nullptr, ErrorKind::Checkpoint, file_.path, ": state '", tensor,
            "' belongs to no parameter of the model");
    return *best;
  }

  std::string codec_of(const std::string& parameter, const std::string& name, const Tensor& tensor) const {
    if (const Tensor* recorded = file_.tensors.find(parameter + ".codec")) {  // its name, as bytes
      std::string text;
      if (recorded->dtype() == DType::U8)
        for (const uint8_t letter : recorded->to_vector<uint8_t>()) text += static_cast<char>(letter);
      const auto named = [&](const CodecInfo& codec) { return codec.name == text; };
      require(std::any_of(optim::codecs().begin(), optim::codecs().end(), named), ErrorKind::Checkpoint,
              file_.path, ": ", parameter, ".codec is '", text, "', which is no codec");
      return text;
    }
    // Types that only one codec has.
    for (const CodecInfo& codec : optim::codecs())
      if (!codec.has_absmax() && codec.stored == tensor.dtype()) return std::string(codec.name);
    for (const std::string& text : file_.config.state_override) {
      const size_t equals = text.rfind('=');
      if (equals != std::string::npos && optim::glob_match(text.substr(0, equals), parameter))
        return fitting(text.substr(equals + 1), name, tensor);
    }
    return fitting(codec_.empty() ? file_.config.state : codec_, name, tensor);
  }

  std::string fitting(const std::string& codec, const std::string& name, const Tensor& tensor) const {
    require(optim::codec_named(codec).stored == tensor.dtype(), ErrorKind::Checkpoint, file_.path, ": ", name,
            " is ", tensor.dtype(), ", but the run's state codec is ", codec, ", which is ",
            optim::codec_named(codec).stored, "; say which one it is with --codec");
    return codec;
  }

  const Checkpoint& file_;
  const std::string& codec_;
  std::vector<std::pair<std::string, int64_t>> parameters_;  // name, elements
};

}  // namespace

const optim::RuleInfo& CheckpointState::rule() const { return optim::rule_named(config.optimizer); }

optim::Denominator CheckpointState::denominator() const {
  return optim::denominator(rule(), hyper_of(config), std::max<int64_t>(1, steps));
}

bool SlotState::rounded() const { return optim::codec_named(codec).rounds(); }

std::string CheckpointState::rounded_to() const {
  if (coded()) return "codes";
  const auto found =
      std::find_if(slots.begin(), slots.end(), [](const SlotState& slot) { return slot.rounded(); });
  return found == slots.end() ? "" : found->codec;
}

bool CheckpointState::coded() const {
  return std::any_of(slots.begin(), slots.end(), [](const SlotState& slot) { return slot.held.coded(); });
}

std::vector<const SlotState*> CheckpointState::slots_of(const std::string& parameter) const {
  std::vector<const SlotState*> out(rule().slots.size());
  for (const SlotState& slot : slots)
    if (slot.parameter == parameter && slot.place >= 0) out[static_cast<size_t>(slot.place)] = &slot;
  return out;
}

std::vector<std::string> CheckpointState::parameters() const {
  std::vector<std::string> out;
  for (const SlotState& slot : slots)
    if (std::find(out.begin(), out.end(), slot.parameter) == out.end()) out.push_back(slot.parameter);
  return out;
}

CheckpointState read_checkpoint_state(const std::string& path, const std::string& codec) {
  const std::string file = checkpoint_in(path);
  const Checkpoint checkpoint = read_checkpoint(file);
  CheckpointState out{.path = file,
                      .config = checkpoint.config,
                      .data_sha256 = checkpoint.data_sha256,
                      .generated = was_generated(file)};
  const auto count = [&](const char* name) {
    const Tensor* held = checkpoint.tensors.find(name);
    require(held && held->dtype() == DType::I64 && held->numel() == 1, ErrorKind::Checkpoint, file, ": ",
            name, " is missing or damaged; put a copy back");
    return held->span<int64_t>()[0];
  };
  out.steps = count("optimizer.step");
  require_counters(checkpoint, out.steps, count("optimizer.skipped_steps"));
  for (const auto& [name, tensor] : checkpoint.tensors.tensors) {
    if (name.starts_with(kModel)) ++out.tensors, out.elements += tensor.numel();
    if (name.starts_with(kModel) || name.starts_with(kAverage)) require_finite(tensor, file, name);
  }
  out.slots = Reader(checkpoint, codec).slots(out.rule());
  return out;
}

}  // namespace octet::tools
