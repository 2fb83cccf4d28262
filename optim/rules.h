// The list of update rules: adding one is a file in rules/ and a word here.
#pragma once

#include <iterator>

#include "optim/rules/adam.h"
#include "optim/rules/adamw.h"
#include "optim/type_list.h"

namespace octet::optim {

using Rules = TypeList<Adam, AdamW>;

template <class Rule>
constexpr int slot_count = static_cast<int>(std::size(Rule::slots));

}  // namespace octet::optim
