#include "datasets/csv.h"

#include "core/error.h"
#include "datasets/archive.h"
#include "datasets/input_file.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows read(std::string_view text, CsvFormat format = {}) {
  CsvReader reader(text, "t.csv", format);
  Rows rows;
  while (reader.next()) rows.emplace_back(reader.fields().begin(), reader.fields().end());
  return rows;
}

std::vector<int64_t> lines(std::string_view text) {
  CsvReader reader(text, "t.csv");
  std::vector<int64_t> found;
  while (reader.next()) found.push_back(reader.line());
  return found;
}

}  // namespace

TEST_CASE("plain rows are split at the delimiter, with or without a last line end") {
  const Rows expected = {{"a", "b"}, {"1", "2"}};
  CHECK(read("a,b\n1,2\n") == expected);
  CHECK(read("a,b\n1,2") == expected);
  CHECK(read("a\tb\n1\t2\n", {.delimiter = '\t'}) == expected);
}

TEST_CASE("CRLF ends a line as LF does, and a carriage return alone is an ordinary character") {
  CHECK(read("a,b\r\n1,2\r\n") == Rows{{"a", "b"}, {"1", "2"}});
  CHECK(read("\"a\",\"b\"\r\n\"1\",\"2\"") == Rows{{"a", "b"}, {"1", "2"}});
  CHECK(read("a\rb,c\n") == Rows{{"a\rb", "c"}});
  CHECK(read("a\r") == Rows{{"a\r"}});
}

TEST_CASE("quoted fields hold delimiters, doubled quotes and line breaks") {
  CHECK(read("\"a,b\",c\n") == Rows{{"a,b", "c"}});
  CHECK(read("\"say \"\"hi\"\"\",\"\"\"\",\"\"\n") == Rows{{"say \"hi\"", "\"", ""}});
  CHECK(read("\"one\ntwo\r\nthree\",x\ny,z\n") == Rows{{"one\ntwo\r\nthree", "x"}, {"y", "z"}});
}

TEST_CASE("several fields of one row may need unescaping at once") {
  CHECK(read("\"a\"\"\",\"\"\"b\",\"c\"\"c\"") == Rows{{"a\"", "\"b", "c\"c"}});
}

TEST_CASE("empty fields are kept, also the last one of a row and of the file") {
  CHECK(read(",\n") == Rows{{"", ""}});
  CHECK(read("a,") == Rows{{"a", ""}});
  CHECK(read("a,,\nb,c,d") == Rows{{"a", "", ""}, {"b", "c", "d"}});
  CHECK(read("\"\"") == Rows{{""}});
}

TEST_CASE("empty lines are skipped, and an empty text has no rows") {
  CHECK(read("").empty());
  CHECK(read("\n\r\n\n").empty());
  CHECK(read("a\n\n\r\nb\n\n") == Rows{{"a"}, {"b"}});
}

TEST_CASE("a byte order mark is not part of the first field") {
  CHECK(read("\xEF\xBB\xBF\"type\",text\n") == Rows{{"type", "text"}});
  CHECK(read("\xEF\xBB\xBF").empty());
}

TEST_CASE("quotes are ordinary where quoting is off or a field does not begin with one") {
  CHECK(read("ham\t\"yes\tno\n", {.delimiter = '\t', .quoting = false}) == Rows{{"ham", "\"yes", "no"}});
  CHECK(read("5\" disk,x\n") == Rows{{"5\" disk", "x"}});
}

TEST_CASE("a row knows the line it begins in, also after fields with line breaks and empty lines") {
  CHECK(lines("a\n\"b\nb\nb\",c\n\nd\r\n\"e\"\"\ne\"\nf") == std::vector<int64_t>{1, 2, 6, 7, 9});
}

TEST_CASE("fields that need no unescaping are not copied") {
  const std::string text = "plain,\"quoted\"\n";
  CsvReader reader(text, "t.csv");
  REQUIRE(reader.next());
  for (const std::string_view field : reader.fields()) {
    CHECK(field.data() >= text.data());
    CHECK(field.data() < text.data() + text.size());
  }
}

TEST_CASE("an unterminated quote is reported at the line where it opened") {
  CHECK_ERROR(ErrorKind::Data, "t.csv, line 3: a quote is opened here and never closed",
              read("a,b\n1,2\n3,\"4\n5,6\n7,8\n"));
  CHECK_ERROR(ErrorKind::Data, "line 1: a quote is opened here", read("\"\"\""));
  CHECK_ERROR(ErrorKind::Data, "line 1: a quote is opened here", read("\""));
}

TEST_CASE("text after a closing quote is reported with its line") {
  CHECK_ERROR(ErrorKind::Data, "t.csv, line 3: text after a closing quote", read("a\n\"b\nb\"c\n"));
}

TEST_CASE("a wrong number of columns is reported with line, wanted and found") {
  CHECK_ERROR(ErrorKind::Data, "t.csv, line 2: 2 columns wanted, 3 found",
              read("a,b\n1,2,3\n", {.columns = 2}));
  CHECK_ERROR(ErrorKind::Data, "t.csv, line 4: 2 columns wanted, 1 found",
              read("a,\"b\nb\"\n\n1\n", {.columns = 2}));
}

TEST_CASE("a field over the limit is reported with its line, and one at the limit is read") {
  const std::string ten_megabytes(10'000'000, 'x');
  CHECK_ERROR(ErrorKind::Data, "t.csv, line 2: a field of more than 1048576 bytes",
              read("a\n" + ten_megabytes + "\n"));
  CHECK_ERROR(ErrorKind::Data, "line 2: a field of more than 1048576 bytes (is its closing quote missing?)",
              read("a\n\"" + ten_megabytes + "\"\n"));
  CHECK_ERROR(ErrorKind::Data, "closing quote", read("\"" + ten_megabytes));
  CHECK(read("abc,\"d\"\"f\"", {.field_limit = 3}) == Rows{{"abc", "d\"f"}});
  CHECK_ERROR(ErrorKind::Data, "more than 3 bytes", read("\"d\"\"ef\"", {.field_limit = 3}));
}

TEST_CASE("the SMILE annotations are 3,085 rows of three columns") {
  const std::string bytes = read_input_file(NEED_DATA("smile-annotations-final.csv"));
  CsvReader rows(bytes, "smile", {.columns = 3});
  int64_t count = 0, happy = 0;
  while (rows.next()) {
    ++count;
    happy += rows.fields()[2] == "happy";
    CHECK(rows.line() == count);
    CHECK(rows.fields()[0].size() == 18);
  }
  CHECK(count == 3085);
  CHECK(happy == 1137);
}

TEST_CASE("the IMDB index is read from its xz file: 50,001 rows of six columns") {
  const auto path = NEED_DATA("imdb_50k_index.csv.xz");
  const std::string packed = read_input_file(path);
  REQUIRE(looks_packed(packed));
  const std::string bytes = read_archive_entry(packed, path, "a CSV file", [](auto) { return true; }).bytes;
  CHECK(bytes.size() == 1'879'217);
  CsvReader rows(bytes, "index", {.columns = 6});
  int64_t count = 0;
  while (rows.next()) ++count;
  CHECK(count == 50'001);
}
