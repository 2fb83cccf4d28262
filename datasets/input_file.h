// Input files as bytes, with an error for everything that can be wrong with a path. Packed files are in
// archive.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace octet {

// All bytes of a file. Errors (Data), each with the path and the reason: missing, a folder, unreadable,
// empty, more than `limit` bytes (the limit also bounds pipes, which have no size of their own).
std::string read_input_file(const std::filesystem::path& path, uint64_t limit = uint64_t{1} << 30);

// Hands the bytes of a file to `use` in pieces of at most 1 MiB; a file may be empty here. Errors as above.
void read_in_pieces(const std::filesystem::path& path, const std::function<void(std::string_view)>& use);

}  // namespace octet
