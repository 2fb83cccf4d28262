// Archives made on the spot, so that the tests need none in the tree.
#pragma once

#include <string>
#include <vector>

namespace octet::testing {

enum class Pack { Zip, Tar, TarGz, Gz, Xz };

struct PackedFile {
  std::string name, bytes;
};

// Gz and Xz take one file and lose its name.
std::string pack(Pack as, const std::vector<PackedFile>& files);

}  // namespace octet::testing
