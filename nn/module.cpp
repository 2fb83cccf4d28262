#include "nn/module.h"

#include "core/error.h"

namespace octet {

Variable Module::parameter(std::string name, Tensor value, bool frozen) {
  for (const NamedParameter& other : own_)
    require(other.name != name, "Module: parameter ", name, " is declared twice");
  own_.push_back({std::move(name), frozen ? Variable(std::move(value)) : Variable::leaf(std::move(value))});
  return own_.back().variable;
}

void Module::part(std::string name, const Module& module) { parts_.emplace_back(std::move(name), &module); }

void Module::collect(const std::string& prefix, bool full_precision_state,
                     std::vector<NamedParameter>& all) const {
  full_precision_state |= full_precision_state_;
  for (const NamedParameter& parameter : own_)
    all.push_back({prefix + parameter.name, parameter.variable, full_precision_state});
  for (const auto& [name, module] : parts_) module->collect(prefix + name + ".", full_precision_state, all);
}

std::vector<NamedParameter> Module::parameters() const {
  std::vector<NamedParameter> all;
  collect("", false, all);
  return all;
}

std::vector<NamedParameter> Module::trainable_parameters() const {
  std::vector<NamedParameter> all = parameters();
  std::erase_if(all, [](const NamedParameter& parameter) { return !parameter.variable.is_leaf(); });
  return all;
}

int64_t Module::parameter_count() const {
  int64_t count = 0;
  for (const NamedParameter& parameter : parameters()) count += parameter.variable.value().numel();
  return count;
}

void Module::zero_grad() const {
  for (const NamedParameter& parameter : trainable_parameters()) parameter.variable.zero_grad();
}

TensorFile Module::state() const {
  TensorFile file;
  for (const NamedParameter& parameter : parameters()) file.add(parameter.name, parameter.variable.value());
  return file;
}

void Module::load(const TensorFile& file, const std::string& source) const {
  const std::vector<NamedParameter> all = parameters();
  for (const NamedParameter& parameter : all) {
    const Tensor* tensor = file.find(parameter.name);
    require(tensor != nullptr, ErrorKind::Checkpoint, source, ": no tensor ", parameter.name,
            "; these are weights of another model");
    require(tensor->shape() == parameter.variable.shape(), ErrorKind::Checkpoint, source, ": ",
            parameter.name, " is ", tensor->shape(), ", this model has ", parameter.variable.shape(),
            "; these are weights of another model or vocabulary");
  }
  for (const auto& [name, tensor] : file.tensors) {
    bool known = false;
    for (const NamedParameter& parameter : all) known |= parameter.name == name;
    require(known, ErrorKind::Checkpoint, source, ": tensor ", name,
            " is not part of this model; these are weights of another model");
  }
  for (const NamedParameter& parameter : all) {
    const Tensor& value = parameter.variable.value();
    value.copy_from(file.at(parameter.name).to(value.dtype(), MemoryTag::Workspace));
  }
}

}  // namespace octet
