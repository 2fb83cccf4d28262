// The data files that `octet data fetch` knows: one line of a table each, from the data set's own home.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace octet {

struct RemoteFile {
  std::string_view name;  // of the data set: octet data fetch <name>
  std::string_view url;
  std::string_view file_name;  // in the cache folder, as downloaded
  uint64_t bytes;
  std::string_view sha256;   // of the file as downloaded
  std::string_view licence;  // and source, shown before the download
};

std::span<const RemoteFile> remote_files();

// Error (Usage) for an unknown name, with the known ones.
const RemoteFile& remote_file(std::string_view name);

}  // namespace octet
