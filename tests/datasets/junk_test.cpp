// Seeded random input for the readers: what was written comes back, and junk ends in rows or in an
// octet::Error, never in anything else (the sanitizers watch).
#include "core/error.h"
#include "core/rng.h"
#include "datasets/archive.h"
#include "datasets/csv.h"
#include "datasets/sms.h"
#include "tests/datasets/pack.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string random_text(Rng& rng, std::string_view alphabet, uint64_t longest) {
  std::string text;
  for (uint64_t n = rng.below(longest + 1); n > 0; --n) text.push_back(alphabet[rng.below(alphabet.size())]);
  return text;
}

// Quotes where RFC 4180 needs it, and sometimes where it does not.
std::string csv_field(Rng& rng, const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos && !text.empty() && rng.below(2)) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

}  // namespace

TEST_CASE("any table that is written by RFC 4180 is read back the same") {
  Rng rng(11);
  for (int round = 0; round < 500; ++round) {
    Rows rows(rng.below(6));
    const uint64_t columns = 1 + rng.below(4);
    std::string text = rng.below(2) ? "\xEF\xBB\xBF" : "";
    for (size_t i = 0; i < rows.size(); ++i) {
      for (uint64_t column = 0; column < columns; ++column) {
        rows[i].push_back(random_text(rng, "ab,\"\r\n\t ", 8));
        if (column) text.push_back(',');
        text += csv_field(rng, rows[i].back());
      }
      if (i + 1 < rows.size() || rng.below(2)) text += rng.below(2) ? "\r\n" : "\n";
    }
    CsvReader reader(text, "t", {.columns = columns});
    Rows found;
    while (reader.next()) found.emplace_back(reader.fields().begin(), reader.fields().end());
    INFO(text);
    CHECK(found == rows);
  }
}

TEST_CASE("random CSV-like bytes give rows or an error") {
  Rng rng(12);
  int64_t read = 0, refused = 0;
  for (int round = 0; round < 5000; ++round) {
    const std::string text = random_text(rng, "a,\"\r\n\xEF\xBB\xBF", 30);
    try {
      CsvReader reader(text, "t", {.quoting = rng.below(4) != 0, .field_limit = 10});
      int64_t line = 0;
      while (reader.next()) {
        CHECK(reader.line() > line);
        line = reader.line();
        CHECK(!reader.fields().empty());
      }
      ++read;
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::Data);
      ++refused;
    }
  }
  CHECK(read > 500);
  CHECK(refused > 500);
}

TEST_CASE("a corpus with random damage is read or refused as bad data") {
  Rng rng(13);
  const std::string whole =
      "v1,v2,,,\nham,\"Hello, you \"\"there\"\"\",,,\nspam,now \xC3\xBC \xC2\xA3"
      "100,,,\nham,x,y,,\n";
  int64_t refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = whole;
    for (uint64_t n = 1 + rng.below(3); n > 0; --n)
      bytes[rng.below(bytes.size())] = static_cast<char>(rng.next_u32());
    bytes.resize(bytes.size() - rng.below(4) * rng.below(bytes.size() / 4));
    try {
      const TextCorpus corpus = parse_sms(bytes, "t");
      CHECK(corpus.texts.size() == corpus.labels.size());
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::Data);
      ++refused;
    }
  }
  CHECK(refused > 1000);
}

TEST_CASE("an archive with random damage is read or refused as bad data") {
  Rng rng(14);
  std::string text;
  for (int i = 0; i < 300; ++i) text += "ham\tmessage " + std::to_string(i * i) + "\n";
  for (const Pack as : {Pack::Zip, Pack::TarGz, Pack::Gz, Pack::Xz, Pack::Tar}) {
    const std::string whole = pack(as, {{"SMSSpamCollection", text}});
    for (int round = 0; round < 200; ++round) {
      std::string bytes = whole;
      for (uint64_t n = 1 + rng.below(4); n > 0; --n)
        bytes[rng.below(bytes.size())] = static_cast<char>(rng.next_u32());
      try {
        const auto entry =
            read_archive_entry(bytes, "t", "SMS", [](auto) { return true; }, {.bytes = 1 << 20});
        CHECK(!entry.bytes.empty());
      } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::Data);
      }
    }
  }
}
