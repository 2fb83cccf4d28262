// What a rule says of one of its state values.
#pragma once

#include "optim/codebook.h"

namespace octet::optim {

struct Slot {
  const char* name;  // the key in checkpoints
  Book book;         // Unsigned for a value that is never negative
};

}  // namespace octet::optim
