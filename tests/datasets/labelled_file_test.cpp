// Files as people have them.
#include "datasets/labelled_file.h"

#include <algorithm>

#include "core/error.h"
#include "datasets/sha256.h"
#include "datasets/sms.h"
#include "tests/datasets/labelled_files.h"
#include "tests/datasets/pack.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

TEST_CASE("two columns with a header, quoted line breaks and Windows line ends") {
  const LabelledTexts t = parse(
      "review,sentiment\r\n\"Good,\r\nreally \"\"good\"\"\",positive\r\nbad,negative\r\n\r\n"
      "worse,negative\r\n\"fine\",positive\r\n");
  CHECK(t.corpus.texts == Strings{"Good,\r\nreally \"good\"", "bad", "worse", "fine"});
  CHECK(t.corpus.label_names == Strings{"negative", "positive"});
  CHECK(t.corpus.labels == Ids{1, 0, 0, 1});
  CHECK(t.lines == std::vector<int64_t>{2, 4, 6, 7});
  CHECK(t.where(2) == "f, line 6");
  CHECK(t.corpus.encoding == "UTF-8");
  CHECK(t.notes ==
        Strings{"f, line 1 is taken as the header: it names 'review' (--header yes or no decides)",
                "f: column 1 'review' is taken as the text, by its name (--text-column decides)",
                "f: column 2 'sentiment' is taken as the label, by its name (--label-column decides)"});
}

TEST_CASE("six unbalanced classes, the label in front, an index column without a name") {
  std::string bytes = ",Gef\xC3\xBChl,Jahr,Satz\n";
  const std::pair<const char*, int> classes[] = {{"Freude", 40}, {"Angst", 9},  {"Wut", 5},
                                                 {"Ekel", 2},    {"Trauer", 3}, {"\xC3\x84rger", 2}};
  int row = 0;
  for (const auto& [name, count] : classes)
    for (int i = 0; i < count; ++i, ++row)
      bytes += std::to_string(row) + "," + name + "," + std::to_string(1990 + row) + ",\"Satz Nummer " +
               std::to_string(row) + ", der etwas sagt\"\n";
  const LabelledTexts t = parse(bytes);
  CHECK(t.corpus.rows() == 61);
  CHECK(t.corpus.label_names == Strings{"Angst", "Ekel", "Freude", "Trauer", "Wut", "\xC3\x84rger"});
  CHECK(std::count(t.corpus.labels.begin(), t.corpus.labels.end(), 2) == 40);
  CHECK(t.corpus.texts[7] == "Satz Nummer 7, der etwas sagt");
  CHECK(t.columns.text == "Satz");
  CHECK(t.columns.label == "Gef\xC3\xBChl");
  CHECK(notes(t, "'Gef\xC3\xBChl' is none of the values below"));
  CHECK(notes(t,
              "column 4 'Satz' is taken as the text, the one with the longest values, 30 bytes in the mean"));
  CHECK(
      notes(t, "column 2 'Gef\xC3\xBChl' is taken as the label, the one with few values, 6 different ones"));
}

TEST_CASE("no header: the first row's label comes again below") {
  const LabelledTexts t = parse("1\tgood day to you\t17\n0\tbad\t18\n1\tfine weather\t19\n0\tawful\t20\n");
  CHECK(t.corpus.rows() == 4);
  CHECK(t.corpus.label_names == Strings{"0", "1"});
  CHECK(t.columns.text == "2");
  CHECK(t.columns.label == "1");
  CHECK(t.columns.header == Header::No);
  CHECK(notes(t, "f, line 1 is taken as data, there is no header: '1' is no name of a column"));
  const LabelledTexts words = parse("pos;good day\nneg;bad day\npos;fine\nneg;awful\nneg;dull\n");
  CHECK(words.corpus.rows() == 5);
  CHECK(notes(words, "there is no header: 'pos' comes again below"));
}

TEST_CASE("columns are found by name in any case, or by number, and flags beat guesses") {
  const std::string bytes = "text,type,2,note\naa,x,u,long long long long\nbb,y,v,b\ncc,x,u,c\ndd,y,v,d\n";
  CHECK(parse(bytes).corpus.texts[0] == "aa");
  CHECK(parse(bytes, {"NOTE", "Type"}).corpus.texts[0] == "long long long long");
  CHECK(parse(bytes, {"4", "type"}).corpus.texts[0] == "long long long long");
  CHECK(parse(bytes, {"", "2"}).corpus.label_names == Strings{"u", "v"});  // a name goes before a number
  CHECK(parse(bytes, {"text", "type"}).notes.empty());
  CHECK(parse("a,b\nc,d\na,b\nc,d\n", {"1", "2", Header::No}).corpus.rows() == 4);
  CHECK(parse("x,y\na,b\nc,d\na,b\nc,d\n", {"1", "2", Header::Yes}).corpus.rows() == 4);
}

