// What `octet --version` prints and every run notes beside its results.
#pragma once

#include <string>

namespace octet::tools {

// "0.1.0 Release GCC 12.2.0", with the sanitizers if there are any: the build in one line.
std::string build_text();

// Several lines: version, compiler, build type, CUDA, CPU features in use.
std::string version_text();

}  // namespace octet::tools
