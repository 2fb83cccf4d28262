#include "datasets/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "core/error.h"

namespace octet {
namespace {

constexpr size_t kPiece = size_t{1} << 20;

}  // namespace

InputFile::InputFile(const std::filesystem::path& path) : path_(path.string()) {
  descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) {
    const int reason = errno;
    if (reason == ENOENT) fail(ErrorKind::Data, path_, ": no such file");
    fail(ErrorKind::Data, path_, ": cannot open, ", std::strerror(reason));
  }
  struct stat about;
  if (fstat(descriptor_, &about) == 0) {
    if (S_ISDIR(about.st_mode)) {
      close(descriptor_);
      fail(ErrorKind::Data, path_, ": this is a folder, a file is wanted");
    }
    size_ = S_ISREG(about.st_mode) ? static_cast<uint64_t>(about.st_size) : 0;
  }
}

InputFile::~InputFile() { close(descriptor_); }

size_t InputFile::read_some(char* to, size_t room) {
  for (;;) {
    const ssize_t got = read(descriptor_, to, room);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) fail(ErrorKind::Data, path_, ": cannot read, ", std::strerror(errno));
  }
}

std::string read_input_file(const std::filesystem::path& path, uint64_t limit) {
  InputFile file(path);
  const auto check_limit = [&](uint64_t size) {
    require(size <= limit, ErrorKind::Data, path.string(), ": more than ", limit,
            " bytes, the limit for an input file");
  };
  check_limit(file.size());
  std::string bytes;
  bytes.reserve(file.size());
  std::vector<char> piece(kPiece);
  while (const size_t got = file.read_some(piece.data(), piece.size())) {
    check_limit(bytes.size() + got);
    bytes.append(piece.data(), got);
  }
  require(!bytes.empty(), ErrorKind::Data, path.string(), ": the file is empty");
  return bytes;
}

void read_in_pieces(const std::filesystem::path& path, const std::function<void(std::string_view)>& use) {
  InputFile file(path);
  std::vector<char> piece(kPiece);
  while (const size_t got = file.read_some(piece.data(), piece.size())) use({piece.data(), got});
}

}  // namespace octet
