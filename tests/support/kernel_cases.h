// The contract of a backend: every entry of its kernel table, run on a device and compared with a reference
// that is written plainly in float64 and shares nothing with the kernels. Every backend runs through the same
// cases, at size 1, at odd sizes, and at sizes that take several chunks or blocks.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/dtype.h"

namespace octet::testing {

struct KernelOutput {
  std::string name;
  std::vector<double> actual, expected;
  bool exact = false;  // copies and masks: nothing is rounded
};

struct KernelCase {
  std::string entry;  // as KernelTable::visit names it
  std::string what;   // sizes, and whatever else tells it from the entry's other cases
  // Runs the entry on the device with operands of type F32 or F64.
  std::function<std::vector<KernelOutput>(Device, DType)> run;
};

// All cases, in the order of the table.
std::vector<KernelCase> kernel_cases();

// Empty if both the norm of the error over the norm of the expected values and the largest error over the
// largest expected value are at most `tolerance` (nothing at all, if exact), else both errors and the worst
// element. A value that is not a number agrees with nothing.
std::string disagreement(const KernelOutput& output, double tolerance);

}  // namespace octet::testing
