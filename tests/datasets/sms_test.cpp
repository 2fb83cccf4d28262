#include "datasets/sms.h"

#include <algorithm>

#include "core/error.h"
#include "datasets/sha256.h"
#include "datasets/utf8.h"
#include "tests/datasets/pack.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

const std::string kUci =
    "ham\tHello you\nspam\tWin \"now\" \xC2\xA3"
    "100\nham\t\n";

int64_t count(const TextCorpus& corpus, int32_t label) {
  return std::count(corpus.labels.begin(), corpus.labels.end(), label);
}

void check_small(const TextCorpus& corpus) {
  CHECK(corpus.name == "sms");
  CHECK(corpus.label_names == std::vector<std::string>{"ham", "spam"});
  CHECK(corpus.labels == std::vector<int32_t>{0, 1, 0});
  CHECK(corpus.texts == std::vector<std::string>{"Hello you",
                                                 "Win \"now\" \xC2\xA3"
                                                 "100",
                                                 ""});
}

}  // namespace

TEST_CASE("the UCI file is 5,574 messages, 4,827 ham and 747 spam") {
  const auto path = NEED_DATA("SMSSpamCollection");
  const TextCorpus corpus = read_sms(path);
  CHECK(corpus.rows() == 5574);
  CHECK(count(corpus, 0) == 4827);
  CHECK(count(corpus, 1) == 747);
  CHECK(corpus.encoding == "UTF-8");
  CHECK(!corpus.generated);
  CHECK(corpus.path == path.string());
  CHECK(corpus.sha256 == "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d");
  CHECK(sms_as_uci(corpus) == read_file(path));  // nothing trimmed, nothing lost
  size_t longest = 0;
  for (const std::string& text : corpus.texts) longest = std::max(longest, text.size());
  CHECK(longest > 900);
}

TEST_CASE("the CSV file holds the same messages in the same order") {
  const TextCorpus csv = read_sms(NEED_DATA("sms_spam.csv"));
  const TextCorpus uci = read_sms(NEED_DATA("SMSSpamCollection"));
  CHECK(csv.sha256 == "f68d2d3f7cf0d382f6f8c922484db8c496bd610d2ae69dfd619011fad2479b01");
  CHECK(csv.encoding == "UTF-8");
  REQUIRE(csv.rows() == 5574);
  CHECK(csv.labels == uci.labels);
  int64_t same = 0;
  for (size_t i = 0; i < csv.texts.size(); ++i) same += csv.texts[i] == uci.texts[i];
  CHECK(same == 5364);
}

TEST_CASE("the layout is told by content: label-tab-text, either CSV header, zip, tar.gz, xz") {
  check_small(parse_sms(kUci, "x"));
  check_small(parse_sms("\xEF\xBB\xBF" + kUci, "x"));
  check_small(
      parse_sms("ham\tHello you\r\nspam\tWin \"now\" \xC2\xA3"
                "100\r\nham\t",
                "x"));
  const std::string csv =
      "\"type\",\"text\"\n\"ham\",\"Hello you\"\n\"spam\",\"Win \"\"now\"\" \xC2\xA3"
      "100\"\nham,\n";
  check_small(parse_sms(csv, "x"));
  TemporaryFolder folder;
  const auto read_as = [&](const std::string& bytes) {
    write_file(folder / "misleading.txt", bytes);
    return read_sms(folder / "misleading.txt");
  };
  check_small(read_as(csv));
  const TextCorpus zipped =
      read_as(pack(Pack::Zip, {{"readme", "ham\tnot this\n"}, {"SMSSpamCollection", kUci}}));
  check_small(zipped);
  CHECK(zipped.entry == "SMSSpamCollection");
  CHECK(zipped.sha256 == sha256_hex(kUci));  // the identity of the data does not depend on the wrapping
  CHECK(zipped.source() == (folder / "misleading.txt").string() + " (SMSSpamCollection)");
  check_small(read_as(pack(Pack::TarGz, {{"sms/sms_spam.csv", csv}})));
  check_small(read_as(pack(Pack::Xz, {{"", kUci}})));
}

TEST_CASE("Kaggle's file is read as Latin-1, and its spilled columns are put back") {
  const TextCorpus corpus = parse_sms(
      "v1,v2,,,\nham,Hello you,,,\nspam,\"Win, now \xA3"
      "100\",,,\nham,cut, here,and there \xFC,\n",
      "spam.csv");
  CHECK(corpus.encoding == "Latin-1");
  CHECK(corpus.texts == std::vector<std::string>{"Hello you",
                                                 "Win, now \xC2\xA3"
                                                 "100",
                                                 "cut, here,and there \xC3\xBC"});
}

TEST_CASE("Latin-1 whose bytes happen to form UTF-8 characters is still Latin-1") {
  // The apostrophe of Kaggle's file is the three bytes 89 DB AA, of which the last two are well-formed UTF-8.
  const TextCorpus corpus = parse_sms("v1,v2,,,\nham,don\x89\xDB\xAAt,,,\nspam,x,,,\n", "spam.csv");
  CHECK(corpus.encoding == "Latin-1");
  CHECK(corpus.texts[0] == "don\xC2\x89\xC3\x9B\xC2\xAAt");
}

