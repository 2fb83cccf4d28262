#include "nn/module.h"

#include <cmath>
#include <map>

#include "core/error.h"
#include "core/find_element.h"

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

void Module::load(const TensorFile& file, const std::string& source, const std::string& prefix) const {
  // As it will be: a large number may be none in a narrower type.
  const auto converted = [](const Tensor& tensor, DType type) {
    return tensor.dtype() == type ? tensor : tensor.to(type, MemoryTag::Workspace);
  };
  std::map<std::string, Tensor> targets;
  for (const NamedParameter& parameter : parameters())
    targets.emplace(prefix + parameter.name, parameter.variable.value());
  for (const auto& [name, target] : targets) {
    const Tensor* tensor = file.find(name);
    require(tensor != nullptr, ErrorKind::Checkpoint, source, ": no tensor ", name,
            "; these are weights of another model");
    require(tensor->shape() == target.shape(), ErrorKind::Checkpoint, source, ": ", name, " is ",
            tensor->shape(), ", this model has ", target.shape(),
            "; these are weights of another model or vocabulary");
    require(is_floating(tensor->dtype()), ErrorKind::Checkpoint, source, ": ", name, " is of ",
            tensor->dtype(), ", which holds no weights; put a copy back, or train anew");
    require_finite(converted(*tensor, target.dtype()), source, name);
  }
  for (const auto& [name, tensor] : file.tensors)
    require(!name.starts_with(prefix) || targets.count(name) == 1, ErrorKind::Checkpoint, source, ": tensor ",
            name, " is not part of this model; these are weights of another model");
  for (const auto& [name, target] : targets) target.copy_from(converted(file.at(name), target.dtype()));
}

void Module::copy_from(const Module& other) const {
  const std::vector<NamedParameter> own = parameters(), others = other.parameters();
  require(own.size() == others.size(), "Module: ", others.size(), " parameters for ", own.size());
  for (size_t i = 0; i < own.size(); ++i) {
    require(own[i].name == others[i].name, "Module: parameter ", others[i].name, " for ", own[i].name);
    own[i].variable.value().copy_from(others[i].variable.value());
  }
}

}  // namespace octet
