// Input files as bytes, with an error for everything that can be wrong with a path. Packed files are in
// archive.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace octet {

// A file that is open for reading. Errors (Data), each with the path and the reason: missing, a folder,
// unreadable.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  uint64_t size() const { return size_; }  // 0 where it is not known beforehand
  int descriptor() const { return descriptor_; }
  size_t read_some(char* to, size_t room);  // 0 at the end

 private:
  std::string path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

// All bytes of a file. Errors (Data), each with the path and the reason: missing, a folder, unreadable,
// empty, more than `limit` bytes (the limit also bounds pipes, which have no size of their own).
std::string read_input_file(const std::filesystem::path& path, uint64_t limit = uint64_t{1} << 30);

// Hands the bytes of a file to `use` in pieces of at most 1 MiB; a file may be empty here. Errors as above.
void read_in_pieces(const std::filesystem::path& path, const std::function<void(std::string_view)>& use);

}  // namespace octet
