#include "datasets/part_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace octet {
namespace {

[[noreturn]] void cannot_write(const std::filesystem::path& path) {
  const int reason = errno;
  fail(ErrorKind::Internal, path.string(), ": cannot write, ", std::strerror(reason));
}

}  // namespace

PartFile::PartFile(const std::filesystem::path& target) : target_(target), path_(target.string() + ".part") {
  for (;;) {
    descriptor_ = open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor_ < 0) cannot_write(path_);
    if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      close(descriptor_);
      fail(ErrorKind::Internal, path_.string(), ": another fetch is writing this file; wait for it to end");
    }
    // The holder before us may have renamed or removed the file between open and lock: then ours has no name.
    struct stat ours, named;
    if (fstat(descriptor_, &ours) == 0 && stat(path_.c_str(), &named) == 0 && ours.st_ino == named.st_ino) {
      size_ = static_cast<uint64_t>(ours.st_size);
      return;
    }
    close(descriptor_);
  }
}

PartFile::~PartFile() { close(descriptor_); }

bool PartFile::append(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      write_error_ = std::strerror(errno);
      return false;
    }
    size_ += static_cast<uint64_t>(written);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

bool PartFile::clear() noexcept {
  if (ftruncate(descriptor_, 0) != 0) {
    write_error_ = std::strerror(errno);
    return false;
  }
  size_ = 0;
  return true;
}

void PartFile::remove() {
  if (unlink(path_.c_str()) != 0 && errno != ENOENT) cannot_write(path_);
}

void PartFile::finish() {
  if (fsync(descriptor_) != 0) cannot_write(path_);
  if (rename(path_.c_str(), target_.c_str()) != 0) cannot_write(target_);
  const std::filesystem::path folder = target_.has_parent_path() ? target_.parent_path() : ".";
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) cannot_write(folder);
  const int status = fsync(descriptor);
  const int reason = errno;
  close(descriptor);
  if (status != 0 && reason != EINVAL) {  // EINVAL: a file system without folder sync
    errno = reason;
    cannot_write(folder);
  }
}

}  // namespace octet
