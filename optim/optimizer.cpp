#include "optim/optimizer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "core/backend.h"
#include "core/error.h"
#include "optim/conclude.h"
#include "optim/survey.h"

namespace octet::optim {
namespace {

// Of a name: Fowler, Noll and Vo's FNV-1a.
uint32_t salt_of(std::string_view name) {
  uint32_t hash = 0x811C9DC5;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193;
  return hash;
}

void check_options(const OptimizerOptions& options) {
  require(std::isfinite(options.max_norm) && options.max_norm >= 0,
          "optimizer: the largest gradient norm is ", options.max_norm,
          "; it must be 0 (no clipping) or more");
  require(std::isfinite(options.max_value) && options.max_value >= 0,
          "optimizer: the largest gradient element is ", options.max_value,
          "; it must be 0 (no clipping) or more");
  require(options.norm_percentile >= 0 && options.norm_percentile <= 100,
          "optimizer: the percentile of gradient norms is ", options.norm_percentile,
          "; it must be in [0, 100], where 0 and 100 do not clip");
}

void check_hyper(HyperParameters hyper) {
  hyper.visit([](const char* name, double value) {
    require(std::isfinite(value) && value >= 0, "optimizer: ", name, " is ", value, "; it must be 0 or more");
  });
  const std::pair<const char*, double> decays[] = {
      {"beta1", hyper.beta1}, {"beta2", hyper.beta2}, {"beta3", hyper.beta3}, {"alpha", hyper.alpha}};
  for (const auto& [name, value] : decays)
    require(value < 1, "optimizer: ", name, " is ", value, "; it must be below 1");
  require(hyper.clip_threshold > 0, "optimizer: clip-threshold is 0; it must be above 0");
}

// An element that two parameters share would be stepped twice, perhaps by two threads at once.
void check_apart(const std::vector<ParameterGroup>& groups) {
  std::vector<const NamedParameter*> order;
  for (const ParameterGroup& group : groups)
    for (const NamedParameter& parameter : group.parameters)
      if (parameter.variable.value().numel() > 0) order.push_back(&parameter);
  const auto begin = [](const NamedParameter* p) {
    return static_cast<const std::byte*>(p->variable.value().raw());
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const auto* a, const auto* b) { return begin(a) < begin(b); });
  for (size_t i = 1; i < order.size(); ++i)
    require(begin(order[i]) >= begin(order[i - 1]) + order[i - 1]->variable.value().bytes(), "optimizer: '",
            order[i]->name, "' shares elements with '", order[i - 1]->name, "'; give each element once");
}

}  // namespace

Optimizer::Optimizer(std::vector<ParameterGroup> groups, OptimizerOptions options) : options_(options) {
  check_options(options);
  const NamedParameter* first = nullptr;
  std::set<std::string> names;
  for (const ParameterGroup& group : groups)
    for (const NamedParameter& parameter : group.parameters) {
      if (!first) first = &parameter;
      require(parameter.variable.is_leaf(), "optimizer: '", parameter.name,
              "' is not a leaf and gets no gradient");
      require(names.insert(parameter.name).second, "optimizer: '", parameter.name, "' comes twice");
      const Tensor& value = parameter.variable.value();
      require(value.device() == first->variable.device(), "optimizer: '", parameter.name, "' is on ",
              value.device(), ", '", first->name, "' on ", first->variable.device());
    }
  require(first, "optimizer: there are no parameters");
  check_apart(groups);
  device_ = first->variable.device();
  for (size_t i = 0; i < groups.size(); ++i) {
    check_group(groups[i], i);
    add_group(groups[i], i);
  }
  build_plans();
}

void Optimizer::check_group(const ParameterGroup& group, size_t index) const {
  const GroupOptions& options = group.options;
  rule_place(options.rule);
  codec_place(options.codec);
  require(std::has_single_bit(static_cast<unsigned>(options.block_size)) && options.block_size >= kMinBlock &&
              options.block_size <= kMaxBlock,
          "optimizer: block size ", options.block_size, " is not a power of two in ", kMinBlock, "..",
          kMaxBlock);
  require(options.min_8bit_size >= 0, "optimizer: min_8bit_size is ", options.min_8bit_size,
          "; it must be 0 or more");
  check_hyper(options.hyper.value_or(default_hyper(options.rule)));
  const std::string name = "optimizer: group " + std::to_string(index);
  check_patterns(options, shapes_of(group.parameters), name + ", overrides", name + ", no_decay");
}

