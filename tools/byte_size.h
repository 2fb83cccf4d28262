// Amounts of memory as people write and read them.
#pragma once

#include <cstdint>
#include <string>

namespace octet::tools {

// "16GiB", "500 MB", "1.5e9", "1024": KiB MiB GiB TiB are powers of 1024, kB MB GB TB of 1000; without a
// unit, bytes. Errors (Usage), naming `flag`: it is no such amount, or less than a byte.
int64_t parse_bytes(const std::string& text, const std::string& flag);

// "158,709,248 B", and "151.36 MiB".
std::string exact_bytes(int64_t bytes);
std::string mebibytes(int64_t bytes);

}  // namespace octet::tools
