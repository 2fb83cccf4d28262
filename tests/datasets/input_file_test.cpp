#include "datasets/input_file.h"

#include <unistd.h>

#include "core/error.h"
#include "datasets/archive.h"
#include "datasets/sha256.h"
#include "datasets/utf8.h"
#include "tests/datasets/pack.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

const auto anything = [](std::string_view) { return true; };

std::string unpack(std::string_view packed, const std::string& wanted = "data.csv",
                   const UnpackLimits& limits = {}) {
  return read_archive_entry(
             packed, "a.zip", wanted, [&](auto path) { return is_entry_named(path, wanted); }, limits)
      .bytes;
}

std::string text_of(size_t bytes) {  // packs about 10 times
  std::string text;
  for (size_t i = 0; text.size() < bytes; ++i)
    text += "row " + std::to_string(i * 7919 % 100003) + ", some text\n";
  return text;
}

}  // namespace

TEST_CASE("a file is read byte for byte") {
  TemporaryFolder folder;
  const std::string bytes("a\0b\r\n\xFF", 6);
  write_file(folder / "f", bytes);
  CHECK(read_input_file(folder / "f") == bytes);
}

TEST_CASE("a missing file, a folder, an empty and an unreadable file are told apart") {
  TemporaryFolder folder;
  write_file(folder / "empty", "");
  std::filesystem::create_symlink("loop", folder / "loop");
  CHECK_ERROR(ErrorKind::Data, (folder / "none").string() + ": no such file",
              read_input_file(folder / "none"));
  CHECK_ERROR(ErrorKind::Data, "this is a folder, a file is wanted", read_input_file(folder.path()));
  CHECK_ERROR(ErrorKind::Data, (folder / "empty").string() + ": the file is empty",
              read_input_file(folder / "empty"));
  CHECK_ERROR(ErrorKind::Data, "cannot open, Too many levels of symbolic links",
              read_input_file(folder / "loop"));
  CHECK_ERROR(ErrorKind::Data, "cannot read, Input/output error", read_input_file("/proc/self/mem"));
  if (geteuid() != 0) {  // root may read everything
    write_file(folder / "closed", "x");
    std::filesystem::permissions(folder / "closed", std::filesystem::perms::none);
    CHECK_ERROR(ErrorKind::Data, "cannot open, Permission denied", read_input_file(folder / "closed"));
  }
}

TEST_CASE("the size limit holds for files and for endless streams") {
  TemporaryFolder folder;
  write_file(folder / "f", std::string(1001, 'x'));
  CHECK(read_input_file(folder / "f", 1001).size() == 1001);
  CHECK_ERROR(ErrorKind::Data, "more than 1000 bytes, the limit", read_input_file(folder / "f", 1000));
  CHECK_ERROR(ErrorKind::Data, "/dev/zero: more than 5000000 bytes", read_input_file("/dev/zero", 5'000'000));
}

