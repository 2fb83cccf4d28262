#include "tests/datasets/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <doctest/doctest.h>

namespace octet::testing {
namespace {

la_ssize_t append(archive*, void* to, const void* bytes, size_t count) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), count);
  return static_cast<la_ssize_t>(count);
}

}  // namespace

std::string pack(Pack as, const std::vector<PackedFile>& files) {
  archive* a = archive_write_new();
  switch (as) {
    case Pack::Zip:
      archive_write_set_format_zip(a);
      break;
    case Pack::Tar:
      archive_write_set_format_ustar(a);
      break;
    case Pack::TarGz:
      archive_write_set_format_ustar(a), archive_write_add_filter_gzip(a);
      break;
    case Pack::Gz:
      archive_write_set_format_raw(a), archive_write_add_filter_gzip(a);
      break;
    case Pack::Xz:
      archive_write_set_format_raw(a), archive_write_add_filter_xz(a);
      break;
  }
  archive_write_set_bytes_in_last_block(a, 1);
  std::string out;
  REQUIRE(archive_write_open(a, &out, nullptr, append, nullptr) == ARCHIVE_OK);
  for (const PackedFile& file : files) {
    archive_entry* entry = archive_entry_new();
    const bool folder = file.name.ends_with('/');
    archive_entry_set_pathname(entry, file.name.c_str());
    archive_entry_set_filetype(entry, folder ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(file.bytes.size()));
    REQUIRE(archive_write_header(a, entry) == ARCHIVE_OK);
    REQUIRE(archive_write_data(a, file.bytes.data(), file.bytes.size()) ==
            static_cast<la_ssize_t>(file.bytes.size()));
    archive_entry_free(entry);
  }
  REQUIRE(archive_write_free(a) == ARCHIVE_OK);
  return out;
}

}  // namespace octet::testing
