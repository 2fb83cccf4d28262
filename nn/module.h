// A module is a set of named parameters and of named parts. Its own forward() takes what it needs; there is
// no common signature to force on all of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "autograd/variable.h"
#include "core/safetensors.h"

namespace octet {

class Module {
 public:
  virtual ~Module() = default;
  Module(const Module&) = delete;  // parts are known by address
  Module& operator=(const Module&) = delete;

  // Every parameter, parts included, in the order of declaration; a part's name stands before a dot. The
  // names are checkpoint keys.
  std::vector<NamedParameter> parameters() const;
  // Those that are trained: all but the frozen ones.
  std::vector<NamedParameter> trainable_parameters() const;
  int64_t parameter_count() const;  // elements, not tensors
  void zero_grad() const;

  // The weights under their names, sharing bytes with the parameters.
  TensorFile state() const;
  // Overwrites the weights. Errors of kind Checkpoint, before anything is changed: a name that is missing or
  // not ours, another shape, whole numbers, a number that is not finite in the parameter's type; `source` (a
  // path) stands in front. Values are converted to the parameter's type. With a prefix, of the tensors whose
  // names begin with it: "model." takes "model.fc.bias" for "fc.bias".
  void load(const TensorFile& file, const std::string& source, const std::string& prefix = "") const;
  // Overwrites the weights with those of a module of the same parameters, frozen ones included; converts.
  void copy_from(const Module& other) const;

 protected:
  Module() = default;
  // Declares a parameter; the module keeps the handle that it returns. A frozen one is a constant: it is
  // saved and loaded, but has no gradient, so no optimizer takes it.
  Variable parameter(std::string name, Tensor value, bool frozen = false);
  // Declares a part, which must live as long as this module: a member.
  void part(std::string name, const Module& module);
  // Asks the optimizer to keep the state of all parameters here, parts included, in full precision.
  void keep_full_precision_state() { full_precision_state_ = true; }

 private:
  void collect(const std::string& prefix, bool full_precision_state, std::vector<NamedParameter>& all) const;

  std::vector<NamedParameter> own_;
  std::vector<std::pair<std::string, const Module*>> parts_;
  bool full_precision_state_ = false;
};

}  // namespace octet