void Optimizer::add_group(const ParameterGroup& group, size_t index) {
  groups_.push_back(group.options);
  GroupOptions& options = groups_.back();
  if (!options.hyper) options.hyper = default_hyper(options.rule);
  const size_t first_batch = batches_.size();
  for (const NamedParameter& named : group.parameters) {
    const StateLayout layout = state_layout(options, shape_of(named));
    Parameter parameter{
        .name = named.name, .variable = named.variable, .codec = layout.codec, .state = {}, .absmax = {}};
    const CodecInfo& codec = codec_at(layout.codec);
    for (const StateSlot& slot : layout.slots) {
      // State starts at zero, which in a code book is a code like any other.
      parameter.state.push_back(Tensor::full(slot.shape, codec.zero(slot.slot.book), slot.stored, device_,
                                             MemoryTag::OptimizerState));
      if (codec.has_absmax())
        parameter.absmax.push_back(
            Tensor::zeros({slot.absmax}, DType::F32, device_, MemoryTag::OptimizerState));
    }
    auto batch = std::find_if(batches_.begin() + static_cast<std::ptrdiff_t>(first_batch), batches_.end(),
                              [&](const Batch& b) { return b.layout.steps_with(layout); });
    if (batch == batches_.end())
      batch = batches_.insert(batch, Batch{.group = index,
                                           .layout = layout,
                                           .parameters = {},
                                           .table = {},
                                           .device_table = {},
                                           .device_map = {}});
    batch->parameters.push_back(std::move(parameter));
  }
}

void Optimizer::build_plans() {
  std::stable_partition(batches_.begin(), batches_.end(),
                        [](const Batch& batch) { return !batch.layout.orthogonal; });
  build_matrices();
  const size_t first_matrix = batches_.size() - matrices_.size();
  for (Batch& batch : batches_) {
    const GroupOptions& options = groups_[batch.group];
    const int codec = batch.layout.codec;
    StepPlan plan{};
    plan.hyper = *options.hyper;
    if (!batch.layout.decays) plan.hyper.weight_decay = 0;
    if (options_.max_value > 0) plan.max_value = options_.max_value;
    set_rounding(plan, codec_at(codec), options.second_moment, options.rounding);
    plan.weight_rounding = options.weight_rounding;
    plan.seed = options_.seed;
    for (const Parameter& parameter : batch.parameters) {
      StepTensor row{};
      row.weight = parameter.variable.value().raw();
      row.count = parameter.variable.value().numel();
      row.first_block = plan.block_count;
      row.salt = salt_of(parameter.name);
      row.first_piece = plan.piece_count;
      if (batch.layout.matrix) row.columns = parameter.variable.value().shape().cols();
      for (size_t slot = 0; slot < parameter.state.size(); ++slot) {
        row.state[slot] = parameter.state[slot].raw();
        if (!parameter.absmax.empty()) row.absmax[slot] = parameter.absmax[slot].data<float>();
      }
      count_in(plan, batch.layout, parameter.variable.value().shape());
      batch.table.push_back(row);
    }
    if (batch.layout.orthogonal) add_matrix_rows(batch, matrices_[plans_.size() - first_matrix]);
    if (device_.is_cpu()) {
      plan.tensors = batch.table.data();
    } else {
      const auto upload = [&](std::span<const std::byte> bytes) {
        return Tensor::from_bytes(bytes, {static_cast<int64_t>(bytes.size())}, DType::U8, device_,
                                  MemoryTag::Workspace);
      };
      batch.device_table = upload(std::as_bytes(std::span(batch.table)));
      plan.tensors = static_cast<const StepTensor*>(batch.device_table.raw());
      if (const std::vector<int32_t> map = tensor_map(plan, batch.table); !map.empty()) {
        batch.device_map = upload(std::as_bytes(std::span(map)));
        plan.tensor_of = static_cast<const int32_t*>(batch.device_map.raw());
      }
    }
    plans_.push_back(plan);
  }
  const int64_t partials = partial_count(plans_.data(), static_cast<int>(plans_.size()));
  partial_ = Tensor::zeros({partials}, DType::F64, device_, MemoryTag::Workspace);
  constants_ = Tensor::zeros({static_cast<int64_t>(plans_.size() * kUpdateBytes)}, DType::U8, device_,
                             MemoryTag::Workspace);
  for (size_t i = 0; i < plans_.size(); ++i)
    plans_[i].update = static_cast<std::byte*>(constants_.raw()) + i * kUpdateBytes;
  for (size_t i = 0; i < matrices_.size(); ++i)
    matrices_[i].apply =
        applying(plans_[first_matrix + i], batches_[first_matrix + i].parameters[0].variable.value());
  build_surveys();
  control_ = Tensor::empty({int64_t{sizeof(StepControl)}}, DType::U8, device_, MemoryTag::Workspace);
  write_control({});
  steps_table();  // fails here rather than in the middle of training
}

