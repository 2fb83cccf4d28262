#include "datasets/fetch.h"

#include <string>

#include "core/error.h"
#include "datasets/download.h"
#include "datasets/part_file.h"
#include "datasets/sha256.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

// For messages: what of the part stays for the next run. An empty part does not.
std::string kept(PartFile& part, const RemoteFile& file) {
  if (part.size() == 0) {
    part.remove();
    return "";
  }
  std::ostringstream text;
  text << "; " << part.size() << " of " << file.bytes << " bytes are kept in " << part.path().string()
       << ", and the same command goes on from there";
  return text.str();
}

// Fills the part up to its size. True if every byte of it came just now.
bool fill(const RemoteFile& file, const FetchOptions& options, PartFile& part) {
  const DownloadRequest request{std::string(file.url), file.bytes, options.progress, options.connect_seconds,
                                options.stall_seconds};
  bool fresh = part.size() == 0;
  for (int broken = 0;;) {
    if (!fresh && part.size() == file.bytes) return false;  // only the check is left to be done
    const DownloadResult result = download(request, part);
    fresh = fresh || result.restarted;
    switch (result.outcome) {
      case DownloadOutcome::Complete:
        return fresh;
      case DownloadOutcome::RangeRefused:
        require(part.clear(), ErrorKind::Internal, part.path().string(), ": cannot write, ",
                part.write_error());
        fresh = true;
        break;
      case DownloadOutcome::Broken:
        if (++broken < options.attempts) break;
        fail(ErrorKind::Data, file.url, ": ", result.reason, ", given up after ", broken, " attempts",
             kept(part, file));
      case DownloadOutcome::Refused:
        fail(ErrorKind::Data, file.url, ": the server refuses (", result.reason, ")", kept(part, file));
      case DownloadOutcome::Unreachable:
        fail(ErrorKind::Data, file.url, ": ", result.reason, "; is there a network?", kept(part, file));
      case DownloadOutcome::TooLong:
        part.remove();
        fail(ErrorKind::Data, file.url, ": the server sends more than the ", file.bytes,
             " bytes that are known of this file; nothing is kept");
      case DownloadOutcome::CannotWrite:
        fail(ErrorKind::Internal, part.path().string(), ": cannot write, ", part.write_error(),
             kept(part, file));
      case DownloadOutcome::Cancelled:
        fail(ErrorKind::Data, file.url, ": cancelled", kept(part, file));
    }
  }
}

// What is wrong with the bytes of the part; empty if nothing. The hash decides, the size explains.
std::string fault(const RemoteFile& file, const PartFile& part) {
  const std::string hash = sha256_file(part.path());
  if (hash == file.sha256) return "";
  std::ostringstream text;
  if (part.size() != file.bytes) {
    text << part.size() << " bytes where " << file.bytes << " are known of this file";
  } else {
    text << "SHA-256 " << hash << " where " << file.sha256 << " is known of this file";
  }
  return text.str();
}

bool is_there(const fs::path& target, const RemoteFile& file) {
  std::error_code ignored;
  return fs::is_regular_file(target, ignored) && sha256_file(target) == file.sha256;
}

}  // namespace

FetchResult fetch(const RemoteFile& file, const FetchOptions& options) {
  require(!options.folder.empty(), "data fetch: no folder to write to; is HOME set?");
  std::error_code error;
  fs::create_directories(options.folder, error);
  require(!error, ErrorKind::Internal, options.folder.string(), ": cannot create the folder, ",
          error.message());

  FetchResult result{options.folder / file.file_name};
  if (is_there(result.path, file)) return result;
  PartFile part(result.path);
  if (is_there(result.path, file)) {  // another fetch ended while this one waited to begin
    part.remove();
    return result;
  }
  if (part.size() > file.bytes)
    require(part.clear(), ErrorKind::Internal, part.path().string(), ": cannot write, ", part.write_error());
  result.downloaded = true;
  result.resumed_from = part.size();
  for (;;) {
    const bool fresh = fill(file, options, part);
    if (fresh) result.resumed_from = 0;
    const std::string wrong = fault(file, part);
    if (wrong.empty()) {
      part.finish();
      return result;
    }
    if (fresh) {
      part.remove();
      fail(ErrorKind::Data, file.url, ": ", wrong, "; nothing is kept");
    }
    require(part.clear(), ErrorKind::Internal, part.path().string(), ": cannot write, ", part.write_error());
  }
}

}  // namespace octet
