// While one lives, no other process holds the same folder: two runs that write to one folder would lose each
// other's checkpoints. Ends with the process, however that ends.
#pragma once

#include <string>

namespace octet::tools {

class FolderHold {
 public:
  // Error (Usage): another process holds it. Nothing is held where there is no such folder, or where the file
  // system knows no locks.
  explicit FolderHold(const std::string& path);
  FolderHold(FolderHold&& other) noexcept;
  FolderHold& operator=(FolderHold&&) = delete;
  ~FolderHold();

 private:
  int descriptor_;
};

}  // namespace octet::tools
