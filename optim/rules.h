// The list of update rules: adding one is a file in rules/, its include and a word here.
#pragma once

#include <array>

#include "core/host_device.h"
#include "optim/rules/adafactor.h"
#include "optim/rules/adagrad.h"
#include "optim/rules/adam.h"
#include "optim/rules/adamw.h"
#include "optim/rules/ademamix.h"
#include "optim/rules/lamb.h"
#include "optim/rules/lars.h"
#include "optim/rules/lion.h"
#include "optim/rules/momentum.h"
#include "optim/rules/muon.h"
#include "optim/rules/rmsprop.h"
#include "optim/rules/sgd.h"
#include "optim/type_list.h"

namespace octet::optim {

// MuonStep is the second pass of Muon: a rule to backends, but without a name, and so for no user.
using Rules = TypeList<Adam, AdamW, AdEMAMix, Lion, RmsProp, Adagrad, Momentum, Sgd, Lamb, Lars, Adafactor,
                       Muon, MuonStep>;

template <class Rule>
constexpr int slot_count = static_cast<int>(Rule::slots.size());

// Rules whose step has a factor for each tensor (rules/sums.h), and those that need the state to find it.
template <class Rule>
constexpr bool has_factor = requires(const typename Rule::template Update<float>& update,
                                     const TensorSums& sums) {
  update.factor(sums);
};
template <class Rule>
constexpr bool measures_state = requires(const typename Rule::template Update<float>& update,
                                         std::array<float, Rule::slots.size()>& state) {
  update.measured(0.0f, 0.0f, state);
};
// Rules that step matrices in another way, with other slots.
template <class Rule>
constexpr bool has_matrix_form = requires {
  Rule::matrix_slots;
};

// Rules that make a direction for each matrix, which products make orthogonal before another rule applies it.
template <class Rule>
constexpr bool is_orthogonal = requires {
  typename Rule::AppliedBy;
};

// Updates one weight. Rules without a factor do not look at it.
template <class Update, class T, class State>
OCTET_HD inline void apply(const Update& update, T& w, T g, State& state, T factor) {
  if constexpr (requires { update(w, g, state, factor); }) {
    update(w, g, state, factor);
  } else {
    update(w, g, state);
  }
}
template <class Update, class T, class State>
OCTET_HD inline T measured(const Update& update, T w, T g, State& state) {
  if constexpr (requires { update.measured(w, g, state); }) {
    return update.measured(w, g, state);
  } else {
    return update.measured(w, g);
  }
}

}  // namespace octet::optim
