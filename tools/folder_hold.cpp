#include "tools/folder_hold.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/error.h"

namespace octet::tools {

FolderHold::FolderHold(const std::string& path)
    : descriptor_(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ < 0 || flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  close(descriptor_);
  fail(ErrorKind::Usage, path, ": another octet train is at work in this folder; wait for it or stop it");
}

FolderHold::FolderHold(FolderHold&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FolderHold::~FolderHold() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace octet::tools
