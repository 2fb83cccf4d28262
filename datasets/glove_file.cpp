#include "datasets/glove_file.h"

#include <algorithm>
#include <vector>

#include "core/error.h"

namespace octet {
namespace {

constexpr size_t kPiece = size_t{1} << 20;
constexpr UnpackLimits kLimits = {.bytes = uint64_t{64} << 30};

// Empty for a file without entries.
std::string entry_of(const std::filesystem::path& path, int64_t dimension) {
  const std::vector<std::string> entries = archive_entries(path, kLimits);
  if (entries.empty()) return "";
  const std::string ending = "." + std::to_string(dimension) + "d.txt";
  std::string held, only;
  int texts = 0;
  for (const std::string& entry : entries) {
    if (entry.ends_with(ending)) return entry;
    if (entry.ends_with(".txt") || entry.ends_with(".vec")) only = entry, ++texts;
    held += (held.empty() ? "" : ", ") + entry;
  }
  if (texts == 1) return only;
  fail(ErrorKind::Data, path.string(), ": no vectors of ", dimension, " dimensions (a file named like glove",
       ending, ") in the archive, which holds ", held);
}

}  // namespace

GloveFile::GloveFile(const std::filesystem::path& path, int64_t dimension, size_t block)
    : file_(
          path, "word vectors",
          [entry = entry_of(path, dimension)](std::string_view name) { return name == entry; }, kLimits),
      block_(block) {}

std::string_view GloveFile::next(int64_t lines_before) {
  buffer_.erase(0, given_);
  size_t size = buffer_.size();
  while (size < block_) {
    buffer_.resize(std::min(block_, size + kPiece));
    const size_t got = file_.read_some(buffer_.data() + size, buffer_.size() - size);
    if (got == 0) break;
    size += got;
  }
  buffer_.resize(size);
  const size_t end = buffer_.rfind('\n');
  require(size < block_ || end != std::string::npos, ErrorKind::Data, source(), ", line ", lines_before + 1,
          ": a line of more than ", block_, " bytes; these are no word vectors");
  given_ = size < block_ ? size : end + 1;
  return std::string_view(buffer_).substr(0, given_);
}

}  // namespace octet
