// SHA-256 (FIPS 180-4), the identity of data and weights files.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace octet {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  std::string hex();  // 64 lower-case digits of all bytes so far; starts afresh

 private:
  struct State;  // the library's own, kept out of this header
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);

// Of a file, read in pieces. Errors (Data): missing, a folder, unreadable.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace octet
