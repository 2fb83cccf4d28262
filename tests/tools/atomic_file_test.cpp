#include "tools/atomic_file.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "core/error.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;
namespace fs = std::filesystem;

namespace {

int entries(const fs::path& folder) {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder)) ++count;
  return count;
}

// Runs `body` in a child, whose limits and mounts end with it; returns its exit status.
int in_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

constexpr int kAsExpected = 0, kNoError = 50, kOldFileGone = 51, kLeftovers = 52, kWrongMessage = 53,
              kNotPossible = 77;

// Overwrites folder/weights, which holds "old", with 8 MB that do not fit.
int overwrite_without_room(const fs::path& folder, const std::string& reason) {
  const std::string path = (folder / "weights").string();
  bool thrown = false;
  try {
    write_atomically(path, std::string(8 << 20, 'x'));
  } catch (const Error& error) {
    thrown = true;
    const std::string message = error.what();
    if (error.exit_code() != 1 || message.find(path + ": cannot write: " + reason) == std::string::npos)
      return kWrongMessage;
  }
  if (!thrown) return kNoError;
  if (read_file(path) != "old") return kOldFileGone;
  return entries(folder) == 1 ? kAsExpected : kLeftovers;
}

// A file system of 1 MB, in a mount namespace of the child's own.
bool mount_small_disk(const fs::path& folder) {
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  return mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=1m") == 0;
}

}  // namespace

TEST_CASE("a file is replaced as a whole and nothing else is left in the folder") {
  const TemporaryFolder folder;
  const std::string path = (folder / "weights").string();
  write_atomically(path, "old");
  CHECK(read_file(path) == "old");
  std::string bytes(100000, '\0');
  bytes[77777] = 'x';
  write_atomically(path, bytes);
  CHECK(read_file(path) == bytes);
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("the old file stands until commit, and stays without it") {
  const TemporaryFolder folder;
  const std::string path = (folder / "weights").string();
  write_atomically(path, "old");
  {
    AtomicFile file(path);
    file.write("new");
    CHECK(read_file(path) == "old");
  }
  CHECK(read_file(path) == "old");
  CHECK(entries(folder.path()) == 1);
  AtomicFile file(path);
  file.write("new");
  file.commit();
  CHECK(read_file(path) == "new");
  CHECK_ERROR(ErrorKind::Internal, "committed twice", file.commit());
  CHECK_ERROR(ErrorKind::Internal, "written to after commit", file.write("x"));
}

TEST_CASE("a new file has the permissions of any other new file, and a relative path works") {
  const TemporaryFolder folder;
  const mode_t mask = umask(027);
  write_atomically((folder / "a").string(), "x");
  umask(mask);
  CHECK(fs::status(folder / "a").permissions() == static_cast<fs::perms>(0640));
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  write_atomically("b", "y");
  fs::current_path(before);
  CHECK(read_file(folder / "b") == "y");
}

TEST_CASE("a symbolic link stays one and its target is replaced") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "elsewhere");
  write_file(folder / "elsewhere/weights", "old");
  fs::create_symlink("elsewhere/weights", folder / "link");
  write_atomically((folder / "link").string(), "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_file(folder / "elsewhere/weights") == "new");
}

TEST_CASE(
    "a missing folder, a folder in the file's place and a folder without permission exit 1 with the reason") {
  const TemporaryFolder folder;
  CHECK_ERROR(ErrorKind::Internal, "none/weights: cannot write: No such file or directory",
              write_atomically((folder / "none/weights").string(), "x"));
  CHECK_ERROR(ErrorKind::Internal, "cannot write: is a folder",
              write_atomically(folder.path().string(), "x"));
  write_file(folder / "weights", "old");
  const std::string path = (folder / "weights").string();
  fs::permissions(folder.path(), static_cast<fs::perms>(0555));
  const int status = in_child([&] {
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
      return kNotPossible;  // root may write anywhere
    try {
      write_atomically(path, "new");
    } catch (const Error& error) {
      const bool right = error.exit_code() == 1 && error.what() == path + ": cannot write: Permission denied";
      return right ? kAsExpected : kWrongMessage;
    }
    return kNoError;
  });
  fs::permissions(folder.path(), static_cast<fs::perms>(0755));
  CHECK(status == kAsExpected);
  CHECK(read_file(folder / "weights") == "old");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a full disk exits 1 with the reason and leaves the old file as it was") {
  const TemporaryFolder folder;
  const int status = in_child([&] {
    if (!mount_small_disk(folder.path())) return kNotPossible;
    write_file(folder / "weights", "old");
    return overwrite_without_room(folder.path(), "No space left on device");
  });
  if (status == kNotPossible)
    MESSAGE("no right to mount a small file system here: the size limit below stands for it");
  else
    CHECK(status == kAsExpected);
}

TEST_CASE("a file beyond the size limit exits 1 with the reason and leaves the old file as it was") {
  const TemporaryFolder folder;
  write_file(folder / "weights", "old");
  const int status = in_child([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1 << 20, 1 << 20};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return kNotPossible;
    return overwrite_without_room(folder.path(), "File too large");
  });
  CHECK(status == kAsExpected);
}

TEST_CASE("a pipe is written to and stays a pipe: nothing is put in its place") {
  const TemporaryFolder folder;
  const std::string path = (folder / "pipe").string(), link = (folder / "link").string();
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  fs::create_symlink("pipe", link);
  const int reader = open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  write_atomically(path, "one ");
  write_atomically(link, "two");
  char bytes[16] = {};
  CHECK(read(reader, bytes, sizeof bytes) == 7);
  CHECK(std::string(bytes) == "one two");
  close(reader);
  CHECK(fs::is_fifo(path));
  CHECK(fs::is_symlink(link));
  CHECK(entries(folder.path()) == 2);
}
