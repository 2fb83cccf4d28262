#include "datasets/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"

namespace octet {
namespace {

struct Close {
  void operator()(archive* a) const { archive_read_free(a); }
};
using Archive = std::unique_ptr<archive, Close>;

bool is_zip(std::string_view bytes) {
  return bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06");
}
bool is_tar(std::string_view bytes) { return bytes.size() > 262 && bytes.substr(257, 5) == "ustar"; }

class Reader {
 public:
  Reader(std::string_view packed, const std::string& name, const UnpackLimits& limits)
      : packed_(packed), name_(name), limits_(limits), archive_(archive_read_new()) {
    require(archive_ != nullptr, ErrorKind::Memory, name, ": no memory to unpack it");
    if (is_zip(packed)) {
      // Only by the directory at the end of the file: read from the front, a zip that lost its end looks
      // whole.
      archive_read_support_format_zip_seekable(archive_.get());
    } else {
      archive_read_support_filter_all(archive_.get());
      archive_read_support_format_tar(archive_.get());
      archive_read_support_format_raw(archive_.get());
    }
    if (archive_read_open_memory(archive_.get(), packed.data(), packed.size()) != ARCHIVE_OK) broken();
  }

  // The path of the next entry, or null at the end.
  const char* next() {
    const int status = archive_read_next_header(archive_.get(), &entry_);
    if (status == ARCHIVE_EOF) return nullptr;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) broken();  // a warning is about the name's encoding
    require(++entries_ <= limits_.entries, ErrorKind::Data, name_, ": the archive holds more than ",
            limits_.entries, " entries");
    // Passing over an entry of a compressed tar unpacks it, so the size is checked for every one.
    if (archive_entry_size_is_set(entry_)) check(static_cast<uint64_t>(archive_entry_size(entry_)), path());
    return path();
  }

  bool is_file() const { return single() || archive_entry_filetype(entry_) == AE_IFREG; }
  bool single() const { return archive_format(archive_.get()) == ARCHIVE_FORMAT_RAW; }

  std::string read() {
    std::string bytes;
    std::vector<char> piece(size_t{1} << 18);
    for (;;) {
      const la_ssize_t got = archive_read_data(archive_.get(), piece.data(), piece.size());
      if (got == 0) return bytes;
      if (got < 0) broken();
      check(bytes.size() + static_cast<uint64_t>(got), path());
      bytes.append(piece.data(), static_cast<size_t>(got));
    }
  }

 private:
  const char* path() const {
    const char* text = archive_entry_pathname(entry_);
    return text ? text : "";
  }

  void check(uint64_t size, const char* what) const {
    require(size <= limits_.bytes, ErrorKind::Data, name_, ": entry '", what, "' unpacks to more than ",
            limits_.bytes, " bytes, the limit");
    require(size <= limits_.free_bytes || size / limits_.ratio <= packed_.size(), ErrorKind::Data, name_,
            ": entry '", what, "' unpacks to at least ", size, " bytes from an archive of ", packed_.size(),
            ", more than the limit of ", limits_.ratio, " times; this looks like a zip bomb");
  }

  [[noreturn]] void broken() const {
    const char* reason = archive_error_string(archive_.get());
    if (is_zip(packed_) && entries_ == 0)
      fail(ErrorKind::Data, name_, ": a zip archive without its directory; is the file truncated?");
    fail(ErrorKind::Data, name_, ": the archive is truncated or damaged (",
         reason ? reason : "no reason given", ")");
  }

  std::string_view packed_;
  const std::string& name_;
  const UnpackLimits& limits_;
  Archive archive_;
  archive_entry* entry_ = nullptr;
  int64_t entries_ = 0;
};

}  // namespace

bool looks_packed(std::string_view bytes) {
  using namespace std::string_view_literals;
  for (const std::string_view magic : {"\x1F\x8B"sv,
                                       "\xFD"
                                       "7zXZ\0"sv,
                                       "BZh"sv, "\x28\xB5\x2F\xFD"sv})
    if (bytes.starts_with(magic)) return true;
  return is_zip(bytes) || is_tar(bytes);
}

std::string each_archive_entry(std::string_view packed, const std::string& name,
                               const std::function<bool(std::string_view)>& wanted,
                               const std::function<bool(ArchiveEntry)>& use, const UnpackLimits& limits) {
  require(looks_packed(packed), ErrorKind::Data, name, ": not a zip, tar, gz, xz, bz2 or zstd file");
  if (packed.starts_with("PK\x05\x06")) return "";  // libarchive takes an empty zip for a broken one
  Reader reader(packed, name, limits);
  std::string passed;
  uint64_t bytes = 0;
  while (const char* path = reader.next()) {
    const std::string entry = path;
    if (reader.is_file() && (reader.single() || wanted(entry))) {
      ArchiveEntry found{reader.single() ? "" : entry, reader.read()};
      require(!found.bytes.empty(), ErrorKind::Data, name, ": entry '", entry, "' is empty");
      bytes += found.bytes.size();
      require(bytes <= limits.bytes, ErrorKind::Data, name, ": the entries unpack to more than ",
              limits.bytes, " bytes, the limit");
      if (!use(std::move(found))) break;
    } else if (passed.size() < 1000) {
      passed += (passed.empty() ? "" : ", ") + entry;
    } else if (!passed.ends_with("...")) {
      passed += ", ...";
    }
  }
  return passed;
}

ArchiveEntry read_archive_entry(std::string_view packed, const std::string& name,
                                const std::string& description,
                                const std::function<bool(std::string_view)>& wanted,
                                const UnpackLimits& limits) {
  std::optional<ArchiveEntry> found;
  const auto take = [&](ArchiveEntry entry) {
    found = std::move(entry);
    return false;
  };
  const std::string passed = each_archive_entry(packed, name, wanted, take, limits);
  require(found.has_value(), ErrorKind::Data, name, ": no ", description, " in the archive, which holds ",
          passed.empty() ? "nothing" : passed);
  return *std::move(found);
}

bool is_entry_named(std::string_view path, std::string_view file) {
  if (!path.ends_with(file)) return false;
  return path.size() == file.size() || path[path.size() - file.size() - 1] == '/';
}

}  // namespace octet
