// What a rule says of one of its state values.
#pragma once

#include "optim/codebook.h"

namespace octet::optim {

// How many values a slot has: one for each weight, or for each row or column of a matrix.
enum class Extent : uint8_t { Elements, Rows, Columns };

struct Slot {
  const char* name;  // the key in checkpoints
  Book book;         // Unsigned for a value that is never negative
  Extent extent = Extent::Elements;
  // Moves by so little of its way a step that nearest codes would hold it where it is: always rounded
  // stochastically, unless a codec rounds in a way of its own.
  bool slow = false;
};

}  // namespace octet::optim