TEST_CASE("of two columns the one that is left is the other") {
  const LabelledTexts t = parse("a,b\nspam,1\nspam,2\nham,1\nham,2\n", {"", "b"});
  CHECK(t.corpus.texts == Strings{"spam", "spam", "ham", "ham"});
  CHECK(notes(t, "column 1 'a' is taken as the text, the only one beside the other"));
}

TEST_CASE("the delimiter is told by content: semicolons, tabs, commas inside of texts") {
  const Strings texts = {"one, two, three", "four", "five, six", "seven"};
  CHECK(parse("label;text\na;one, two, three\nb;four\na;five, six\nb;seven\n").corpus.texts == texts);
  CHECK(parse("label\ttext\na\tone, two, three\nb\tfour\na\tfive, six\nb\tseven\n").corpus.texts == texts);
  CHECK(parse("label,text\na,\"one, two, three\"\nb,four\na,\"five, six\"\nb,seven\n").corpus.texts == texts);
  CHECK(parse("label;text\ra;one, two, three\rb;four\ra;five, six\rb;seven\r").corpus.texts == texts);
}

TEST_CASE("tabs with quotes: quotation where it fits, ordinary characters where it would break rows") {
  const LabelledTexts quoted = parse("label\ttext\na\t\"x\ty\nz\"\nb\t\"say \"\"hi\"\"\"\na\tc\nb\td\n");
  CHECK(quoted.corpus.texts == Strings{"x\ty\nz", "say \"hi\"", "c", "d"});
  CHECK(!notes(quoted, "quotes"));
  const LabelledTexts broken = parse("a\t\"Hi\" he said\nb\tx\na\ty\nb\tz\n");
  CHECK(broken.corpus.texts[0] == "\"Hi\" he said");
  CHECK(notes(broken, "quotes are taken as ordinary characters"));
  // As quotation these would be three rows.
  const LabelledTexts swallowed = parse("a\t\"x\nb\ty\"\na\tz\nb\tw\n");
  CHECK(swallowed.corpus.texts == Strings{"\"x", "y\"", "z", "w"});
}

TEST_CASE("encodings: a byte order mark, Latin-1, Windows-1252, UTF-16 of either order") {
  const Strings texts = {
      "\xC3\xBC"
      "ber",
      "b", "c", "d"};
  const auto check = [&](const std::string& bytes, const std::string& encoding, bool said) {
    CAPTURE(encoding);
    const LabelledTexts t = parse(bytes);
    CHECK(t.corpus.texts == texts);
    CHECK(t.corpus.encoding == encoding);
    CHECK(t.corpus.sha256 == sha256_hex(bytes));
    CHECK(notes(t, encoding) == said);
  };
  check(
      "\xEF\xBB\xBFtext,label\n\xC3\xBC"
      "ber,x\nb,y\nc,x\nd,y\n",
      "UTF-8", false);
  check(
      "text,label\n\xFC"
      "ber,x\nb,y\nc,x\nd,y\n",
      "Latin-1", true);
  for (const bool big : {false, true})
    check(utf16(u"text,label\r\n\u00FCber,x\r\nb,y\r\nc,x\r\nd,y\r\n", big), "UTF-16", true);
  const LabelledTexts windows = parse("text,label\n\x93quoted\x94 \x80 5,x\nb,y\nc,x\nd,y\n");
  CHECK(windows.corpus.texts[0] == "\xE2\x80\x9Cquoted\xE2\x80\x9D \xE2\x82\xAC 5");
  CHECK(windows.corpus.encoding == "Windows-1252");
  CHECK(notes(windows, "f: not UTF-8, read as Windows-1252; if words look wrong, convert the file to UTF-8"));
  CHECK(parse("text,label\n\x81\x93,x\nb,y\nc,x\nd,y\n").corpus.encoding == "Latin-1");
  const LabelledTexts beyond = parse(utf16(u"text,label\n\xD83D\xDE00,x\nb,y\nc,x\nd,y\n", true));
  CHECK(beyond.corpus.texts[0] == "\xF0\x9F\x98\x80");
}

