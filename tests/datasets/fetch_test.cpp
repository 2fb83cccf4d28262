#include "tests/datasets/fetch_fixture.h"

using namespace octet;
using namespace octet::testing;

TEST_CASE("a file is fetched whole, into a folder that is made for it, with progress") {
  HttpServer server(kBody);
  FetchFixture f(server);
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
  FetchFixture f(server);
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
  FetchFixture f(server);
  f.leave_part(kBody.substr(0, 60'000));
  CHECK(f.get().resumed_from == 60'000);
  CHECK(server.ranges() == Ranges{"bytes=60000-"});
  f.check_complete();
}

TEST_CASE("a server that ignores ranges sends the file from its start, and that is noticed") {
  HttpServer server(kBody, {.ranges = false});
  FetchFixture f(server);
  f.leave_part(kBody.substr(0, 60'000));
  CHECK(f.get().resumed_from == 0);
  CHECK(server.ranges() == Ranges{"bytes=60000-"});
  f.check_complete();
}

TEST_CASE("an answer from the wrong place is not appended") {
  HttpServer server(kBody, {.wrong_range = true});
  FetchFixture f(server);
  f.leave_part(kBody.substr(0, 60'000));
  f.get();
  CHECK(server.ranges() == Ranges{"bytes=60000-", ""});
  f.check_complete();
}

TEST_CASE("a part that was complete already is only checked") {
  HttpServer server(kBody);
  FetchFixture f(server);
  f.leave_part(kBody);
  CHECK(f.get().resumed_from == kBody.size());
  CHECK(server.ranges().empty());
  f.check_complete();
}

TEST_CASE("a part of another file, also one that is too long, is found out by the hash and fetched afresh") {
  for (const size_t size : {60'000, 100'000, 100'001}) {
    HttpServer server(kBody);
    FetchFixture f(server);
    f.leave_part(random_bytes(size, 2));
    CHECK(f.get().resumed_from == 0);
    CHECK(server.ranges().back().empty());
    f.check_complete();
  }
}

TEST_CASE("a server that has less than the part refuses the range and is asked for all") {
  HttpServer server(kBody.substr(0, 50'000));
  FetchFixture f(server);
  f.leave_part(kBody.substr(0, 60'000));
  CHECK_ERROR(ErrorKind::Data, "50000 bytes where 100000 are known of this file; nothing is kept", f.get());
  CHECK(server.ranges() == Ranges{"bytes=60000-", ""});
  f.check_nothing_kept();
}

TEST_CASE("a broken connection is taken up again in the same run") {
  HttpServer server(kBody, {.break_after = 30'000, .breaks = 2});
  FetchFixture f(server);
  CHECK(f.get().downloaded);
  const Ranges ranges = server.ranges();
  REQUIRE(ranges.size() == 3);
  CHECK(ranges[1] == "bytes=30000-");
  CHECK(ranges[2] == "bytes=60000-");
  f.check_complete();
}

TEST_CASE("a connection that keeps breaking is given up, and the next run goes on") {
  FetchFixture f("");
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
  FetchFixture f(server);
  f.options.stall_seconds = 1;
  f.options.attempts = 1;
  CHECK_ERROR(ErrorKind::Data, "given up after 1 attempts; 50000 of 100000 bytes are kept", f.get());
}

TEST_CASE("redirections and answers without a length are followed") {
  HttpServer server(kBody, {.chunked = true, .redirect = true});
  FetchFixture f(server.url("/redirect"));
  f.get();
  CHECK(server.ranges().size() == 2);
  f.check_complete();
}

TEST_CASE("the table of remote files is well formed, and an unknown name lists the known ones") {
  for (const RemoteFile& file : remote_files()) {
    CHECK(file.url.starts_with("https://"));
    CHECK(file.sha256.size() == 64);
    CHECK(file.bytes > 0);
    CHECK(file.file_name.find('/') == std::string_view::npos);
  }
  CHECK(remote_file("sms").bytes == 203'415);
  CHECK(remote_file("imdb").bytes == 84'125'825);
  CHECK(remote_file("imdb").file_name == "aclImdb_v1.tar.gz");  // where read_imdb looks for it
  CHECK(remote_file("glove").bytes == 862'182'613);
  CHECK_ERROR(ErrorKind::Usage, "unknown data set 'spam', known are: sms, imdb, glove", remote_file("spam"));
}
