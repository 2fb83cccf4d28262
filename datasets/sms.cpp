#include "datasets/sms.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "core/error.h"
#include "datasets/archive.h"
#include "datasets/csv.h"
#include "datasets/input_file.h"
#include "datasets/sha256.h"
#include "datasets/text_encoding.h"
#include "datasets/utf8.h"

namespace octet {
namespace {

constexpr std::string_view kFileNames[] = {"sms_spam.csv", "SMSSpamCollection", "sms+spam+collection.zip",
                                           "smsspamcollection.zip"};
constexpr std::string_view kLabels[] = {"ham", "spam"};
constexpr std::string_view kHeaders[][2] = {{"type", "text"}, {"v1", "v2"}};

enum class Layout { Unknown, Uci, Csv };

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool is_known_header(std::span<const std::string_view> fields) {
  if (fields.size() < 2) return false;
  return std::any_of(std::begin(kHeaders), std::end(kHeaders), [&](const auto& header) {
    return same_ignoring_case(fields[0], header[0]) && same_ignoring_case(fields[1], header[1]);
  });
}

std::string_view first_line(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  const size_t begin = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
  const size_t end = bytes.find_first_of("\r\n", begin);
  return bytes.substr(begin, end == std::string_view::npos ? end : end - begin);
}

Layout layout_of(std::string_view bytes, const std::string& source) {
  const std::string_view line = first_line(bytes);
  if (line.size() < 200) {  // a header is short, and a quote left open in a message must not be reported here
    const bool balanced = std::count(line.begin(), line.end(), '"') % 2 == 0;
    CsvReader header(line, source, {.quoting = balanced});
    if (header.next() && is_known_header(header.fields())) return Layout::Csv;
  }
  return line.find('\t') != std::string_view::npos ? Layout::Uci : Layout::Unknown;
}

// The bytes as UTF-8; `converted` keeps them where they had to be converted.
std::string_view decode(std::string_view bytes, Layout layout, const std::string& source, TextCorpus& corpus,
                        std::string& converted) {
  const size_t nul = bytes.find('\0');
  require(nul == std::string_view::npos, ErrorKind::Data, source, ": byte ", nul,
          " is NUL: this is binary data or UTF-16, not UTF-8 text");
  corpus.encoding = "UTF-8";
  const std::optional<size_t> invalid = first_invalid_utf8(bytes);
  if (!invalid) return bytes;
  if (layout == Layout::Unknown || !is_plausible_latin1(bytes)) {
    const auto line =
        1 + std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(*invalid), '\n');
    fail(ErrorKind::Data, source, ", line ", line, ": byte ", *invalid, " of the file is not valid UTF-8");
  }
  corpus.encoding = "Latin-1";
  converted = latin1_to_utf8(bytes);
  return converted;
}

int32_t label_index(std::string_view label, const CsvReader& rows) {
  for (size_t i = 0; i < std::size(kLabels); ++i)
    if (label == kLabels[i]) return static_cast<int32_t>(i);
  const std::string_view shown = label.substr(0, 40);
  fail(ErrorKind::Data, rows.where(), ": unknown label '", shown, shown.size() < label.size() ? "..." : "",
       "', valid are 'ham' and 'spam'");
}

// Kaggle's file continues a few messages in the columns after the second.
std::string joined_text(std::span<const std::string_view> fields) {
  size_t used = fields.size();
  while (used > 2 && fields[used - 1].empty()) --used;
  std::string text(fields[1]);
  for (size_t i = 2; i < used; ++i) text.append(",").append(fields[i]);
  return text;
}

}  // namespace

std::span<const std::string_view> sms_file_names() { return kFileNames; }

TextCorpus parse_sms(std::string_view bytes, const std::string& source) {
  TextCorpus corpus;
  corpus.name = "sms";
  corpus.sha256 = sha256_hex(bytes);
  corpus.label_names.assign(std::begin(kLabels), std::end(kLabels));

  const Layout layout = layout_of(bytes, source);
  std::string converted;
  const std::string_view text = decode(bytes, layout, source, corpus, converted);
  require(layout != Layout::Unknown, ErrorKind::Data, source,
          ", line 1: not an SMS corpus; wanted is label<TAB>text, or CSV with the header type,text or v1,v2");

  const bool csv = layout == Layout::Csv;
  CsvReader rows(text, source, {.delimiter = csv ? ',' : '\t', .quoting = csv});
  size_t columns = 2;
  if (csv && rows.next()) columns = rows.fields().size();  // the header
  while (rows.next()) {
    const auto fields = rows.fields();
    require(fields.size() == columns, ErrorKind::Data, rows.where(), ": ", columns, " columns wanted, ",
            fields.size(), " found");
    corpus.labels.push_back(label_index(fields[0], rows));
    corpus.texts.push_back(joined_text(fields));
  }
  return corpus;
}

TextCorpus read_sms(const std::filesystem::path& file_or_folder) {
  namespace fs = std::filesystem;
  fs::path path = file_or_folder;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    const auto name = std::find_if(std::begin(kFileNames), std::end(kFileNames),
                                   [&](std::string_view n) { return fs::exists(path / n, ignored); });
    require(name != std::end(kFileNames), ErrorKind::Data, path.string(),
            ": the folder holds none of sms_spam.csv, SMSSpamCollection, sms+spam+collection.zip, "
            "smsspamcollection.zip");
    path /= *name;
  }
  std::string bytes = read_input_file(path);
  std::string source = path.string(), entry;
  if (looks_packed(bytes)) {
    const auto wanted = [](std::string_view name) {
      return is_entry_named(name, "SMSSpamCollection") || is_entry_named(name, "sms_spam.csv") ||
             is_entry_named(name, "spam.csv");
    };
    ArchiveEntry unpacked =
        read_archive_entry(bytes, source, "SMSSpamCollection, sms_spam.csv or spam.csv", wanted);
    bytes = std::move(unpacked.bytes);
    entry = std::move(unpacked.name);
    if (!entry.empty()) source += " (" + entry + ")";
  }
  TextCorpus corpus = parse_sms(bytes, source);
  corpus.path = path.string();
  corpus.entry = entry;
  require_trainable(corpus);
  return corpus;
}

std::string sms_as_uci(const TextCorpus& corpus) {
  std::string out;
  for (size_t i = 0; i < corpus.texts.size(); ++i) {
    require(corpus.texts[i].find_first_of("\t\n") == std::string::npos, "sms_as_uci: row ", i,
            " holds a tab or a line break");
    out.append(corpus.label_names.at(static_cast<size_t>(corpus.labels.at(i)))).append("\t");
    out.append(corpus.texts[i]).append("\n");
  }
  return out;
}

}  // namespace octet
