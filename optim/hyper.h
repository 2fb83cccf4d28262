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
  double momentum = 0, dampening = 0;
  bool nesterov = false;
  double alpha = 0.99;  // of RMSprop
  bool centered = false;
  double beta3 = 0.9999, alpha_slow = 5;  // of AdEMAMix, whose paper says alpha
  double t_alpha = 0, t_beta3 = 0;
  double trust_coefficient = 1e-3;                           // of LARS
  double max_trust = 0;                                      // of LAMB
  double eps2 = 1e-3, clip_threshold = 1, decay_rate = 0.8;  // of Adafactor
  bool fixed_step = false, unfactored = false;

  // The one list of them, for flags, configuration files, logs and checkpoints.
  template <class Visitor>
  void visit(Visitor&& v) {
    v("lr", lr, "learning rate");
    v("beta1", beta1, "decay of the running mean of gradients");
    v("beta2", beta2, "decay of the running mean of squared gradients");
    v("eps", eps, "added to the denominator of the step");
    v("weight-decay", weight_decay, "weight decay");
    v("momentum", momentum, "decay of the sum of steps");
    v("dampening", dampening, "share of a gradient that does not enter the momentum");
    v("nesterov", nesterov, "step by the momentum that comes next");
    v("alpha", alpha, "decay of RMSprop's running means");
    v("centered", centered,
      "divide by the standard deviation of gradients rather than their root mean square");
    v("beta3", beta3, "decay of AdEMAMix's slow mean of gradients");
    v("alpha-slow", alpha_slow, "weight of AdEMAMix's slow mean of gradients");
    v("t-alpha", t_alpha, "steps until alpha-slow has grown to its value");
    v("t-beta3", t_beta3, "steps until beta3 has grown to its value");
    v("trust-coefficient", trust_coefficient, "LARS's ratio of a tensor's step to its weights");
    v("max-trust", max_trust, "largest ratio of weights to step by which LAMB scales a tensor's step");
    v("eps2", eps2, "least root mean square of weights that Adafactor's step is relative to");
    v("clip-threshold", clip_threshold, "root mean square that Adafactor clips its direction to");
    v("decay-rate", decay_rate, "exponent of the weight of a gradient in Adafactor's second moment");
    v("fixed-step", fixed_step, "let Adafactor step by the learning rate, not relative to the weights");
    v("unfactored", unfactored, "keep Adafactor's second moment of matrices for every weight");
  }
};

}  // namespace octet::optim
