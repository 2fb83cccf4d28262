// Reading the compressed files among the golden files and data sets.
#pragma once

#include <filesystem>
#include <string>

namespace octet::testing {

// The content of an .xz file; fails the test if it cannot be read.
std::string read_xz(const std::filesystem::path& path);

}  // namespace octet::testing
