#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/datasets/fetch_fixture.h"

using namespace octet;
using namespace octet::testing;

TEST_CASE("an HTTP error keeps the part and never the error page") {
  for (const int status : {404, 500}) {
    HttpServer server(kBody, {.status = status});
    FetchFixture f(server);
    CHECK_ERROR(ErrorKind::Data,
                "the server refuses (The requested URL returned error: " + std::to_string(status), f.get());
    f.check_nothing_kept();
    f.leave_part(kBody.substr(0, 100));
    CHECK_ERROR(ErrorKind::Data, "100 of 100000 bytes are kept", f.get());
    CHECK(read_file(f.part()) == kBody.substr(0, 100));
  }
}

TEST_CASE("a wrong hash keeps nothing and shows both") {
  std::string other = kBody;
  other[77'777] ^= 4;
  HttpServer server(other);
  FetchFixture f(server);
  CHECK_ERROR(ErrorKind::Data,
              "SHA-256 " + sha256_hex(other) + " where " + f.hash + " is known of this file; nothing is kept",
              f.get());
  CHECK(server.ranges().size() == 1);
  f.check_nothing_kept();
}

TEST_CASE("a wrong size keeps nothing, and a server that sends too much is cut off") {
  HttpServer less(kBody.substr(0, 99'999)), more(random_bytes(5'000'000));
  FetchFixture f(less);
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
  CHECK_ERROR(ErrorKind::Data, "is there a network?", FetchFixture(closed).get());
  CHECK_ERROR(ErrorKind::Data, "is there a network?",
              FetchFixture("http://no-such-host.invalid/file.zip").get());
  CHECK_ERROR(ErrorKind::Data, "Protocol", FetchFixture("file:///etc/hostname").get());
}

TEST_CASE("a cancelled fetch keeps its part for the next") {
  HttpServer server(random_bytes(100'000, 1), {.stall = true});
  FetchFixture f(server);
  f.options.progress = [](uint64_t done, uint64_t) { return done < 10'000; };
  CHECK_ERROR(ErrorKind::Data, ": cancelled; ", f.get());
  CHECK(!fs::exists(f.target()));
  CHECK(fs::file_size(f.part()) >= 10'000);
}

TEST_CASE("a second fetch of the same file at the same time is refused") {
  HttpServer server(kBody);
  FetchFixture f(server);
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
  FetchFixture f(server);
  write_file(f.folder / "cache", "a file");
  CHECK_ERROR(ErrorKind::Internal, "cannot create the folder", f.get());
  f.options.folder = "/proc";
  CHECK_ERROR(ErrorKind::Internal, "/proc/file.zip.part: cannot write", f.get());
  f.options.folder = "";
  CHECK_ERROR(ErrorKind::Usage, "is HOME set?", f.get());
}

TEST_CASE("a file size limit in the middle of a fetch is reported, and the rest comes later") {
  HttpServer server(kBody);
  FetchFixture f(server);
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
  FetchFixture f(server);
  fs::create_directories(f.options.folder);
  if (mount("tmpfs", f.options.folder.c_str(), "tmpfs", 0, "size=64k") != 0) {
    MESSAGE("mounting a small disk needs root; the size limit above stands in");
    return;
  }
  CHECK_ERROR(ErrorKind::Internal, f.part().string() + ": cannot write, No space left on device", f.get());
  CHECK(!fs::exists(f.target()));
  CHECK(umount(f.options.folder.c_str()) == 0);
}
