// Every way a file of one's own can be bad, and what is said of it.
#include <functional>

#include "core/error.h"
#include "core/rng.h"
#include "datasets/labelled_file.h"
#include "tests/datasets/labelled_files.h"
#include "tests/datasets/pack.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

constexpr ErrorKind kData = ErrorKind::Data, kUsage = ErrorKind::Usage;

// The whole message, not a part of it.
void check_message(ErrorKind kind, const std::string& expected, const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& e) {
    CHECK(e.kind() == kind);
    CHECK(std::string(e.what()) == expected);
    return;
  }
  FAIL_CHECK("no error: ", expected);
}

void check_message(ErrorKind kind, const std::string& expected, const std::string& bytes,
                   const ColumnFlags& flags = {}) {
  check_message(kind, expected, [&] { parse(bytes, flags); });
}

}  // namespace

TEST_CASE("files that are no text: missing, a folder, empty, binary") {
  TemporaryFolder folder;
  const auto path = folder / "f";
  const auto read = [&] { read_labelled_file(path, {}); };
  check_message(kData, path.string() + ": no such file", read);
  write_file(path, "");
  check_message(kData, path.string() + ": the file is empty", read);
  check_message(kData, folder.path().string() + ": this is a folder, a file is wanted",
                [&] { read_labelled_file(folder.path(), {}); });
  check_message(kData, "f: byte 3 is NUL: this is binary data, or UTF-16 without its byte order mark",
                std::string("a,b\0c", 5));
  check_message(kData, "f: no rows, only white space", " \r\n\t\n");
  check_message(kData, "f: no rows, only white space", "\xEF\xBB\xBF");
}

TEST_CASE("text that is damaged is refused with line and byte") {
  check_message(kData, "f, line 3: byte 23 of the file is not valid UTF-8",
                "text,label\n\xC3\xA4\xC3\xB6\xC3\xBC,x\nabc\xFF,y\n");
  check_message(
      kData,
      "f: 5 bytes, an odd number, cannot be UTF-16, which the byte order mark says; is the file cut short?",
      std::string("\xFF\xFE"
                  "a\0b",
                  5));
  check_message(kData, "f, line 2: at byte 6 stands half of a character of UTF-16",
                utf16(u"a\n\xD83D", true));
  check_message(kData, "f, line 1: at byte 2 stands half of a character of UTF-16",
                utf16(u"\xDE00"
                      u"a",
                      false));
  check_message(kData, "f, line 1: at byte 2 stands half of a character of UTF-16",
                utf16(u"\xD83D"
                      u"a",
                      false));
  check_message(kData, "f, line 2: byte 6 is NUL, which text never holds: is this binary data?",
                utf16(std::u16string(u"a\n\0b", 4), false));
}

TEST_CASE("rows of different length are refused with the line and the likely reason") {
  check_message(
      kData,
      "f, line 3: 2 columns wanted as in the first row, 3 found; a text that holds a comma must stand in "
      "quotes",
      "text,label\na,x\nb, c,y\nd,x\n");
  check_message(kData,
                "f, line 4: 2 columns wanted as in the first row, 1 found; a text that holds a tab must "
                "stand in quotes",
                "text\tlabel\na\tx\nb\ty\nd\n");
  check_message(kData, "f, line 2: a quote is opened here and never closed", "text,label\n\"a,x\nb,y\n");
  check_message(kData, "f, line 2: text after a closing quote; a quote inside a quoted field is written \"\"",
                "text,label\n\"a\" b,x\nb,y\n");
  check_message(kData, "f, line 2: a field of more than 1048576 bytes",
                "text,label\n" + std::string(2'000'000, 'x') + ",y\n");
  check_message(
      kData,
      "f, line 1: no tab, semicolon or comma divides this line into columns, nor is it a JSON object; files "
      "of one text a line are given with --positive FILE --negative FILE",
      "good day\nbad day\n");
}

TEST_CASE("lines that are no JSON object are refused with line and byte") {
  const std::string good = "{\"text\":\"a\",\"label\":1}\n";
  const std::string wanted = "wanted is one whole object a line: {\"text\": \"...\", \"label\": \"...\"}";
  check_message(kData, "f, line 2: not valid JSON at byte 12 of the line; " + wanted,
                good + "{\"text\": \"b\n");
  check_message(kData, "f, line 2: not valid JSON at byte 2 of the line; " + wanted, good + "text,label\n");
  check_message(kData, "f, line 2: not valid JSON at byte 16 of the line; " + wanted,
                good + "{\"text\":\"\\ud83d\",\"label\":1}\n");
  check_message(kData, "f, line 1: not valid JSON at byte 2 of the line; " + wanted,
                "{\n\"text\": \"a\"\n}\n");
  check_message(kData, "f, line 2: a number that is too large", good + "{\"text\":\"a\",\"label\":1e999}\n");
  check_message(
      kData, "f, line 2: a JSON array, wanted is one object a line: {\"text\": \"...\", \"label\": \"...\"}",
      good + "[1]\n");
  check_message(kData,
                "f, line 1: one JSON array, wanted is one object a line (jq -c '.[]' FILE makes that of it)",
                "[\n  {\"text\":\"a\"}]");
  check_message(kData, "f: its JSON objects are empty", "{}\n{ }\n");
  check_message(kData, "f, line 2: the object has no 'text'", good + "{\"Text\":\"b\",\"label\":1}\n",
                {"text", "label"});
  check_message(kData, "f, line 2: 'label' is an array or object, wanted is a string, a number or a boolean",
                good + "{\"text\":\"b\",\"label\":[1]}\n");
  check_message(kData, "f, line 2: the label in column 2 'label' is empty; --skip-empty leaves such rows out",
                good + "{\"text\":\"b\",\"label\":null}\n");
  check_message(kData, "f, line 1: 'text' has more than 1048576 bytes",
                "{\"text\":\"" + std::string(2'000'000, 'x') + "\"}\n");
  std::string many;
  for (int i = 0; i < 1001; ++i) many += "{\"k" + std::to_string(i) + "\":1}\n";
  check_message(
      kData, "f, line 1001: more than 1000 different keys in the file; the objects should have the same ones",
      many);
}

