// The rules of the source tree: which folder may include which, what a public header may include, what lies
// at the top level.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace octet::testing {

// One sentence for each place below `root` that breaks a rule; empty if all is well.
std::vector<std::string> layout_faults(const std::filesystem::path& root);

// Number of #include lines of our own headers that layout_faults looks at.
int include_count(const std::filesystem::path& root);

}  // namespace octet::testing