TEST_CASE("an entry is found by name in zip, tar and tar.gz, also inside a folder") {
  const std::string text = text_of(100'000);
  const std::vector<PackedFile> files = {
      {"folder/", ""}, {"folder/readme", "hello"}, {"folder/data.csv", text}};
  for (const Pack as : {Pack::Zip, Pack::Tar, Pack::TarGz}) {
    const std::string packed = pack(as, files);
    REQUIRE(looks_packed(packed));
    CHECK(unpack(packed) == text);
    CHECK(unpack(packed, "readme") == "hello");
  }
  CHECK(!is_entry_named("folder/other-data.csv", "data.csv"));
}

TEST_CASE("a file packed on its own with gz or xz needs no name") {
  const std::string text = text_of(100'000);
  for (const Pack as : {Pack::Gz, Pack::Xz}) {
    const std::string packed = pack(as, {{"", text}});
    REQUIRE(looks_packed(packed));
    const ArchiveEntry entry = read_archive_entry(packed, "x.gz", "data.csv", [](auto) { return false; });
    CHECK(entry.bytes == text);
    CHECK(entry.name.empty());
  }
}

TEST_CASE("an archive without the wanted entry says what it holds") {
  const std::string packed = pack(Pack::Zip, {{"readme", "hello"}, {"other.txt", "x"}});
  CHECK_ERROR(ErrorKind::Data, "a.zip: no data.csv in the archive, which holds readme, other.txt",
              unpack(packed));
  CHECK_ERROR(ErrorKind::Data, "which holds nothing", unpack(pack(Pack::Zip, {})));
  CHECK_ERROR(ErrorKind::Data, "no data.csv", unpack(pack(Pack::Zip, {{"data.csv/", ""}})));
  CHECK_ERROR(ErrorKind::Data, "entry 'data.csv' is empty", unpack(pack(Pack::Zip, {{"data.csv", ""}})));
}

TEST_CASE("an archive that is truncated anywhere is refused") {
  const std::string text = text_of(50'000);
  const std::string zip = pack(Pack::Zip, {{"data.csv", text}, {"readme", "hello"}});
  CHECK_ERROR(ErrorKind::Data, "a.zip: a zip archive without its directory; is the file truncated?",
              unpack(zip.substr(0, zip.size() / 2)));
  for (size_t cut = 1; cut < 200; cut += 13)
    CHECK_THROWS_AS(unpack(zip.substr(0, zip.size() - 23 - cut)), Error);
  for (const Pack as : {Pack::Gz, Pack::Xz}) {
    const std::string packed = pack(as, {{"", text}});
    for (const size_t size : {packed.size() / 4, packed.size() / 2, packed.size() - 20})
      CHECK_ERROR(ErrorKind::Data, "truncated or damaged", unpack(packed.substr(0, size)));
  }
  const std::string tar = pack(Pack::Tar, {{"data.csv", text}});
  CHECK_ERROR(ErrorKind::Data, "truncated or damaged", unpack(tar.substr(0, 20'000)));
}

TEST_CASE("a damaged zip entry fails its checksum") {
  std::string zip = pack(Pack::Zip, {{"data.csv", text_of(50'000)}});
  zip[zip.size() / 2] = static_cast<char>(zip[zip.size() / 2] ^ 0x10);
  CHECK_ERROR(ErrorKind::Data, "truncated or damaged", unpack(zip));
}

TEST_CASE("a zip bomb is stopped by ratio and by size, with the numbers") {
  const std::string zeros(64 << 20, '0');
  const std::string bomb = pack(Pack::Zip, {{"data.csv", zeros}});
  REQUIRE(bomb.size() < 100'000);
  CHECK_ERROR(ErrorKind::Data,
              "from an archive of " + std::to_string(bomb.size()) + ", more than the limit of 200 times",
              unpack(bomb));
  CHECK_ERROR(ErrorKind::Data, "entry 'data.csv' unpacks to more than 1000000 bytes, the limit",
              unpack(bomb, "data.csv", {.bytes = 1'000'000}));
  CHECK(unpack(bomb, "data.csv", {.ratio = 2000}).size() == zeros.size());
  CHECK_ERROR(ErrorKind::Data, "zip bomb",
              unpack(pack(Pack::Gz, {{"", zeros}})));  // a size that no header tells
  CHECK_ERROR(ErrorKind::Data, "zip bomb", unpack(pack(Pack::TarGz, {{"x", zeros}, {"data.csv", "a"}})));
}

TEST_CASE("an archive of very many entries is refused") {
  std::vector<PackedFile> files;
  for (int i = 0; i < 30; ++i) files.push_back({std::to_string(i), "x"});
  CHECK_ERROR(ErrorKind::Data, "holds more than 20 entries",
              unpack(pack(Pack::Zip, files), "none", {.entries = 20}));
}

TEST_CASE("what is not packed is not taken for an archive") {
  for (const char* text : {"ham\thello\n", "", "P", "PK", "\"type\",\"text\"\n"}) CHECK(!looks_packed(text));
  CHECK_ERROR(ErrorKind::Data, "a.zip: not a zip", read_archive_entry("hello", "a.zip", "x", anything));
  CHECK_ERROR(ErrorKind::Data, "a.zip",
              read_archive_entry("PK\x03\x04 and nothing else", "a.zip", "x", anything));
}

TEST_CASE("SHA-256 matches the published test vectors") {  // FIPS 180-4 examples
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256_hex(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 in pieces is that of the whole, and starts afresh") {
  TemporaryFolder folder;
  const std::string bytes = text_of(3'000'000);
  write_file(folder / "f", bytes);
  Sha256 hash;
  for (size_t i = 0; i < bytes.size(); i += 777) hash.update(std::string_view(bytes).substr(i, 777));
  CHECK(hash.hex() == sha256_hex(bytes));
  CHECK(hash.hex() == sha256_hex(""));
  CHECK(sha256_file(folder / "f") == sha256_hex(bytes));
  CHECK_ERROR(ErrorKind::Data, "no such file", sha256_file(folder / "none"));
}
