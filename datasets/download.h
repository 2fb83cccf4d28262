// One HTTP request into a PartFile. What a failure means for the file is decided in fetch.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "datasets/part_file.h"

namespace octet {

struct DownloadRequest {
  std::string url;
  uint64_t bytes = 0;  // size of the whole file; more than that is refused
  std::function<bool(uint64_t done, uint64_t total)> progress;  // false cancels
  int connect_seconds = 30;
  int stall_seconds = 30;
};

enum class DownloadOutcome {
  Complete,
  Broken,        // the connection broke or stalled: worth another attempt
  RangeRefused,  // the server cannot go on at the part's end
  Refused,       // any other HTTP status
  Unreachable,   // no network, unknown host, no TLS
  TooLong,
  CannotWrite,
  Cancelled,
};

struct DownloadResult {
  DownloadOutcome outcome;
  std::string reason;  // for people
  bool restarted =
      false;  // the part's old bytes were dropped, the server having sent the file from its start
};

// Appends to `part`, asking for the bytes after those it has.
DownloadResult download(const DownloadRequest& request, PartFile& part);

}  // namespace octet
