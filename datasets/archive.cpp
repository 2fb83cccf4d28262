#include "datasets/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "datasets/input_file.h"

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

// To a list for a message, which is cut short.
void add_name(std::string& list, const std::string& name) {
  if (list.size() < 1000) {
    list += (list.empty() ? "" : ", ") + name;
  } else if (!list.ends_with("...")) {
    list += ", ...";
  }
}

class Reader {
 public:
  Reader(std::string_view packed, const std::string& name, const UnpackLimits& limits)
      : Reader(is_zip(packed), packed.size(), name, limits) {
    if (archive_read_open_memory(archive_.get(), packed.data(), packed.size()) != ARCHIVE_OK) broken();
  }
  // `descriptor` stands at the begin of a file that starts with the bytes `head`.
  Reader(std::string_view head, int descriptor, uint64_t size, const std::string& name,
         const UnpackLimits& limits)
      : Reader(is_zip(head), size, name, limits) {
    constexpr size_t kBlock = size_t{1} << 18;
    if (archive_read_open_fd(archive_.get(), descriptor, kBlock) != ARCHIVE_OK) broken();
  }

  // Moves to the first file for which `wanted` holds and returns its path.
  std::string find(const std::string& description, const std::function<bool(std::string_view)>& wanted) {
    std::string held;
    while (const char* path = next()) {
      const std::string entry = path;
      if (is_file() && (single() || wanted(entry))) return single() ? "" : entry;
      add_name(held, entry);
    }
    fail(ErrorKind::Data, name_, ": no ", description, " in the archive, which holds ",
         held.empty() ? "nothing" : held);
  }

  // The path of the next entry, or null at the end.
  const char* next() {
    const int status = archive_read_next_header(archive_.get(), &entry_);
    if (status == ARCHIVE_EOF) return nullptr;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) broken();  // a warning is about the name's encoding
    require(++entries_ <= limits_.entries, ErrorKind::Data, name_, ": the archive holds more than ",
            limits_.entries, " entries");
    done_ = 0;
    // Passing over an entry of a compressed tar unpacks it, so the size is checked for every one.
    if (archive_entry_size_is_set(entry_)) check(static_cast<uint64_t>(archive_entry_size(entry_)), path());
    return path();
  }

  bool is_file() const { return single() || archive_entry_filetype(entry_) == AE_IFREG; }
  bool single() const { return archive_format(archive_.get()) == ARCHIVE_FORMAT_RAW; }

  // The next bytes of the entry; 0 at its end.
  size_t read_some(char* to, size_t room) {
    const la_ssize_t got = archive_read_data(archive_.get(), to, room);
    if (got < 0) broken();
    done_ += static_cast<uint64_t>(got);
    check(done_, path());
    require(got > 0 || done_ > 0, ErrorKind::Data, name_, ": entry '", single() ? "" : path(), "' is empty");
    return static_cast<size_t>(got);
  }
  std::string read() {
    std::string bytes;
    std::vector<char> piece(size_t{1} << 18);
    while (const size_t got = read_some(piece.data(), piece.size())) bytes.append(piece.data(), got);
    return bytes;
  }

 private:
  Reader(bool zip, uint64_t size, const std::string& name, const UnpackLimits& limits)
      : zip_(zip), size_(size), name_(name), limits_(limits), archive_(archive_read_new()) {
    require(archive_ != nullptr, ErrorKind::Memory, name, ": no memory to unpack it");
    if (zip) {
      // Only by the directory at the end of the file: read from the front, a zip that lost its end looks
      // whole.
      archive_read_support_format_zip_seekable(archive_.get());
    } else {
      archive_read_support_filter_all(archive_.get());
      archive_read_support_format_tar(archive_.get());
      archive_read_support_format_raw(archive_.get());
    }
  }

  const char* path() const {
    const char* text = archive_entry_pathname(entry_);
    return text ? text : "";
  }

  void check(uint64_t size, const char* what) const {
    require(size <= limits_.bytes, ErrorKind::Data, name_, ": entry '", what, "' unpacks to more than ",
            limits_.bytes, " bytes, the limit");
    require(size <= limits_.free_bytes || size / limits_.ratio <= size_, ErrorKind::Data, name_, ": entry '",
            what, "' unpacks to at least ", size, " bytes from an archive of ", size_,
            ", more than the limit of ", limits_.ratio, " times; this looks like a zip bomb");
  }

  [[noreturn]] void broken() const {
    const char* reason = archive_error_string(archive_.get());
    if (zip_ && entries_ == 0)
      fail(ErrorKind::Data, name_, ": a zip archive without its directory; is the file truncated?");
    fail(ErrorKind::Data, name_, ": the archive is truncated or damaged (",
         reason ? reason : "no reason given", ")");
  }

  bool zip_;
  uint64_t size_;  // of the archive
  std::string name_;
  UnpackLimits limits_;
  Archive archive_;
  archive_entry* entry_ = nullptr;
  int64_t entries_ = 0;
  uint64_t done_ = 0;  // bytes of the entry that have been read
};

