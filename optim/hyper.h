// The hyper-parameters of every rule. A rule reads those that its formula names and ignores the rest; its own
// defaults come from default_hyper(rule).
#pragma once

namespace octet::optim {

struct HyperParameters {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;

  // The one list of them, for flags, configuration files, logs and checkpoints.
  template <class Visitor>
  void visit(Visitor&& v) {
    v("lr", lr, "learning rate");
    v("beta1", beta1, "decay of the running mean of gradients");
    v("beta2", beta2, "decay of the running mean of squared gradients");
    v("eps", eps, "added to the denominator of the step");
    v("weight-decay", weight_decay, "weight decay");
  }
};

}  // namespace octet::optim
