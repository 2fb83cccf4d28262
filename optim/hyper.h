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

  // Calls v(name, member) for each, by the names of command-line flags.
  template <class Visitor>
  void visit(Visitor&& v) {
    v("lr", lr), v("beta1", beta1), v("beta2", beta2), v("eps", eps), v("weight-decay", weight_decay);
    v("momentum", momentum), v("dampening", dampening), v("nesterov", nesterov);
    v("alpha", alpha), v("centered", centered);
    v("beta3", beta3), v("alpha-slow", alpha_slow), v("t-alpha", t_alpha), v("t-beta3", t_beta3);
    v("trust-coefficient", trust_coefficient), v("max-trust", max_trust);
    v("eps2", eps2), v("clip-threshold", clip_threshold), v("decay-rate", decay_rate);
    v("fixed-step", fixed_step), v("unfactored", unfactored);
  }
};

}  // namespace octet::optim