// The paths of the files; one empty name for a file packed on its own.
std::vector<std::string> files_in(Reader& reader) {
  std::vector<std::string> files;
  while (const char* path = reader.next()) {
    if (reader.single()) return {""};
    if (reader.is_file()) files.emplace_back(path);
  }
  return files;
}

// libarchive takes a zip that holds nothing for a broken one.
bool is_empty_zip(std::string_view head) { return head.starts_with("PK\x05\x06"); }

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
  std::string passed;
  if (is_empty_zip(packed)) return passed;
  Reader reader(packed, name, limits);
  uint64_t bytes = 0;
  while (const char* path = reader.next()) {
    const std::string entry = path;
    if (reader.is_file() && (reader.single() || wanted(entry))) {
      ArchiveEntry found{reader.single() ? "" : entry, reader.read()};
      bytes += found.bytes.size();
      require(bytes <= limits.bytes, ErrorKind::Data, name, ": the entries unpack to more than ",
              limits.bytes, " bytes, the limit");
      if (!use(std::move(found))) break;
    } else {
      add_name(passed, entry);
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

std::vector<std::string> archive_files(std::string_view packed, const std::string& name,
                                       const UnpackLimits& limits) {
  require(looks_packed(packed), ErrorKind::Data, name, ": not a zip, tar, gz, xz, bz2 or zstd file");
  if (is_empty_zip(packed)) return {};
  Reader reader(packed, name, limits);
  return files_in(reader);
}

struct UnpackedFile::State {
  InputFile file;
  std::string head;  // the first bytes of a plain file, as long as nobody has read them
  std::unique_ptr<Reader> reader;
};

namespace {

// Enough for looks_packed.
std::string read_head(InputFile& file) {
  std::string head(512, '\0');
  size_t size = 0;
  while (const size_t got = file.read_some(head.data() + size, head.size() - size)) size += got;
  head.resize(size);
  return head;
}

std::unique_ptr<Reader> reader_of(const InputFile& file, std::string_view head, const std::string& name,
                                  const UnpackLimits& limits) {
  require(lseek(file.descriptor(), 0, SEEK_SET) == 0, ErrorKind::Data, name,
          ": packed data cannot be read from a pipe; name a file");
  return std::make_unique<Reader>(head, file.descriptor(), file.size(), name, limits);
}

}  // namespace

UnpackedFile::UnpackedFile(const std::filesystem::path& path, const std::string& description,
                           const std::function<bool(std::string_view)>& wanted, const UnpackLimits& limits)
    : source_(path.string()), state_(new State{InputFile(path), {}, {}}) {
  state_->head = read_head(state_->file);
  require(!state_->head.empty(), ErrorKind::Data, source_, ": the file is empty");
  if (!looks_packed(state_->head)) return;
  require(!is_empty_zip(state_->head), ErrorKind::Data, source_, ": no ", description,
          " in the archive, which holds nothing");
  state_->reader = reader_of(state_->file, state_->head, source_, limits);
  const std::string entry = state_->reader->find(description, wanted);
  if (!entry.empty()) source_ += " (" + entry + ")";
}

UnpackedFile::~UnpackedFile() = default;

size_t UnpackedFile::read_some(char* to, size_t room) {
  if (state_->reader) return state_->reader->read_some(to, room);
  if (state_->head.empty()) return state_->file.read_some(to, room);
  const size_t size = std::min(room, state_->head.size());
  std::copy_n(state_->head.data(), size, to);
  state_->head.erase(0, size);
  return size;
}

std::vector<std::string> archive_entries(const std::filesystem::path& path, const UnpackLimits& limits) {
  InputFile file(path);
  const std::string head = read_head(file);
  if (!looks_packed(head) || is_empty_zip(head)) return {};
  const auto reader = reader_of(file, head, path.string(), limits);
  std::vector<std::string> entries = files_in(*reader);
  return reader->single() ? std::vector<std::string>() : entries;
}

bool is_entry_named(std::string_view path, std::string_view file) {
  if (!path.ends_with(file)) return false;
  return path.size() == file.size() || path[path.size() - file.size() - 1] == '/';
}

}  // namespace octet
