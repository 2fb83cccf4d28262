#include "datasets/fetch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include "core/error.h"
#include "core/rng.h"
#include "datasets/sha256.h"
#include "tests/datasets/http_server.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

std::string random_bytes(size_t n, uint64_t seed = 1) {
  Rng rng(seed);
  std::string bytes;
  while (bytes.size() < n) bytes.push_back(static_cast<char>(rng.next_u32()));
  return bytes;
}

const std::string kBody = random_bytes(100'000);

// A folder, and a table line for the file of a server.
struct Fixture {
  TemporaryFolder folder;
  std::string url, hash = sha256_hex(kBody);
  FetchOptions options;

  explicit Fixture(std::string address) : url(std::move(address)) {
    setenv("no_proxy", "127.0.0.1", 1);
    options.folder = folder / "cache" / "octet";
    options.connect_seconds = 5;
    options.stall_seconds = 2;
  }
  explicit Fixture(const HttpServer& server) : Fixture(server.url()) {}

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

}  // namespace

TEST_CASE("a file is fetched whole, into a folder that is made for it, with progress") {
  HttpServer server(kBody);
  Fixture f(server);
  uint64_t last = 0, total = 0;
  f.options.progress = [&](uint64_t done, uint64_t wanted) {
    CHECK(done >= last);
    last = done, total = wanted;
    return true;
  };
  const FetchResult result = f.get();
  CHECK(result.path == f.target());
  CHECK(result.downloaded);
  CHECK(result.resumed_from == 0);
  CHECK(last == kBody.size());
  CHECK(total == kBody.size());
  f.check_complete();
}

TEST_CASE("a file that is there with the right hash is not fetched again, a damaged one is") {
  HttpServer server(kBody);
  Fixture f(server);
  f.get();
  CHECK(!f.get().downloaded);
  CHECK(server.ranges().size() == 1);
  std::string damaged = kBody;
  damaged[500] ^= 1;
  write_file(f.target(), damaged);
  CHECK(f.get().downloaded);
  f.check_complete();
}

TEST_CASE("a fetch goes on where an earlier one stopped") {
  HttpServer server(kBody);
  Fixture f(server);
  f.leave_part(kBody.substr(0, 60'000));
  CHECK(f.get().resumed_from == 60'000);
  CHECK(server.ranges() == Ranges{"bytes=60000-"});
  f.check_complete();
}

TEST_CASE("a server that ignores ranges sends the file from its start, and that is noticed") {
  HttpServer server(kBody, {.ranges = false});
  Fixture f(server);
  f.leave_part(kBody.substr(0, 60'000));
  CHECK(f.get().resumed_from == 0);
  CHECK(server.ranges() == Ranges{"bytes=60000-"});
  f.check_complete();
}

TEST_CASE("an answer from the wrong place is not appended") {
  HttpServer server(kBody, {.wrong_range = true});
  Fixture f(server);
  f.leave_part(kBody.substr(0, 60'000));
  f.get();
  CHECK(server.ranges() == Ranges{"bytes=60000-", ""});
  f.check_complete();
}

TEST_CASE("a part that was complete already is only checked") {
  HttpServer server(kBody);
  Fixture f(server);
  f.leave_part(kBody);
  CHECK(f.get().resumed_from == kBody.size());
  CHECK(server.ranges().empty());
  f.check_complete();
}

TEST_CASE("a part of another file, also one that is too long, is found out by the hash and fetched afresh") {
  for (const size_t size : {60'000, 100'000, 100'001}) {
    HttpServer server(kBody);
    Fixture f(server);
    f.leave_part(random_bytes(size, 2));
    CHECK(f.get().resumed_from == 0);
    CHECK(server.ranges().back().empty());
    f.check_complete();
  }
}

TEST_CASE("a server that has less than the part refuses the range and is asked for all") {
  HttpServer server(kBody.substr(0, 50'000));
  Fixture f(server);
  f.leave_part(kBody.substr(0, 60'000));
  CHECK_ERROR(ErrorKind::Data, "50000 bytes where 100000 are known of this file; nothing is kept", f.get());
  CHECK(server.ranges() == Ranges{"bytes=60000-", ""});
  f.check_nothing_kept();
}

TEST_CASE("a broken connection is taken up again in the same run") {
  HttpServer server(kBody, {.break_after = 30'000, .breaks = 2});
  Fixture f(server);
  CHECK(f.get().downloaded);
  const Ranges ranges = server.ranges();
  REQUIRE(ranges.size() == 3);
  CHECK(ranges[1] == "bytes=30000-");
  CHECK(ranges[2] == "bytes=60000-");
  f.check_complete();
}

TEST_CASE("a connection that keeps breaking is given up, and the next run goes on") {
  Fixture f("");
  {
    HttpServer server(kBody, {.break_after = 20'000, .breaks = 100});
    f.url = server.url();
    CHECK_ERROR(ErrorKind::Data,
                "given up after 3 attempts; 60000 of 100000 bytes are kept in " + f.part().string(), f.get());
    CHECK(!fs::exists(f.target()));
  }
  HttpServer server(kBody);
  f.url = server.url();
  CHECK(f.get().resumed_from == 60'000);
  f.check_complete();
}

TEST_CASE("a server that falls silent is given up after the stall time") {
  HttpServer server(kBody, {.stall = true});
  Fixture f(server);
  f.options.stall_seconds = 1;
  f.options.attempts = 1;
  CHECK_ERROR(ErrorKind::Data, "given up after 1 attempts; 50000 of 100000 bytes are kept", f.get());
}

TEST_CASE("redirections and answers without a length are followed") {
  HttpServer server(kBody, {.chunked = true, .redirect = true});
  Fixture f(server.url("/redirect"));
  f.get();
  CHECK(server.ranges().size() == 2);
  f.check_complete();
}

TEST_CASE("an HTTP error keeps the part and never the error page") {
  for (const int status : {404, 500}) {
    HttpServer server(kBody, {.status = status});
    Fixture f(server);
    CHECK_ERROR(ErrorKind::Data,
                "the server refuses (The requested URL returned error: " + std::to_string(status), f.get());
    CHECK(!fs::exists(f.target()));
    CHECK(fs::file_size(f.part()) == 0);
    f.leave_part(kBody.substr(0, 100));
    CHECK_ERROR(ErrorKind::Data, "100 of 100000 bytes are kept", f.get());
    CHECK(read_file(f.part()) == kBody.substr(0, 100));
  }
}

TEST_CASE("a wrong hash keeps nothing and shows both") {
  std::string other = kBody;
  other[77'777] ^= 4;
  HttpServer server(other);
  Fixture f(server);
  CHECK_ERROR(ErrorKind::Data,
              "SHA-256 " + sha256_hex(other) + " where " + f.hash + " is known of this file; nothing is kept",
              f.get());
  CHECK(server.ranges().size() == 1);
  f.check_nothing_kept();
}

TEST_CASE("a wrong size keeps nothing, and a server that sends too much is cut off") {
  HttpServer less(kBody.substr(0, 99'999)), more(random_bytes(5'000'000));
  Fixture f(less);
  CHECK_ERROR(ErrorKind::Data, "99999 bytes where 100000 are known of this file; nothing is kept", f.get());
  f.check_nothing_kept();
  f.url = more.url();
  CHECK_ERROR(ErrorKind::Data, "the server sends more than the 100000 bytes", f.get());
  f.check_nothing_kept();
}

TEST_CASE("no network, an unknown host and a closed port are told as such") {
  std::string closed;
  {
    HttpServer server(kBody);
    closed = server.url();
  }
  CHECK_ERROR(ErrorKind::Data, "is there a network?", Fixture(closed).get());
  CHECK_ERROR(ErrorKind::Data, "is there a network?", Fixture("http://no-such-host.invalid/file.zip").get());
  CHECK_ERROR(ErrorKind::Data, "Protocol", Fixture("file:///etc/hostname").get());
}

TEST_CASE("a cancelled fetch keeps its part for the next") {
  HttpServer server(random_bytes(100'000, 1), {.stall = true});
  Fixture f(server);
  f.options.progress = [](uint64_t done, uint64_t) { return done < 10'000; };
  CHECK_ERROR(ErrorKind::Data, ": cancelled; ", f.get());
  CHECK(!fs::exists(f.target()));
  CHECK(fs::file_size(f.part()) >= 10'000);
}

TEST_CASE("a second fetch of the same file at the same time is refused") {
  HttpServer server(kBody);
  Fixture f(server);
  f.leave_part("");
  const int other = open(f.part().c_str(), O_RDWR);
  REQUIRE(flock(other, LOCK_EX) == 0);
  CHECK_ERROR(ErrorKind::Internal, "another fetch is writing this file", f.get());
  close(other);
  f.get();
  f.check_complete();
}

TEST_CASE("a folder that cannot be written to is an error of its own kind") {
  HttpServer server(kBody);
  Fixture f(server);
  write_file(f.folder / "cache", "a file");
  CHECK_ERROR(ErrorKind::Internal, "cannot create the folder", f.get());
  f.options.folder = "/proc";
  CHECK_ERROR(ErrorKind::Internal, "/proc/file.zip.part: cannot write", f.get());
  f.options.folder = "";
  CHECK_ERROR(ErrorKind::Usage, "is HOME set?", f.get());
}

TEST_CASE("a file size limit in the middle of a fetch is reported, and the rest comes later") {
  HttpServer server(kBody);
  Fixture f(server);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small{50'000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  CHECK_ERROR(ErrorKind::Internal, "cannot write, File too large; 50000 of 100000 bytes are kept", f.get());
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  CHECK(f.get().resumed_from == 50'000);
  f.check_complete();
}

TEST_CASE("a full disk is reported") {
  HttpServer server(kBody);
  Fixture f(server);
  fs::create_directories(f.options.folder);
  if (mount("tmpfs", f.options.folder.c_str(), "tmpfs", 0, "size=64k") != 0) {
    MESSAGE("mounting needs root; /dev/full and the size limit above stand in");
    return;
  }
  CHECK_ERROR(ErrorKind::Internal, f.part().string() + ": cannot write, No space left on device", f.get());
  CHECK(!fs::exists(f.target()));
  CHECK(umount(f.options.folder.c_str()) == 0);
}

TEST_CASE("the table of remote files is well formed, and an unknown name lists the known ones") {
  for (const RemoteFile& file : remote_files()) {
    CHECK(file.url.starts_with("https://"));
    CHECK(file.sha256.size() == 64);
    CHECK(file.bytes > 0);
    CHECK(file.file_name.find('/') == std::string_view::npos);
  }
  CHECK(remote_file("sms").bytes == 203'415);
  CHECK_ERROR(ErrorKind::Usage, "unknown data set 'spam', known are: sms", remote_file("spam"));
}
