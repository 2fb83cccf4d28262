// The list of update rules: adding one is a file in rules/ and a word here.
#pragma once

#include "optim/rules/adagrad.h"
#include "optim/rules/adam.h"
#include "optim/rules/adamw.h"
#include "optim/rules/ademamix.h"
#include "optim/rules/lion.h"
#include "optim/rules/momentum.h"
#include "optim/rules/rmsprop.h"
#include "optim/rules/sgd.h"
#include "optim/type_list.h"

namespace octet::optim {

using Rules = TypeList<Adam, AdamW, AdEMAMix, Lion, RmsProp, Adagrad, Momentum, Sgd>;

template <class Rule>
constexpr int slot_count = static_cast<int>(Rule::slots.size());

}  // namespace octet::optim
