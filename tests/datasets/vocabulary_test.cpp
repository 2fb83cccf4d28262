#include "datasets/vocabulary.h"

#include <algorithm>

#include "core/error.h"
#include "datasets/tokenizer.h"
#include "tests/datasets/texts.h"
#include "tests/support/support.h"

namespace octet {
namespace {

// The numbers of the rows of one part of the golden split.
std::vector<size_t> rows_of(const std::filesystem::path& split, std::string_view part) {
  const std::string bytes = testing::read_file(split);
  std::vector<size_t> rows;
  for (const std::string_view line : testing::lines_of(bytes)) {  // order,row,part
    const size_t first = line.find(','), second = line.find(',', first + 1);
    if (line.substr(second + 1) == part) rows.push_back(std::stoul(std::string(line.substr(first + 1))));
  }
  return rows;
}

TokenCounts count_tokens(const std::vector<std::string>& texts, const std::vector<size_t>& rows) {
  TokenCounts counts;
  for (const size_t row : rows) {
    for (const std::string_view token : english_tokens(texts[row])) counts.add(token);
  }
  return counts;
}

TokenCounts counts_of(std::initializer_list<std::string_view> tokens) {
  TokenCounts counts;
  for (const auto token : tokens) counts.add(token);
  return counts;
}

}  // namespace

TEST_CASE("the training rows of the CSV file give the vocabulary of the original, byte for byte") {
  const auto texts = testing::csv_messages(NEED_DATA("sms_spam.csv"));
  const auto split = NEED_GOLDEN("sms_split.csv");
  const auto golden = NEED_GOLDEN("sms_vocab.txt");
  const auto train = rows_of(split, "train"), validation = rows_of(split, "validation");
  REQUIRE(train.size() == 4180);
  REQUIRE(validation.size() == 1394);

  const TokenCounts counts = count_tokens(texts, train);
  const auto vocabulary = Vocabulary::from_counts(counts, 5);
  CHECK(vocabulary.size() == 1751);
  CHECK(vocabulary.text() == testing::read_file(golden));
  CHECK(vocabulary.token(31) == " ");

  const auto unknown_of = [&](const std::vector<size_t>& rows) {
    int64_t all = 0, unknown = 0;
    for (const size_t row : rows) {
      const auto ids = vocabulary.encode(english_tokens(texts[row]));
      all += static_cast<int64_t>(ids.size());
      unknown += std::count(ids.begin(), ids.end(), Vocabulary::kUnknown);
    }
    return std::pair(unknown, all);
  };
  CHECK(unknown_of(train) == std::pair<int64_t, int64_t>(12027, 78041));
  CHECK(unknown_of(validation) == std::pair<int64_t, int64_t>(4648, 26552));
  CHECK(counts.total() == 78041);

  const auto loaded = Vocabulary::load(golden);
  CHECK(loaded.text() == vocabulary.text());
  CHECK(loaded.hash() == vocabulary.hash());
}

TEST_CASE("the training rows of the UCI file give the same vocabulary but for one token") {
  const auto texts = testing::uci_messages(NEED_DATA("SMSSpamCollection"));
  const auto golden = Vocabulary::load(NEED_GOLDEN("sms_vocab.txt"));
  const auto train = rows_of(NEED_GOLDEN("sms_split.csv"), "train");
  const auto vocabulary = Vocabulary::from_counts(count_tokens(texts, train), 5);
  CHECK(vocabulary.size() == 1750);
  for (int32_t id = 0; id < vocabulary.size(); ++id) CHECK(golden.find(vocabulary.token(id)).has_value());
  CHECK_FALSE(vocabulary.find("'S").has_value());
}

TEST_CASE("ids follow the count, then the code points") {
  const auto vocabulary = Vocabulary::from_counts(counts_of({"b", "b", "a", "a", "c", "c", "c", "é", "é", "z",
                                                             "z", "😀", "😀", "\uFFFD", "\uFFFD", "once"}),
                                                  2);
  const std::vector<std::string> expected = {"<unk>", "<pad>", "c", "a", "b", "z", "é", "\uFFFD", "😀"};
  REQUIRE(vocabulary.size() == static_cast<int32_t>(expected.size()));
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    CHECK(vocabulary.token(id) == expected[static_cast<size_t>(id)]);
    CHECK(vocabulary.id(expected[static_cast<size_t>(id)]) == id);
  }
  CHECK(vocabulary.id("once") == Vocabulary::kUnknown);
  CHECK(vocabulary.encode(std::vector<std::string>{"c", "once", "z"}) == std::vector<int32_t>{2, 0, 5});
}

TEST_CASE("a token spelled like a special takes its id") {
  const auto vocabulary = Vocabulary::from_counts(counts_of({"<pad>", "<pad>", "<unk>", "x"}), 1);
  CHECK(vocabulary.size() == 3);
  CHECK(vocabulary.id("<pad>") == Vocabulary::kPadding);
  CHECK(vocabulary.token(2) == "x");
}

TEST_CASE("counts add up, and the empty token is refused") {
  TokenCounts counts;
  counts.add("a");
  counts.add("a", 4);
  CHECK(counts.count("a") == 5);
  CHECK(counts.count("b") == 0);
  CHECK(counts.total() == 5);
  CHECK(counts.distinct() == 1);
  CHECK_ERROR(ErrorKind::Usage, "empty token", counts.add(""));
}