const StepTable& steps_on(Device device) {
  if (device.is_cpu()) return cpu_steps();
  const StepTable* table = backend(device).steps;
  require(table, ErrorKind::Device, "optimizer: ", device, " has no optimizer steps");
  return *table;
}

const StepTable& Optimizer::steps_table() const { return steps_on(device_); }

void Optimizer::refresh_gradients() {
  for (Batch& batch : batches_) {
    bool changed = false;
    for (size_t i = 0; i < batch.table.size(); ++i) {
      // A matrix whose direction is made orthogonal has a second row.
      const void* gradient = batch.parameters[i % batch.parameters.size()].variable.grad().raw();
      if (std::exchange(batch.table[i].gradient, gradient) == gradient) continue;
      find_in_vectors(batch.table[i]);
      changed = true;
    }
    if (changed && !device_.is_cpu())
      backend(device_).copy_from_host(device_, batch.device_table.raw(), batch.table.data(),
                                      batch.device_table.bytes());
  }
}

StepControl Optimizer::read_control() const {
  StepControl out;
  backend(device_).copy_to_host(device_, &out, control(), sizeof out);
  return out;
}

void Optimizer::write_control(const StepControl& value) {
  backend(device_).copy_from_host(device_, control(), &value, sizeof value);
}

void Optimizer::build_surveys() {
  int64_t all = 0;
  for (const StepPlan& plan : plans_) all += scratch_bytes(plan);
  survey_ = Tensor::zeros({all}, DType::U8, device_, MemoryTag::Workspace);
  auto* place = static_cast<std::byte*>(survey_.raw());
  for (StepPlan& plan : plans_)
    if (scratch_bytes(plan) > 0) plan.survey = std::exchange(place, place + scratch_bytes(plan));
}

void Optimizer::measure() {
  refresh_gradients();
  steps_table().measure(device_, plans_.data(), static_cast<int>(plans_.size()),
                        {options_.max_norm, options_.norm_percentile}, options_.on_nonfinite,
                        partial_.data<double>(), control());
}

void Optimizer::update() {
  const StepTable& steps = steps_table();
  const size_t others = plans_.size() - matrices_.size();
  steps.step(device_, plans_.data(), static_cast<int>(others), control());
  for (size_t i = 0; i < matrices_.size(); ++i) {
    if (!batches_[others + i].table[0].gradient) continue;
    // After a bad gradient both passes do nothing, so what the products make of old scratch goes nowhere.
    steps.step(device_, &plans_[others + i], 1, control());
    matrices_[i].products.run(matrices_[i].scale);
    steps.step(device_, &matrices_[i].apply, 1, control());
  }
}

void Optimizer::step() {
  measure();
  update();
  if (device_.is_cpu()) check();
}

void Optimizer::check() {
  StepControl now = read_control();
  if (!stopped(now, options_.on_nonfinite)) return;
  const int32_t bad = std::exchange(now.bad_tensor, -1);
  write_control(now);
  require(bad != kAllTooLarge, ErrorKind::NonFinite, "the gradients are too large at step ", now.steps + 1,
          ": their norm before clipping is ", now.norm);
  fail(ErrorKind::NonFinite, "the gradient of '", name_of_tensor(bad), "' is not finite at step ",
       now.steps + 1);
}

const std::string& Optimizer::name_of_tensor(int32_t place) const {
  size_t rest = static_cast<size_t>(place), batch = 0;
  while (rest >= batches_[batch].parameters.size()) rest -= batches_[batch++].parameters.size();
  return batches_[batch].parameters[rest].name;
}

void Optimizer::zero_grad() const {
  for (const Batch& batch : batches_)
    for (const Parameter& parameter : batch.parameters) parameter.variable.zero_grad();
}

void Optimizer::set_lr_factor(double factor) {
  require(std::isfinite(factor) && factor >= 0, "optimizer: a learning rate factor of ", factor,
          "; it must be 0 or more");
  if (std::exchange(lr_factor_, factor) != factor)
    backend(device_).copy_from_host(device_, &control()->lr_factor, &factor, sizeof factor);
}

double Optimizer::lr(size_t group) const {
  require(group < groups_.size(), "optimizer: there is no group ", group);
  return groups_[group].hyper->lr * lr_factor_;
}

}  // namespace octet::optim
