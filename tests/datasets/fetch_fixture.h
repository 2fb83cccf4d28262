// A folder, a table line for the file of a server, and what a fetch must leave behind.
#pragma once

#include <cstdlib>

#include "core/error.h"
#include "core/rng.h"
#include "datasets/fetch.h"
#include "datasets/sha256.h"
#include "tests/datasets/http_server.h"
#include "tests/support/support.h"

namespace octet::testing {
namespace fs = std::filesystem;

inline std::string random_bytes(size_t n, uint64_t seed = 1) {
  Rng rng(seed);
  std::string bytes;
  while (bytes.size() < n) bytes.push_back(static_cast<char>(rng.next_u32()));
  return bytes;
}

inline const std::string kBody = random_bytes(100'000);

struct FetchFixture {
  TemporaryFolder folder;
  std::string url, hash = sha256_hex(kBody);
  FetchOptions options;

  explicit FetchFixture(std::string address) : url(std::move(address)) {
    setenv("no_proxy", "127.0.0.1", 1);
    options.folder = folder / "cache" / "octet";
    options.connect_seconds = 5;
    options.stall_seconds = 2;
  }
  explicit FetchFixture(const HttpServer& server) : FetchFixture(server.url()) {}

  RemoteFile file() const { return {"test", url, "file.zip", kBody.size(), hash, "none"}; }
  FetchResult get() const { return fetch(file(), options); }
  fs::path target() const { return options.folder / "file.zip"; }
  fs::path part() const { return options.folder / "file.zip.part"; }
  void leave_part(const std::string& bytes) const {
    fs::create_directories(options.folder);
    write_file(part(), bytes);
  }
  void check_complete() const {
    CHECK(read_file(target()) == kBody);
    CHECK(!fs::exists(part()));
  }
  void check_nothing_kept() const {
    CHECK(!fs::exists(target()));
    CHECK(!fs::exists(part()));
  }
};

using Ranges = std::vector<std::string>;

}  // namespace octet::testing
