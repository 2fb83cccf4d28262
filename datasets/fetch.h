// Downloads a file so that it is there whole and verified, or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "datasets/remote_files.h"

namespace octet {

struct FetchOptions {
  std::filesystem::path folder;  // created when missing
  // Called several times a second with the bytes at hand and the bytes wanted; false cancels.
  std::function<bool(uint64_t done, uint64_t total)> progress;
  int connect_seconds = 30;
  int stall_seconds = 30;  // gives up when nothing at all arrives for so long
  int attempts = 3;        // for broken connections; each goes on where the last one stopped
};

struct FetchResult {
  std::filesystem::path path;
  bool downloaded = false;    // false: it was there already, with the right hash
  uint64_t resumed_from = 0;  // bytes that were left by an earlier run and kept
};

// Writes to FILE.part (locked against a second fetch), goes on where an earlier run stopped if the server
// can, checks size and SHA-256, forces the bytes to disk and renames. A resumed file that fails the check is
// fetched once more from the start, because the old part may be at fault. Errors: Data - no network, an HTTP
// status (both keep the part for the next run), wrong size or hash (keeps nothing), cancelled; Internal -
// cannot write, disk full, another fetch at work, libcurl missing.
FetchResult fetch(const RemoteFile& file, const FetchOptions& options);

}  // namespace octet
