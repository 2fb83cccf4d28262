// The unfinished file of a download: FILE.part, held under a lock, turned into FILE when it is complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace octet {

class PartFile {
 public:
  // Opens or creates `target`.part. Errors (Internal): cannot write there, or another process holds it.
  explicit PartFile(const std::filesystem::path& target);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }

  bool append(std::string_view bytes) noexcept;  // false: see write_error()
  bool clear() noexcept;                         // to length 0; likewise
  void remove();                                 // from the folder
  // Forces the bytes to disk, renames to the target, forces the folder to disk.
  void finish();
  // Why append or clear failed, for a message.
  const std::string& write_error() const { return write_error_; }

 private:
  std::filesystem::path target_, path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
  std::string write_error_;
};

}  // namespace octet