TEST_CASE("JSON Lines: strings, numbers, booleans, escapes, other keys in any order") {
  const LabelledTexts t = parse(
      "{\"id\": 1, \"text\": \"a \\\"b\\\" \\ud83d\\ude00\\n\\u00fc\", \"label\": true}\r\n"
      "\n"
      "{\"label\": false, \"text\": \"c\", \"meta\": {\"k\": [1, 2]}}\n"
      "  {\"text\": 17, \"label\": true, \"id\": null}\n"
      "{\"text\": \"\xC3\xA4\", \"label\": false}");
  CHECK(t.corpus.texts == Strings{"a \"b\" \xF0\x9F\x98\x80\n\xC3\xBC", "c", "17", "\xC3\xA4"});
  CHECK(t.corpus.label_names == Strings{"false", "true"});
  CHECK(t.corpus.labels == Ids{1, 0, 1, 0});
  CHECK(t.lines == std::vector<int64_t>{1, 3, 4, 5});
  const LabelledTexts numbered = parse(
      "{\"t\":\"a\",\"stars\":10}\n{\"t\":\"b\",\"stars\":9}\n{\"t\":\"c\",\"stars\":10}\n"
      "{\"t\":\"d\",\"stars\":9}\n",
      {"t", "stars"});
  CHECK(numbered.corpus.label_names == Strings{"9", "10"});
  CHECK(numbered.notes.empty());
}

TEST_CASE("labels sort by number if all are numbers, else by code point, and not by their rows") {
  const auto names = [](const Strings& labels) {
    std::string bytes = "text,label\n";
    for (int round = 0; round < 2; ++round)
      for (const std::string& label : labels) bytes += "t" + std::to_string(round) + "," + label + "\n";
    return parse(bytes).corpus.label_names;
  };
  CHECK(names({"10", "9", "-1", "2.5"}) == Strings{"-1", "2.5", "9", "10"});
  CHECK(names({"10", "9", "x"}) == Strings{"10", "9", "x"});
  CHECK(names({"\xF0\x9F\x98\x80", "\xEF\xBF\xBD", "z", "Z", "nan"}) ==
        Strings{"Z", "nan", "z", "\xEF\xBF\xBD", "\xF0\x9F\x98\x80"});
  CHECK(names({" b ", "a"}) == Strings{"a", "b"});
}

TEST_CASE("labels that are likely meant as one are noted, and stay two") {
  const LabelledTexts t = parse("text,label\na,Spam\nb,spam\nc,Spam\nd,spam\ne,ham\nf,ham\n");
  CHECK(t.corpus.label_names.size() == 3);
  CHECK(
      notes(t, "labels 'Spam' and 'spam' in column 2 'label' of f are two classes; are they meant as one?"));
  CHECK(notes(parse("text,label\na,1\nb,1.0\nc,1\nd,1.0\n"), "labels '1' and '1.0'"));
  CHECK(!notes(parse("text,label\na,0.0000001\nb,0\nc,0\nd,0.0000001\n"), "meant as one"));
}

TEST_CASE("rows without text or label are left out when asked, and counted") {
  const std::string bytes = "text,label\na,x\n ,y\nb,y\nc,\nd,x\ne,y\n";
  const LabelledTexts t = parse(bytes, {}, true);
  CHECK(t.corpus.texts == Strings{"a", "b", "d", "e"});
  CHECK(t.lines == std::vector<int64_t>{2, 4, 6, 7});
  CHECK(t.skipped == 2);
  CHECK(notes(t, "2 rows without text or label left out, the first: f, line 3"));
}

TEST_CASE("a test file is read the way of the training file, whatever its column order") {
  const LabelledTexts train = parse("text,id,label\na,1,x\nb,2,y\nc,3,x\nd,4,y\n");
  const LabelledTexts test = parse_labelled("label;text\ny;e\n", "g", train.same_way());
  CHECK(test.corpus.texts == Strings{"e"});
  CHECK(test.corpus.labels == Ids{1});
  CHECK(test.corpus.label_names == train.corpus.label_names);
  CHECK(test.notes.empty());
  CHECK_ERROR(ErrorKind::Data, "g, line 3: unknown label 'z', known from training are 'x', 'y'",
              parse_labelled("label,text\nx,e\nz,f\n", "g", train.same_way()));
  CHECK_ERROR(ErrorKind::Usage, "g: no column 'text' for --text-column. Columns: 1 'label' (x), 2 'body' (e)",
              parse_labelled("label,body\nx,e\n", "g", train.same_way()));
  const LabelledTexts plain = parse("x\taa\n y\tbb\nx\tcc\ny\tdd\n", {"2", "1"});
  CHECK(plain.columns.header == Header::No);
  CHECK(parse_labelled("y\tx\n", "g", plain.same_way()).corpus.rows() == 1);
}

