#include "tools/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/error.h"

namespace octet::tools {
namespace fs = std::filesystem;
namespace {

std::string target_of(const std::string& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  const fs::path target = fs::weakly_canonical(path, error);
  return error ? path : target.string();
}

// A device or a pipe, such as /dev/null or /dev/stdout: there is nothing to replace, and to rename over it
// would take it from everybody.
bool is_special(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  return !error && fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

std::string folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

}  // namespace

void AtomicFile::stop(const char* what) const {
  fail(ErrorKind::Internal, path_, ": cannot ", what, ": ", std::strerror(errno));
}

AtomicFile::AtomicFile(const std::string& path) : path_(is_special(path) ? path : target_of(path)) {
  if (is_special(path_)) {
    file_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (file_ < 0) stop("write");
    return;
  }
  if (fs::is_directory(path_)) fail(ErrorKind::Internal, path_, ": cannot write: is a folder");
  // Hidden and with a suffix of its own: nobody takes it for a result, and two writers do not meet. Not
  // mkstemp: that lets only the owner read, and a result is to be as readable as any new file.
  static std::atomic<unsigned> count{0};
  const std::string stem =
      folder_of(path_) + "/." + fs::path(path_).filename().string() + "." + std::to_string(getpid()) + "-";
  for (int attempt = 0; file_ < 0 && attempt < 100; ++attempt) {
    temporary_ = stem + std::to_string(++count);
    file_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file_ < 0 && errno != EEXIST) break;
  }
  if (file_ < 0) stop("write");
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) close(file_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::write(const void* bytes, size_t count) {
  require(file_ >= 0, ErrorKind::Internal, path_, ": written to after commit");
  const char* next = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t n = ::write(file_, next, count);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) stop("write");
    next += n;
    count -= static_cast<size_t>(n);
  }
}

void AtomicFile::commit() {
  require(file_ >= 0, ErrorKind::Internal, path_, ": committed twice");
  if (temporary_.empty()) {  // a device or a pipe has it already
    if (close(std::exchange(file_, -1)) != 0) stop("close");
    return;
  }
  if (fsync(file_) != 0) stop("force to disk");
  const int file = file_;
  file_ = -1;
  if (close(file) != 0) stop("close");
  if (rename(temporary_.c_str(), path_.c_str()) != 0) stop("put in place");
  temporary_.clear();
  // The name is on disk only when its folder is. Some file systems have no fsync for folders (EINVAL).
  const int folder = open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) stop("open the folder of it");
  const bool synced = fsync(folder) == 0 || errno == EINVAL;
  close(folder);
  if (!synced) stop("force the folder to disk");
}

void write_atomically(const std::string& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace octet::tools
