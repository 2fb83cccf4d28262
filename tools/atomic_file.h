// Files that are whole or not there: written beside their final name, forced to disk, then renamed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace octet::tools {

// Writes to a temporary file in the folder of `path`. commit() puts it in place of `path`; an object that
// goes without commit() leaves what was at `path` as it was. A device or a pipe is written to as it is and
// stays what it is. Failures are Errors of kind Internal with path
// and reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* bytes, size_t count);
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }

  // Forces file and folder to disk and renames. After it nothing more can be written.
  void commit();

 private:
  [[noreturn]] void stop(const char* what) const;

  std::string path_;       // with symbolic links followed, so that a link stays one
  std::string temporary_;  // empty once it is gone
  int file_ = -1;
};

// All of it in one call.
void write_atomically(const std::string& path, std::string_view bytes);

}  // namespace octet::tools