TEST_CASE("no counts at all leave the specials") {
  CHECK(Vocabulary::from_counts(TokenCounts(), 1).text() == "<unk>\n<pad>\n");
  CHECK(Vocabulary().text() == "<unk>\n<pad>\n");
}

TEST_CASE("any token survives saving and loading") {
  const std::vector<std::string> odd = {" ",
                                        "  ",
                                        "\t",
                                        "\n",
                                        "\n\n",
                                        "\r\n",
                                        "\r",
                                        "a\nb",
                                        "\\n",
                                        "\\",
                                        "a\\",
                                        "\x10",
                                        "\x10\\n",
                                        "\x10\n\\",
                                        "\\\n",
                                        "\u00a0",
                                        "\u2028",
                                        " padded ",
                                        "<unk>\n",
                                        std::string("a\0b", 3),
                                        std::string("\0", 1)};
  TokenCounts counts;
  for (size_t i = 0; i < odd.size(); ++i) counts.add(odd[i], static_cast<int64_t>(100 - i));
  const auto vocabulary = Vocabulary::from_counts(counts, 1);

  testing::TemporaryFolder folder;
  vocabulary.save(folder / "vocab.txt");
  const auto loaded = Vocabulary::load(folder / "vocab.txt");
  REQUIRE(loaded.size() == static_cast<int32_t>(odd.size()) + 2);
  for (size_t i = 0; i < odd.size(); ++i) CHECK(loaded.token(static_cast<int32_t>(i) + 2) == odd[i]);
  CHECK(loaded.hash() == vocabulary.hash());
  const std::string bytes = testing::read_file(folder / "vocab.txt");
  CHECK(bytes.find("\n\\n\n") != std::string::npos);  // a backslash and an n, as they are
}

TEST_CASE("the hash is FNV-1a of the file and tells vocabularies apart") {
  CHECK(Vocabulary::from_text("<unk>\n<pad>\na\n", "v").hash() == "ad32415869db7f33");
  const auto one = Vocabulary::from_text("<unk>\n<pad>\na\nb\n", "v");
  const auto other = Vocabulary::from_text("<unk>\n<pad>\nb\na\n", "v");
  CHECK(one.hash() != other.hash());
  CHECK(one.hash() == Vocabulary::from_text("<unk>\n<pad>\na\nb", "without a last line break").hash());
}

TEST_CASE("copies of a vocabulary share its table and outlive it") {
  Vocabulary copy;
  {
    const auto vocabulary = Vocabulary::from_text("<unk>\n<pad>\nword\n", "v");
    copy = vocabulary;
    CHECK(&copy.token(2) == &vocabulary.token(2));
  }
  CHECK(copy.id("word") == 2);
}

TEST_CASE("a bad vocabulary file is named with its line") {
  const auto error = [](std::string_view text, std::string_view message, ErrorKind kind = ErrorKind::Data) {
    CHECK_ERROR(kind, std::string(message), Vocabulary::from_text(text, "v.txt", kind));
  };
  error("", "v.txt: the vocabulary is empty");
  error("<unk>\n<pad>\na\nb\na\n", "v.txt:5: 'a' is on line 3 already");
  error("<unk>\n<pad>\n<unk>\n", "v.txt:3: '<unk>' is on line 1 already");
  error("<pad>\n<unk>\n", "v.txt:1: must be <unk>, but is '<pad>'");
  error("<unk>\na\n", "v.txt:2: must be <pad>, but is 'a'");
  error("<unk>\n", "v.txt: ends before line 2, which must be <pad>");
  error("<unk>\r\n<pad>\r\n", "v.txt:1: must be <unk>");
  error("<unk>\n<pad>\n\na\n", "v.txt:3: an empty line");
  error("<unk>\n<pad>\ncaf\xE9\n", "v.txt: byte 15 is not valid UTF-8");
  error(
      "<unk>\n<pad>\n\x10"
      "a\\t\n",
      "v.txt:3: a line that starts with U+0010");
  error("<unk>\n<pad>\n\x10\n", "v.txt:3: a line that starts with U+0010");
  error(
      "<unk>\n<pad>\n\x10"
      "a\\\n",
      "v.txt:3: a line that starts with U+0010");
  error("", "v.txt: the vocabulary is empty", ErrorKind::Checkpoint);
}

TEST_CASE("a vocabulary file that cannot be read or written is named") {
  testing::TemporaryFolder folder;
  CHECK_ERROR(ErrorKind::Data, "none.txt: cannot open", Vocabulary::load(folder / "none.txt"));
  CHECK_ERROR(ErrorKind::Checkpoint, "is a folder", Vocabulary::load(folder.path(), ErrorKind::Checkpoint));
  CHECK_ERROR(ErrorKind::Internal, "cannot write", Vocabulary().save(folder / "no/such/vocab.txt"));
}

TEST_CASE("an id outside of the vocabulary is a usage error") {
  const Vocabulary vocabulary;
  CHECK_ERROR(ErrorKind::Usage, "id 2 is outside of 0..1", vocabulary.token(2));
  CHECK_ERROR(ErrorKind::Usage, "id -1 is outside", vocabulary.token(-1));
}

}  // namespace octet
