// The optimizer: groups of named parameters, each stepped by a rule whose state is kept in a codec.
//
//   Optimizer optimizer({{.parameters = model.parameters(),
//                         .options = {.rule = "adamw", .codec = "blockwise8"}}},
//                       {.max_norm = 1.0});
//   loss.backward();
//   optimizer.step();
//   optimizer.zero_grad();
//
// A step is two passes over memory: one reads the gradients (norm, and whether all are finite), one updates
// weights and state together. Neither allocates, and neither depends on the number of threads. On a GPU a
// step is queued, and the host goes on at once: what the passes find out stays on the device until it is
// asked for.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "autograd/variable.h"
#include "core/tensor.h"
#include "optim/newton_schulz.h"
#include "optim/state_layout.h"
#include "optim/step.h"

namespace octet::optim {

struct ParameterGroup {
  std::vector<NamedParameter> parameters;
  GroupOptions options;
};

struct OptimizerOptions {
  // Clipping, in this order; see clip.h.
  double max_value = 0;        // of every gradient's elements to +-this; 0: none
  double max_norm = 0;         // of the norm of all gradients together; 0: none
  double norm_percentile = 0;  // of that norm to this percentile of its last values; 0 or 100: none
  OnNonFinite on_nonfinite = OnNonFinite::Stop;
  uint32_t seed = 0;  // of dither
};

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

class Optimizer {
 public:
  // Errors of kind Usage: no parameter, parameters of several devices, names or tensors that come twice, an
  // element type that the codec does not take, unknown rule or codec, a hyper-parameter out of its range, a
  // pattern that fits no parameter. Kind Device: the device has no such step.
  explicit Optimizer(std::vector<ParameterGroup> groups, OptimizerOptions options = {});
  Optimizer(Optimizer&&) = default;
  Optimizer& operator=(Optimizer&&) = default;

  // One step with the gradients as they are. The CPU ends it with check(). A GPU does not wait: after a bad
  // gradient under OnNonFinite::Stop this step and all later ones change nothing, until check() says so.
  void step();
  // Errors under OnNonFinite::Stop: kind NonFinite with the first bad parameter and the number of the step;
  // gradients whose norm, clipped, is above 2^60 are bad together. It may then go on with that step's number.
  // Waits for a GPU, like all that is marked so.
  void check();
  void zero_grad() const;

  // The two passes of step() by themselves, for measuring. update() goes by what the last measure() left: its
  // factor on the gradients, and its step number.
  void measure();
  void update();

  // The learning rate of group g is its own times this factor; a schedule sets it before a step.
  void set_lr_factor(double factor);
  double lr(size_t group = 0) const;

  Device device() const { return device_; }
  // Steps and the last one's outcome, in the device's memory, for what must go by it without waiting.
  const StepControl* outcome() const { return control(); }
  int64_t steps() const { return read_control().steps; }            // done, without the skipped ones; waits
  int64_t skipped_steps() const { return read_control().skipped; }  // waits
  // Of the last step, after clipping by value and before that by norm; waits.
  double grad_norm() const { return read_control().norm; }
  int64_t parameter_count() const;  // elements
  int64_t state_bytes() const;      // of state values and absmax
  // That update() reads and writes, all passes; 0 where it has matrix products, whose traffic nobody counts.
  int64_t update_bytes() const;
  // The codec a parameter's state ended up in. Errors: no such parameter.
  std::string_view codec_of(std::string_view parameter) const;

  // All there is to know for going on from here, under names of its own: `optimizer.step`,
  // `optimizer.skipped_steps`, under percentile clipping `optimizer.norm_history` (squared norms, oldest
  // first), and for every parameter and slot `PARAMETER.SLOT` with `PARAMETER.SLOT.absmax` where the codec
  // has one, and then `PARAMETER.codec` (its name, as bytes) and `PARAMETER.block_size`. The tensors of state
  // are the optimizer's own, on its device, not copies. Waits.
  NamedTensors state() const;
  // Takes such tensors, from the CPU or from the optimizer's device: bit for bit where codec and block size
  // are its own, else decoded and encoded anew, to the nearest codes. Returns what was converted, for people,
  // such as `optimizer state converted from fp32 to blockwise8 (13 of 19 tensors)`; empty if nothing was.
  // Codes of 8 bits without the name of a codec are blockwise8, which had none at first. Errors of kind
  // Checkpoint, with nothing changed: a tensor is missing, unknown, or of the wrong type or shape.
  std::string load_state(const NamedTensors& tensors);

 private:
  struct Parameter {
    std::string name;
    Variable variable;
    int codec;
    std::vector<Tensor> state, absmax;  // by slot; absmax empty where the codec has none
  };
  // Parameters that share rule and its form, codec and constants: one row of the backend's table.
  struct Batch {
    size_t group;
    StateLayout layout;  // of the first
    std::vector<Parameter> parameters;
    std::vector<StepTensor> table;
    Tensor device_table;  // the same bytes on a device other than the CPU
    Tensor device_map;    // StepPlan::tensor_of there
  };

  // A matrix that is stepped in two passes, with products between them that make its direction orthogonal.
  struct Matrix {
    NewtonSchulz products;
    double scale;
    StepPlan apply;  // the second pass
  };

  void check_group(const ParameterGroup& group, size_t index) const;
  bool clips_by_percentile() const { return options_.norm_percentile > 0 && options_.norm_percentile < 100; }
  void add_group(const ParameterGroup& group, size_t index);
  void build_plans();
  void build_matrices();
  static void add_matrix_rows(Batch& batch, const Matrix& matrix);
  static StepPlan applying(const StepPlan& plan, const Tensor& weight);
  void build_surveys();
  void refresh_gradients();
  const std::string& name_of_tensor(int32_t place) const;
  const StepTable& steps_table() const;
  StepControl* control() const { return static_cast<StepControl*>(control_.raw()); }  // on the device
  StepControl read_control() const;
  void write_control(const StepControl& control);

  std::vector<GroupOptions> groups_;
  OptimizerOptions options_;
  Device device_;
  std::vector<Batch> batches_;    // those of matrices_ last
  std::vector<StepPlan> plans_;   // one a batch
  std::vector<Matrix> matrices_;  // likewise, for the last of them
  // On the device:
  Tensor partial_;    // scratch of measure, f64
  Tensor constants_;  // kUpdateBytes a plan
  Tensor control_;    // a StepControl, as bytes
  Tensor survey_;     // scratch of plans that have a survey
  Tensor products_;   // of matrices_, which take turns
  double lr_factor_ = 1;
};

}  // namespace octet::optim
