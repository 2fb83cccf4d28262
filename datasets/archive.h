// Files packed as zip, tar, gz, xz, bz2 or zstd, unpacked in memory with libarchive. What a file is decides
// its content, never its name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

// Bounds for what an archive may become, so that a few kilobytes cannot fill the memory (a "zip bomb").
struct UnpackLimits {
  uint64_t bytes = uint64_t{1} << 30;  // of the entry that is read, and of any entry that must be passed over
  uint64_t ratio = 200;                // unpacked to packed; text packs 3 to 10 times
  uint64_t free_bytes = uint64_t{16} << 20;  // below this size the ratio does not matter
  int64_t entries = 10000;
};

struct ArchiveEntry {
  std::string name;  // path inside the archive; empty where one file was packed on its own (x.csv.xz)
  std::string bytes;
};

// Does this content begin like a packed file?
bool looks_packed(std::string_view bytes);

// Unpacks the first entry for which `wanted(path)` holds. A file packed on its own is taken whatever `wanted`
// says. `name` (the archive) and `description` (of what is wanted) stand in messages. Errors (Data): not an
// archive, truncated, damaged, encrypted, over a limit (with the numbers), no such entry (with what the
// archive holds instead), an empty entry.
ArchiveEntry read_archive_entry(std::string_view packed, const std::string& name,
                                const std::string& description,
                                const std::function<bool(std::string_view)>& wanted,
                                const UnpackLimits& limits = {});

// The paths of the files inside, in the archive's order; one empty name for a file packed on its own. Errors
// (Data): not an archive, truncated, damaged, over a limit.
std::vector<std::string> archive_files(std::string_view packed, const std::string& name,
                                       const UnpackLimits& limits = {});

// Unpacks every file for which `wanted(path)` holds, one after another in the order of the archive, until
// `use` returns false; nothing is written to disk, so paths are names and nothing more. A file packed on its
// own is handed over whatever `wanted` says. Together the files may unpack to limits.bytes. Returns the names
// of what was passed over, cut short, for a message. Errors as above, but for "no such entry".
std::string each_archive_entry(std::string_view packed, const std::string& name,
                               const std::function<bool(std::string_view)>& wanted,
                               const std::function<bool(ArchiveEntry)>& use, const UnpackLimits& limits = {});

// A file of any size, unpacked while it is read: a plain file as it is, of a packed one the entry for which
// `wanted(path)` holds, as above. Errors (Data) of opening and reading, as above and in input_file.h; a pipe
// may be plain only.
class UnpackedFile {
 public:
  UnpackedFile(const std::filesystem::path& path, const std::string& description,
               const std::function<bool(std::string_view)>& wanted, const UnpackLimits& limits = {});
  ~UnpackedFile();

  size_t read_some(char* to, size_t room);               // 0 at the end
  const std::string& source() const { return source_; }  // "x.csv", or "x.zip (x.csv)" for an entry

 private:
  struct State;
  std::string source_;
  std::unique_ptr<State> state_;
};

// The paths of the files in an archive; none for a plain file and for one packed on its own.
std::vector<std::string> archive_entries(const std::filesystem::path& path, const UnpackLimits& limits = {});

// `path` is `file`, or ends in "/file": how an entry is wanted by name.
bool is_entry_named(std::string_view path, std::string_view file);

}  // namespace octet
