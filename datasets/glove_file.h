// The text of a file of word vectors, block by block (for glove.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "datasets/archive.h"

namespace octet {

// A text file, plain or packed on its own, or of an archive the entry whose name tells of the dimension (its
// only text file where no name does).
class GloveFile {
 public:
  // Errors (Data): of the path or archive; no such entry.
  GloveFile(const std::filesystem::path& path, int64_t dimension, size_t block = size_t{16} << 20);

  const std::string& source() const { return file_.source(); }

  // The next whole lines, at most `block` bytes; empty at the end. They stay until the next call. Error
  // (Data): a line that is longer; `lines_before` is how many were read, for the message.
  std::string_view next(int64_t lines_before);

 private:
  UnpackedFile file_;
  size_t block_;
  std::string buffer_;
  size_t given_ = 0;
};

}  // namespace octet
