#include "tests/support/xz.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <vector>

#include "tests/support/support.h"

namespace octet::testing {

std::string read_xz(const std::filesystem::path& path) {
  const std::unique_ptr<archive, int (*)(archive*)> in(archive_read_new(), archive_read_free);
  REQUIRE(in != nullptr);
  archive_read_support_filter_xz(in.get());
  archive_read_support_format_raw(in.get());
  archive_entry* entry = nullptr;
  const bool opened = archive_read_open_filename(in.get(), path.c_str(), 1 << 16) == ARCHIVE_OK &&
                      archive_read_next_header(in.get(), &entry) == ARCHIVE_OK;
  REQUIRE_MESSAGE(opened, "cannot read " << path.string() << ": " << archive_error_string(in.get()));

  std::string out;
  std::vector<char> buffer(1 << 16);
  la_ssize_t size = 0;
  while ((size = archive_read_data(in.get(), buffer.data(), buffer.size())) > 0)
    out.append(buffer.data(), static_cast<size_t>(size));
  REQUIRE_MESSAGE(size == 0, "cannot unpack " << path.string() << ": " << archive_error_string(in.get()));
  return out;
}

}  // namespace octet::testing
