#include "optim/state_layout.h"

#include <algorithm>

#include "core/ceil_div.h"
#include "core/error.h"
#include "optim/survey.h"

namespace octet::optim {
namespace {

int block_size_of(const GroupOptions& options, const CodecInfo& codec) {
  return codec.own_block_size          ? codec.own_block_size
         : codec.scale == Scale::Block ? options.block_size
                                       : kPlainBlock;
}

int choose_codec(const GroupOptions& options, const ParameterShape& parameter) {
  int codec = codec_place(options.codec);
  const auto fits = [&](const CodecOverride& o) { return glob_match(o.pattern, parameter.name); };
  const auto override = std::find_if(options.overrides.begin(), options.overrides.end(), fits);
  if (override != options.overrides.end()) {
    codec = codec_place(override->codec);
  } else if ((parameter.full_precision_state && computed_as(parameter.dtype) == DType::F32) ||
             (codec_at(codec).has_absmax() && parameter.shape.numel() < options.min_8bit_size)) {
    codec = codec_place("fp32");
  }
  require(codec_at(codec).value == computed_as(parameter.dtype), "optimizer: '", parameter.name, "' is ",
          parameter.dtype, "; state codec ", codec_at(codec).name, " is for parameters of ",
          codec_at(codec).value);
  return codec;
}

// The shape of a slot's values. The last axis of a tensor has its columns, the others together its rows.
Shape shape_of(const Slot& slot, const Shape& shape, const CodecInfo& codec) {
  if (slot.extent == Extent::Columns) return {shape.cols()};
  if (slot.extent == Extent::Rows) return {shape.rows()};
  return codec.values_per_stored == 1 ? shape : Shape{codec.stored_count(shape.numel())};
}

bool fits_no_decay(std::string_view pattern, const ParameterShape& parameter) {
  return pattern == kNormAndBias ? parameter.shape.rank() < 2 : glob_match(pattern, parameter.name);
}

// "; they are a, b, c and 16 more"
std::string list_of(std::span<const ParameterShape> parameters) {
  constexpr size_t kMost = 8;
  std::string out = "; they are ";
  for (size_t i = 0; i < std::min(parameters.size(), kMost); ++i)
    out.append(i > 0 ? ", " : "").append(parameters[i].name);
  if (parameters.size() > kMost) out += " and " + std::to_string(parameters.size() - kMost) + " more";
  return out;
}

}  // namespace

int full_precision_codec(DType dtype) { return codec_place(dtype == DType::F64 ? "fp64" : "fp32"); }

ParameterShape shape_of(const NamedParameter& parameter) {
  return {parameter.name, parameter.variable.shape(), parameter.variable.dtype(),
          parameter.full_precision_state};
}

std::vector<ParameterShape> shapes_of(std::span<const NamedParameter> parameters) {
  std::vector<ParameterShape> out;
  for (const NamedParameter& parameter : parameters) out.push_back(shape_of(parameter));
  return out;
}

StateLayout state_layout(const GroupOptions& options, const ParameterShape& parameter) {
  StateLayout out{};
  out.rule = rule_place(options.rule);
  out.codec = choose_codec(options, parameter);
  const Shape& shape = parameter.shape;
  out.orthogonal = rule_at(out.rule).applied_by >= 0 && shape.rank() == 2 && shape.numel() > 0 &&
                   !glob_match(options.not_orthogonal, parameter.name);
  if (rule_at(out.rule).others >= 0 && !out.orthogonal) out.rule = rule_at(out.rule).others;
  const RuleInfo& rule = rule_at(out.rule);
  const bool factored = !rule.matrix_slots.empty() && !(options.hyper && options.hyper->unfactored);
  out.matrix = factored && shape.rank() >= 2 && shape.numel() > 0;
  // Means of rows and columns are few: they stay as they are computed.
  if (out.matrix) out.codec = full_precision_codec(parameter.dtype);
  out.decays = std::none_of(options.no_decay.begin(), options.no_decay.end(),
                            [&](const std::string& pattern) { return fits_no_decay(pattern, parameter); });
  out.bf16_weights = parameter.dtype == DType::BF16;
  const CodecInfo& codec = codec_at(out.codec);
  out.block_size = block_size_of(options, codec);
  for (const Slot& slot : slots_of(rule, out.matrix))
    out.slots.push_back({slot, shape_of(slot, shape, codec), codec.stored,
                         codec.absmax_count(shape.numel(), out.block_size)});
  return out;
}

void check_patterns(const GroupOptions& options, std::span<const ParameterShape> parameters,
                    std::string_view overrides, std::string_view no_decay) {
  const auto check = [&](std::string_view where, const std::string& pattern, const auto& fits) {
    require(std::any_of(parameters.begin(), parameters.end(), fits), ErrorKind::Usage, where,
            ": no parameter fits the pattern '", pattern, "'", list_of(parameters));
  };
  for (const CodecOverride& override : options.overrides) {
    codec_place(override.codec);
    check(overrides, override.pattern,
          [&](const ParameterShape& p) { return glob_match(override.pattern, p.name); });
  }
  for (const std::string& pattern : options.no_decay)
    check(no_decay, pattern, [&](const ParameterShape& p) { return fits_no_decay(pattern, p); });
}

int64_t block_after(const StepPlan& plan, int64_t count) {
  const int64_t end = plan.block_count + ceil_div(count, int64_t{plan.block_size});
  return codec_at(plan.codec).scale == Scale::Block ? ceil_div(end, kSectorBlocks) * kSectorBlocks : end;
}

void count_in(StepPlan& plan, const StateLayout& layout, const Shape& shape) {
  plan.rule = layout.rule;
  plan.codec = layout.codec;
  plan.matrices = layout.matrix;
  plan.block_size = layout.block_size;
  plan.bf16_weights = layout.bf16_weights && !layout.orthogonal;  // a direction is scratch
  const int64_t count = shape.numel();
  ++plan.tensor_count;
  plan.block_count = block_after(plan, count);
  plan.piece_count += pieces_in(count, plan.matrices ? shape.cols() : 0, plan.matrices);
}

int64_t map_entries(const StepPlan& plan) {
  return plan.tensor_count < 2 || plan.matrices
             ? 0
             : ceil_div(plan.block_count, stretch_of(codec_at(plan.codec).scale));
}

std::vector<int32_t> tensor_map(const StepPlan& plan, std::span<const StepTensor> tensors) {
  std::vector<int32_t> out(static_cast<size_t>(map_entries(plan)));
  if (out.empty()) return out;
  const int64_t stretch = stretch_of(codec_at(plan.codec).scale);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int64_t after = i + 1 < tensors.size() ? tensors[i + 1].first_block : plan.block_count;
    std::fill(out.begin() + tensors[i].first_block / stretch, out.begin() + ceil_div(after, stretch),
              static_cast<int32_t>(i));
  }
  return out;
}

int64_t table_rows(const StepPlan& plan, const StateLayout& layout) {
  return layout.orthogonal ? 2 : plan.tensor_count;
}

int64_t scratch_bytes(const StepPlan& plan) {
  const RuleInfo& rule = rule_at(plan.rule);
  const bool needed =
      needs_survey(rule.has_factor, codec_at(plan.codec).scale, slots_of(rule, plan.matrices).size());
  return needed ? survey_bytes(plan) : 0;
}

}  // namespace octet::optim