TEST_CASE("packed files are read by content, and what comes along in an archive is passed over") {
  const std::string csv = "text,label\na,x\nb,y\nc,x\nd,y\n";
  TemporaryFolder folder;
  const auto read_as = [&](const std::string& bytes) {
    write_file(folder / "misleading.json", bytes);
    return read_labelled_file(folder / "misleading.json", {});
  };
  const std::string path = (folder / "misleading.json").string();
  for (const Pack as : {Pack::Gz, Pack::Xz, Pack::Zip, Pack::TarGz, Pack::Tar}) {
    const LabelledTexts t = read_as(pack(as, {{"data/x.csv", csv}}));
    CHECK(t.corpus.texts == Strings{"a", "b", "c", "d"});
    CHECK(t.corpus.sha256 == sha256_hex(csv));
    CHECK(t.corpus.path == path);
  }
  const LabelledTexts t = read_as(pack(
      Pack::Zip, {{"__MACOSX/._x.csv", "?"}, {"README.md", "read"}, {"x.csv", csv}, {".DS_Store", "?"}}));
  CHECK(t.corpus.entry == "x.csv");
  CHECK(t.where(0) == path + " (x.csv), line 2");
  CHECK_ERROR(ErrorKind::Data, path + ": the archive holds 2 files (a.csv, b.csv), one is wanted; unpack it",
              read_as(pack(Pack::Zip, {{"a.csv", csv}, {"b.csv", csv}})));
  CHECK_ERROR(ErrorKind::Data, path + ": the archive holds no data file",
              read_as(pack(Pack::Zip, {{"README", "read"}})));
  CHECK_ERROR(ErrorKind::Data, "is the file truncated?",
              read_as(pack(Pack::Zip, {{"a.csv", csv}}).substr(0, 60)));
}

TEST_CASE("one file a class, one text a line, each in its own encoding and wrapping") {
  TemporaryFolder folder;
  write_file(folder / "p", "good, \"very\"\r\n\tfine \r\n\r\n");
  write_file(folder / "n", pack(Pack::Gz, {{"", "schlecht f\xFCr mich\nbad"}}));
  const LabelledTexts t = read_labelled_lines({{"positive", folder / "p"}, {"negative", folder / "n"}}, {});
  CHECK(t.corpus.texts == Strings{"good, \"very\"", "\tfine ", "schlecht f\xC3\xBCr mich", "bad"});
  CHECK(t.corpus.label_names == Strings{"negative", "positive"});
  CHECK(t.corpus.labels == Ids{1, 1, 0, 0});
  CHECK(t.where(1) == (folder / "p").string() + ", line 2");
  CHECK(t.where(3) == (folder / "n").string() + ", line 2");
  CHECK(t.corpus.encoding == "UTF-8, Latin-1");
  CHECK(t.corpus.source() == (folder / "p").string() + " + " + (folder / "n").string());
  CHECK(notes(t, (folder / "n").string() + ": not UTF-8, read as Latin-1"));

  write_file(folder / "gap", "a\n \nb\nc\n");
  CHECK_ERROR(ErrorKind::Data,
              (folder / "gap").string() + ", line 2: the line is empty; --skip-empty leaves such",
              read_labelled_lines({{"a", folder / "p"}, {"b", folder / "gap"}}, {}));
  const LabelledTexts skipped =
      read_labelled_lines({{"a", folder / "p"}, {"b", folder / "gap"}}, {.skip_empty = true});
  CHECK(skipped.corpus.rows() == 5);
  CHECK(skipped.where(3) == (folder / "gap").string() + ", line 3");
  CHECK_ERROR(ErrorKind::Data, ": all 2 rows are labelled 'a'",
              read_labelled_lines({{"a", folder / "p"}}, {}));
  CHECK_ERROR(ErrorKind::Data, "no such file",
              read_labelled_lines({{"a", folder / "p"}, {"b", folder / "none"}}, {}));
}

TEST_CASE("both SMS files read the same by guessing as by their own reader") {
  for (const char* name : {"SMSSpamCollection", "sms_spam.csv"}) {
    CAPTURE(name);
    const auto path = NEED_DATA(name);
    const LabelledTexts t = read_labelled_file(path, {});
    const TextCorpus sms = read_sms(path);
    CHECK(t.corpus.texts == sms.texts);
    CHECK(t.corpus.labels == sms.labels);
    CHECK(t.corpus.label_names == sms.label_names);
    CHECK(t.corpus.sha256 == sms.sha256);
  }
}

TEST_CASE("SMILE's annotations have no header; the first class of one tweet is named with its line") {
  const auto path = NEED_DATA("smile-annotations-final.csv");
  CHECK_ERROR(ErrorKind::Data, path.string() + ", line 3017: the only row with the label 'sad|disgust|angry'",
              read_labelled_file(path, {}));
}
