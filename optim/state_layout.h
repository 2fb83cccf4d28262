// Which tensors of state a parameter gets: what an optimizer allocates, and what can be told beforehand of a
// model that does not exist yet.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/variable.h"
#include "core/dtype.h"
#include "core/shape.h"
#include "optim/hyper.h"
#include "optim/registry.h"
#include "optim/step.h"

namespace octet::optim {

struct CodecOverride {
  std::string pattern;  // of parameter names: * any text, ? one character
  std::string codec;
};

// In GroupOptions::no_decay: all parameters with fewer than two axes, which are biases and the gains and
// biases of normalisation.
inline constexpr std::string_view kNormAndBias = "norm-and-bias";

struct GroupOptions {
  std::string rule = "adam";
  std::string codec = "fp32";
  std::optional<HyperParameters> hyper;  // default_hyper(rule) if none is given
  int block_size = kDefaultBlock;        // elements that share an absmax: a power of two, 64..4096
  int64_t min_8bit_size = 4096;          // smaller parameters keep their state in full precision
  SecondMoment second_moment = SecondMoment::Dither;
  Rounding rounding = Rounding::Nearest;
  Rounding weight_rounding = Rounding::Stochastic;  // of weights that are bf16
  // The first that fits rules, whatever the size of the parameter and its module's wish for full precision.
  std::vector<CodecOverride> overrides;
  std::vector<std::string> no_decay;  // patterns of parameters without weight decay, or kNormAndBias
  // Pattern of the matrices that a rule for matrices (muon) leaves to its rule for all others: tables of
  // embeddings, of which a step sees few rows. It need not fit any parameter.
  std::string not_orthogonal = "*embedding*";
};

struct ParameterShape {
  std::string_view name;
  Shape shape;
  DType dtype = DType::F32;
  bool full_precision_state = false;  // asked for by its module
};
// `parameter` must outlive the name.
ParameterShape shape_of(const NamedParameter& parameter);
std::vector<ParameterShape> shapes_of(std::span<const NamedParameter> parameters);

struct StateSlot {
  Slot slot;
  Shape shape;         // of the stored values
  DType stored;        // their type
  int64_t absmax = 0;  // f32 values beside them
  int64_t bytes() const { return shape.numel() * size_of(stored) + absmax * size_of(DType::F32); }
};

struct StateLayout {
  int rule, codec;  // places in rules() and codecs(); the rule may be another than the group's
  bool matrix;      // stepped by the rule's form for matrices
  bool orthogonal;  // a matrix whose direction is made orthogonal: it has a plan of its own
  bool decays;      // has weight decay
  bool bf16_weights;
  int block_size;  // in elements; where there is no absmax a block, a block is only a unit of work
  std::vector<StateSlot> slots;

  // Whether two parameters share a plan (step.h).
  bool steps_with(const StateLayout& other) const {
    return rule == other.rule && codec == other.codec && matrix == other.matrix && !orthogonal &&
           decays == other.decays && bf16_weights == other.bf16_weights;
  }
};

// The place of the codec that keeps the state of parameters of a type as it is computed: bf16 ones in f32.
int full_precision_codec(DType dtype);

// Errors (Usage): unknown rule or codec; an element type that the codec does not take.
StateLayout state_layout(const GroupOptions& options, const ParameterShape& parameter);

// The number of the first block behind a tensor of `count` elements that comes next in a plan.
int64_t block_after(const StepPlan& plan, int64_t count);

// Adds a tensor to what a plan counts: tensors, blocks, pieces. Sets rule, codec, form, block size and type
// of weights.
void count_in(StepPlan& plan, const StateLayout& layout, const Shape& shape);

// Rows in a plan's table: one a tensor, and two of a matrix that is stepped in two passes.
int64_t table_rows(const StepPlan& plan, const StateLayout& layout);

// What StepPlan::tensor_of points to on a GPU, and how many entries that has: none where a plan needs no map.
// `tensors`: those of the plan.
int64_t map_entries(const StepPlan& plan);
std::vector<int32_t> tensor_map(const StepPlan& plan, std::span<const StepTensor> tensors);

// Bytes of scratch that a plan's survey takes; 0 where it has none.
int64_t scratch_bytes(const StepPlan& plan);

// Errors (Usage): a pattern of the options that fits none of the parameters, `overrides` or `no_decay`, where
// it was given, in front; unknown codec.
void check_patterns(const GroupOptions& options, std::span<const ParameterShape> parameters,
                    std::string_view overrides, std::string_view no_decay);

}  // namespace octet::optim