TEST_CASE("a guess that could be another is refused, with the columns, a value of each and the flag") {
  const std::string stars =
      "words,stars,split\nso good it is,5,a\nso bad it is,1,b\nfine as it is,5,a\nno,1,b\n";
  check_message(
      kUsage,
      "f: the label could be column 2 'stars' or column 3 'split'; give --label-column a name or a number. "
      "Columns: 1 'words' (so good it is), 2 'stars' (5), 3 'split' (a)",
      stars);
  CHECK(parse(stars, {"", "stars"}).corpus.label_names == Strings{"1", "5"});
  const std::string two = "text,comment,label\na,b,x\nc,d,y\ne,f,x\ng,h,y\n";
  check_message(
      kUsage,
      "f: the text could be column 1 'text' or column 2 'comment'; give --text-column a name or a number. "
      "Columns: 1 'text' (a), 2 'comment' (b), 3 'label' (x)",
      two);
  const std::string alike =
      "x,first,second\n1,a word or two,some more words than that or two\n"
      "2,another word,and others come here\n1,third word,words that are here\n2,4th,word\n";
  check_message(
      kUsage,
      "f: the text could be column 3 'second' or column 2 'first'; give --text-column a name or a number. "
      "Columns: 1 'x' (1), 2 'first' (a word or two), 3 'second' (some more words than tha...)",
      alike);
  check_message(
      kUsage,
      "f: which column is the label? none holds few, short values that come again; give --label-column a "
      "name or a number. Columns: 1 'id' (1), 2 'text' (a), 3 'other' (d)",
      "id,text,other\n1,a,d\n2,b,e\n3,c,f\n");
  check_message(
      kUsage,
      "f: which column is the text? none holds words that differ from row to row; give --text-column a name "
      "or a number. Columns: 1 (1), 2 (2), 3 (5)",
      "1,2,5\n3,4,6\n");
  check_message(kData, "f: only one column, wanted are one of texts and one of labels. Columns: 1 'text' (a)",
                "{\"text\":\"a\"}\n");
}

TEST_CASE("columns that are not there are refused with those that are") {
  const std::string bytes = "text,label,text\na,x,c\nb,y,d\n";
  check_message(kUsage,
                "f: no column 'lable' for --label-column. Columns: 1 'text' (a), 2 'label' (x), 3 'text' (c)",
                bytes, {"1", "lable"});
  check_message(kUsage,
                "f: no column '4' for --text-column. Columns: 1 'text' (a), 2 'label' (x), 3 'text' (c)",
                bytes, {"4", "label"});
  check_message(kUsage,
                "f: no column '0' for --text-column. Columns: 1 'text' (a), 2 'label' (x), 3 'text' (c)",
                bytes, {"0", "label"});
  check_message(
      kUsage,
      "f: 2 columns are named 'TEXT'; give --text-column the number of one. Columns: 1 'text' (a), 2 'label' "
      "(x), 3 'text' (c)",
      bytes, {"TEXT", "label"});
  check_message(kUsage,
                "f: column 2 'label' is both the text and the label. Columns: 1 'text' (a), 2 'label' (x), 3 "
                "'text' (c)",
                bytes, {"label", "2"});
  check_message(
      kUsage,
      "f: no column 'label' for --label-column, which takes a number as there is no header. Columns: 1 (a), "
      "2 (x)",
      "a,x\nb,y\n", {"1", "label", Header::No});
  check_message(kData, "f: no rows below the header", "text,label\n");
}