TEST_CASE("invalid UTF-8 among valid characters is reported with line and byte offset") {
  CHECK_ERROR(ErrorKind::Data, "f, line 2: byte 22 of the file is not valid UTF-8",
              parse_sms("ham\t\xC3\xBC\xC2\xA3 one\nspam\ttwo \xC2 three\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f, line 1: byte 2 of the file is not valid UTF-8",
              parse_sms("ab\xFF"
                        "cd\n",
                        "f"));
  std::string bytes = read_file(NEED_DATA("SMSSpamCollection"));
  const size_t place = bytes.find("\xC2\xA3", 200'000);
  bytes[place + 1] = '3';
  CHECK_ERROR(ErrorKind::Data, "byte " + std::to_string(place) + " of the file", parse_sms(bytes, "f"));
}

TEST_CASE("the whole UCI file recoded to Latin-1 gives the same texts") {
  const TextCorpus utf8 = read_sms(NEED_DATA("SMSSpamCollection"));
  std::string latin1;  // its characters beyond U+00FF are dropped from both
  std::vector<std::string> expected;
  for (int64_t i = 0; i < utf8.rows(); ++i) {
    std::string line;
    for (const unsigned char c : utf8.texts[i]) {
      if (c < 0x80)
        line.push_back(static_cast<char>(c));
      else if (c == 0xC2 || c == 0xC3)
        line.push_back(c == 0xC3 ? '\x40' : '\0');
      else if (c < 0xC0 && !line.empty() && (line.back() == '\0' || line.back() == '\x40'))
        line.back() = static_cast<char>(line.back() == '\0' ? c : c + 0x40);
    }
    expected.push_back(latin1_to_utf8(line));
    latin1 += utf8.label_names[utf8.labels[i]] + "\t" + line + "\n";
  }
  REQUIRE(first_invalid_utf8(latin1));
  const TextCorpus read = parse_sms(latin1, "f");
  CHECK(read.encoding == "Latin-1");
  CHECK(read.texts == expected);
}

TEST_CASE("an unknown label is reported with file, line, label and the valid ones") {
  CHECK_ERROR(ErrorKind::Data, "f, line 2: unknown label 'eggs', valid are 'ham' and 'spam'",
              parse_sms("ham\ta\neggs\tb\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f, line 4: unknown label 'Spam'",
              parse_sms("type,text\nham,\"a\nb\"\nSpam,c\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "unknown label 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'",
              parse_sms("ham\ta\n" + std::string(500, 'x') + "\tb\n", "f"));
}

TEST_CASE("a wrong number of columns is reported with its line") {
  CHECK_ERROR(ErrorKind::Data, "f, line 3: 2 columns wanted, 1 found",
              parse_sms("ham\ta\nham\tb\nspam c\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f, line 1: 2 columns wanted, 3 found", parse_sms("ham\ta\tb\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f, line 2: 2 columns wanted, 3 found",
              parse_sms("type,text\nham,a,b\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f, line 2: 5 columns wanted, 2 found", parse_sms("v1,v2,,,\nham,a\n", "f"));
}

TEST_CASE("binary junk, an unknown layout and an overlong line are refused") {
  const std::string junk(
      "\x7F"
      "ELF\x02\x01\0\0\0\t",
      10);
  CHECK_ERROR(ErrorKind::Data, "f: byte 6 is NUL: this is binary data", parse_sms(junk, "f"));
  CHECK_ERROR(ErrorKind::Data, "f, line 1: not an SMS corpus", parse_sms("id,tweet\n1,a\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f, line 1: not an SMS corpus", parse_sms("hello", "f"));
  const std::string ten_megabytes(10'000'000, 'x');
  CHECK_ERROR(ErrorKind::Data, "f, line 2: a field of more than 1048576 bytes",
              parse_sms("ham\ta\nspam\t" + ten_megabytes + "\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f, line 1: not an SMS corpus", parse_sms(ten_megabytes, "f"));
}

TEST_CASE("no rows and one class only are refused") {
  TemporaryFolder folder;
  const auto read_as = [&](const std::string& bytes) {
    write_file(folder / "f", bytes);
    return read_sms(folder / "f");
  };
  CHECK_ERROR(ErrorKind::Data, "no rows are left", read_as("type,text\n"));
  CHECK_ERROR(ErrorKind::Data, "all 2 rows are labelled 'ham'; at least two classes are needed",
              read_as("ham\ta\nham\tb\n"));
  CHECK_ERROR(ErrorKind::Data, "no rows are left", require_trainable(TextCorpus{.label_names = {"a", "b"}}));
  CHECK_ERROR(ErrorKind::Data, "the file is empty", read_as(""));
  CHECK_ERROR(ErrorKind::Data, "no such file", read_sms(folder / "none"));
  CHECK_ERROR(ErrorKind::Data,
              "no SMSSpamCollection, sms_spam.csv or spam.csv in the archive, which holds readme",
              read_as(pack(Pack::Zip, {{"readme", "x"}})));
  const std::string zip = pack(Pack::Zip, {{"SMSSpamCollection", kUci}});
  CHECK_ERROR(ErrorKind::Data, "is the file truncated?", read_as(zip.substr(0, zip.size() / 2)));
}

TEST_CASE("a folder is searched for the CSV, then the UCI file, then either zip") {
  TemporaryFolder folder;
  CHECK_ERROR(ErrorKind::Data, "the folder holds none of sms_spam.csv, SMSSpamCollection,",
              read_sms(folder.path()));
  const auto found = [&] { return std::filesystem::path(read_sms(folder.path()).path).filename().string(); };
  const std::string zip = pack(Pack::Zip, {{"SMSSpamCollection", kUci}});
  write_file(folder / "smsspamcollection.zip", zip);
  CHECK(found() == "smsspamcollection.zip");
  write_file(folder / "sms+spam+collection.zip", zip);
  CHECK(found() == "sms+spam+collection.zip");
  write_file(folder / "SMSSpamCollection", kUci);
  CHECK(found() == "SMSSpamCollection");
  write_file(folder / "sms_spam.csv", "type,text\nham,a\nspam,b\n");
  CHECK(found() == "sms_spam.csv");
}