TEST_CASE("labels that cannot be trained on are refused") {
  check_message(kData, "f, line 2: all 3 rows are labelled 'x'; at least two classes are needed",
                "text,label\na,x\nb,x\nc,x\n");
  check_message(
      kData,
      "f, line 3: the only row with the label 'y'; a class needs two at least, one to train and one to check "
      "on",
      "text,label\na,x\nb,y\nc,x\n");
  check_message(
      kData,
      "column 1 'id' of f holds 4 different labels in 5 rows ('1', '2', '3', ...): likely it is not the "
      "label; --label-column names another",
      "id,text\n1,a\n2,b\n3,c\n10,d\n1,e\n", {"", "id"});
  check_message(kData, "f, line 3: the text in column 1 'text' is empty; --skip-empty leaves such rows out",
                "text,label\na,x\n\" \",y\nc,x\n");
  check_message(kData, "f, line 4: the label in column 2 'label' is empty; --skip-empty leaves such rows out",
                "text,label\na,x\nb,y\nc,\n");
  check_message(kData, "f: no rows are left", [] { parse("text,label\n,x\nb,\n", {}, true); });
}

TEST_CASE("a value in a message is short, on one line and whole in its characters") {
  CHECK(excerpt("ab\ncd", 10) == "ab cd");
  CHECK(excerpt("\xC3\xA4\xC3\xB6\xC3\xBC", 3) == "\xC3\xA4\xC3\xB6\xC3\xBC");
  CHECK(excerpt("\xC3\xA4\xC3\xB6\xC3\xBC", 2) == "\xC3\xA4\xC3\xB6...");
  CHECK(excerpt("", 0).empty());
}

TEST_CASE("random text in any layout is read, or refused as bad data or for want of a flag") {
  Rng rng(15);
  const std::string alphabets[] = {"ab1,;\t\"\r\n", "{}[]\":,\\u0dn1e \n", "text,label\n\xC3\xA4\xFF\x93"};
  const std::string begins[] = {
      "", "text,label\n", "{\"text\":\"a\",\"label\":", "\xFF\xFE", "\xEF\xBB\xBF", "a\tx\n"};
  int64_t read = 0, refused = 0;
  for (int round = 0; round < 30000; ++round) {
    const std::string& alphabet = alphabets[rng.below(3)];
    const auto junk = [&](uint64_t longest) {
      std::string some;
      for (uint64_t n = rng.below(longest + 1); n > 0; --n)
        some.push_back(alphabet[rng.below(alphabet.size())]);
      return some;
    };
    std::string bytes = begins[rng.below(6)] + junk(60);
    if (rng.below(2)) {  // nearly a file
      const bool json = rng.below(3) == 0;
      const char delimiter = ",;\t"[rng.below(3)];
      bytes = json || rng.below(2) ? "" : std::string("text") + delimiter + "label\n";
      for (uint64_t rows = 4 + rng.below(6); rows > 0; --rows) {
        std::string text = "word " + std::to_string(rng.below(1000));
        if (rng.below(10) == 0) text += junk(3);
        const std::string label = rng.below(2) ? "1" : "2";
        bytes +=
            json ? "{\"text\":\"" + text + "\",\"label\":" + label + "}\n" : text + delimiter + label + "\n";
      }
    }
    const std::string flags[] = {"", "1", "2", "text"};
    try {
      const LabelledTexts t =
          parse(bytes, {flags[rng.below(4)], flags[rng.below(4)], Header(rng.below(3))}, rng.below(2));
      CHECK(t.corpus.rows() > 0);
      CHECK(t.corpus.labels.size() == t.corpus.texts.size());
      CHECK(t.lines.size() == t.corpus.texts.size());
      CHECK(t.corpus.label_names.size() >= 2);
      // Read again by what was found, there is nothing left to guess, and the same comes out.
      const LabelledTexts again = parse_labelled(bytes, "f", t.same_way());
      CHECK(again.corpus.texts == t.corpus.texts);
      CHECK(again.corpus.labels == t.corpus.labels);
      CHECK(!notes(again, "is taken"));
      ++read;
    } catch (const Error& e) {
      CHECK((e.kind() == kData || e.kind() == kUsage));
      ++refused;
    }
  }
  CHECK(read > 2000);
  CHECK(refused > 10000);
}

TEST_CASE("a file with random damage is read or refused") {
  Rng rng(16);
  const std::string wholes[] = {"text,label\n\"a, \"\"b\"\"\",x\n\xC3\xBC,y\nc,x\nd,y\ne,x\nf,y\n",
                                "{\"text\":\"a\\u00fc\",\"label\":1}\n{\"text\":\"\\ud83d\\ude00\",\"label\":"
                                "2}\n{\"text\":\"c\",\"label\":1}\n"
                                "{\"text\":\"d\",\"label\":2}\n",
                                utf16(u"text\tlabel\na\tx\nb\ty\nc\tx\nd\ty\n", true)};
  int64_t read = 0, refused = 0;
  for (int round = 0; round < 9000; ++round) {
    std::string bytes = wholes[round % 3];
    for (uint64_t n = 1 + rng.below(3); n > 0; --n)
      bytes[rng.below(bytes.size())] = static_cast<char>(rng.next_u32());
    try {
      const LabelledTexts t = parse(bytes, {}, true);
      CHECK(t.corpus.rows() > 0);
      ++read;
    } catch (const Error& e) {
      CHECK((e.kind() == kData || e.kind() == kUsage));
      ++refused;
    }
  }
  CHECK(read > 500);
  CHECK(refused > 500);
}
