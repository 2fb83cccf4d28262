#include "datasets/imdb.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "datasets/archive.h"
#include "datasets/csv.h"
#include "datasets/input_file.h"
#include "datasets/python_text.h"
#include "datasets/sha256.h"
#include "datasets/utf8.h"

namespace octet {
namespace {

constexpr std::string_view kFileNames[] = {"imdb_50k.csv", "imdb_50k.csv.xz", "IMDB Dataset.csv",
                                           "aclImdb_v1.tar.gz"};
constexpr std::string_view kCsvNames[] = {"imdb_50k.csv", "IMDB Dataset.csv"};
constexpr std::string_view kHeader[] = {"review", "sentiment"};
constexpr std::string_view kLabels[] = {"negative", "positive"};
constexpr std::string_view kLabelFolders[] = {"neg", "pos"};  // of the original release
constexpr std::string_view kPartFolders[] = {"train", "test"};

// The original release has 100,055 entries.
constexpr UnpackLimits kLimits{.entries = 200'000};

void check_text(std::string_view bytes, const std::string& source, bool has_lines) {
  const size_t nul = bytes.find('\0');
  require(nul == std::string_view::npos, ErrorKind::Data, source, ": byte ", nul,
          " is NUL: this is binary data or UTF-16, not UTF-8 text");
  const std::optional<size_t> invalid = first_invalid_utf8(bytes);
  if (!invalid) return;
  if (!has_lines) fail(ErrorKind::Data, source, ": byte ", *invalid, " is not valid UTF-8");
  const auto line =
      1 + std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(*invalid), '\n');
  fail(ErrorKind::Data, source, ", line ", line, ": byte ", *invalid, " of the file is not valid UTF-8");
}

bool is_blank(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = utf8_at(text, at);
    if (!is_python_space(c.value)) return false;
    at += c.size;
  }
  return true;
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool has_header(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, std::min(bytes.find('\n'), size_t{100}) + 1);
  if (std::count(line.begin(), line.end(), '"') % 2 != 0)
    return false;  // no header, and no place to complain
  CsvReader header(line, "header");
  return header.next() && std::equal(header.fields().begin(), header.fields().end(), std::begin(kHeader),
                                     std::end(kHeader), same_ignoring_case);
}

int32_t label_index(std::string_view label, const CsvReader& rows) {
  const auto found = std::find(std::begin(kLabels), std::end(kLabels), label);
  if (found != std::end(kLabels)) return static_cast<int32_t>(found - std::begin(kLabels));
  const std::string_view shown = label.substr(0, 40);
  fail(ErrorKind::Data, rows.where(), ": unknown label '", shown, shown.size() < label.size() ? "..." : "",
       "', valid are 'negative' and 'positive'");
}

void read_csv(std::string_view bytes, const std::string& source, TextCorpus& corpus) {
  check_text(bytes, source, true);
  require(has_header(bytes), ErrorKind::Data, source,
          ", line 1: not an IMDB corpus; wanted is CSV with the header review,sentiment");
  corpus.sha256 = sha256_hex(bytes);
  CsvReader rows(bytes, source, {.columns = std::size(kHeader)});
  rows.next();
  while (rows.next()) {
    const auto fields = rows.fields();
    require(!is_blank(fields[0]), ErrorKind::Data, rows.where(), ": the review is empty");
    corpus.labels.push_back(label_index(fields[1], rows));
    corpus.texts.emplace_back(fields[0]);
  }
}

// The last part of a path, which gets shorter by it: "a/b/c" gives "c" and leaves "a/b".
std::string_view split_off(std::string_view& path) {
  const size_t slash = path.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  return last;
}

template <size_t N>
int32_t index_in(const std::string_view (&names)[N], std::string_view name) {
  const auto found = std::find(std::begin(names), std::end(names), name);
  return found == std::end(names) ? -1 : static_cast<int32_t>(found - std::begin(names));
}

// What the path of a review says of it. `key` is its name in the order of the corpus.
struct ReviewPath {
  std::string key;  // "train/pos/0_9"
  int32_t label;
  bool well_named;  // <number>_<rating>.txt
};

// Nothing for a path that is not in train/pos, train/neg, test/pos or test/neg, and for the hidden files that
// some systems put beside every file of an archive.
std::optional<ReviewPath> review_path(std::string_view path) {
  std::string_view folder = path;
  std::string_view name = split_off(folder);
  const int32_t label = index_in(kLabelFolders, split_off(folder));
  const int32_t part = index_in(kPartFolders, split_off(folder));
  if (label < 0 || part < 0 || name.empty() || name.front() == '.') return std::nullopt;
  const bool is_text = name.ends_with(".txt");
  if (is_text) name.remove_suffix(4);
  const size_t bar = name.find('_');
  const auto is_number = [](std::string_view digits) {
    return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const bool well_named = is_text && bar != std::string_view::npos && is_number(name.substr(0, bar)) &&
                          is_number(name.substr(bar + 1));
  std::string key(kPartFolders[part]);
  key.append("/").append(kLabelFolders[label]).append("/").append(name);
  return ReviewPath{std::move(key), label, well_named};
}

struct Review {
  std::string order;  // SHA-256 of the key
  std::string key;
  int32_t label;
  std::string text;
};

Review review_of(ArchiveEntry entry, const std::string& path) {
  const std::string source = path + " (" + entry.name + ")";
  const ReviewPath about = *review_path(entry.name);
  require(about.well_named, ErrorKind::Data, source,
          ": not named like a review, which is <number>_<rating>.txt");
  check_text(entry.bytes, source, false);
  require(!is_blank(entry.bytes), ErrorKind::Data, source, ": the review is empty");
  return {sha256_hex(about.key), about.key, about.label, std::move(entry.bytes)};
}

void take_reviews(std::vector<Review> reviews, const std::string& path, TextCorpus& corpus) {
  std::sort(reviews.begin(), reviews.end(),
            [](const Review& a, const Review& b) { return a.order < b.order; });
  for (size_t i = 0; i < reviews.size(); ++i) {
    require(i == 0 || reviews[i].order != reviews[i - 1].order, ErrorKind::Data, path, ": the archive holds ",
            reviews[i].key, ".txt twice");
    corpus.labels.push_back(reviews[i].label);
    corpus.texts.push_back(std::move(reviews[i].text));
  }
}

bool is_csv_entry(std::string_view path) {
  return std::any_of(std::begin(kCsvNames), std::end(kCsvNames),
                     [&](std::string_view name) { return is_entry_named(path, name); });
}

void read_packed(std::string_view bytes, const std::string& path, TextCorpus& corpus) {
  std::vector<Review> reviews;
  std::optional<ArchiveEntry> csv;
  const auto wanted = [](std::string_view entry) { return is_csv_entry(entry) || review_path(entry); };
  const auto use = [&](ArchiveEntry entry) {
    if (!entry.name.empty() && !is_csv_entry(entry.name)) {
      reviews.push_back(review_of(std::move(entry), path));
      return true;
    }
    csv = std::move(entry);
    return false;
  };
  const std::string passed = each_archive_entry(bytes, path, wanted, use, kLimits);
  if (csv) {
    corpus.entry = csv->name;
    return read_csv(csv->bytes, csv->name.empty() ? path : path + " (" + csv->name + ")", corpus);
  }
  require(!reviews.empty(), ErrorKind::Data, path,
          ": neither reviews (train/pos/0_9.txt, ...) nor imdb_50k.csv or 'IMDB Dataset.csv' in the archive, "
          "which holds ",
          passed.empty() ? "nothing" : passed);
  corpus.sha256 = sha256_hex(bytes);
  take_reviews(std::move(reviews), path, corpus);
}

}  // namespace

std::span<const std::string_view> imdb_file_names() { return kFileNames; }

std::filesystem::path imdb_file(const std::filesystem::path& file_or_folder) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::is_directory(file_or_folder, ignored)) return file_or_folder;
  for (const std::string_view name : kFileNames)
    if (fs::exists(file_or_folder / name, ignored)) return file_or_folder / name;
  fail(ErrorKind::Data, file_or_folder.string(),
       ": the folder holds none of imdb_50k.csv, imdb_50k.csv.xz, IMDB Dataset.csv, aclImdb_v1.tar.gz");
}

TextCorpus parse_imdb(std::string_view bytes, const std::string& path) {
  TextCorpus corpus;
  corpus.name = "imdb";
  corpus.path = path;
  corpus.encoding = "UTF-8";
  corpus.label_names.assign(std::begin(kLabels), std::end(kLabels));
  if (looks_packed(bytes)) {
    read_packed(bytes, path, corpus);
  } else {
    read_csv(bytes, path, corpus);
  }
  require_trainable(corpus);
  return corpus;
}

TextCorpus read_imdb(const std::filesystem::path& file_or_folder) {
  const std::filesystem::path path = imdb_file(file_or_folder);
  return parse_imdb(read_input_file(path), path.string());
}

std::string imdb_as_csv(const TextCorpus& corpus) {
  std::string out;
  out.append(kHeader[0]).append(",").append(kHeader[1]).append("\n");
  for (size_t i = 0; i < corpus.texts.size(); ++i) {
    const std::string& text = corpus.texts[i];
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
      out += text;
    } else {
      out += '"';
      for (size_t at = 0, quote; at < text.size(); at = quote + 1) {
        quote = std::min(text.find('"', at), text.size());
        out.append(text, at, quote - at);
        if (quote < text.size()) out += "\"\"";
      }
      out += '"';
    }
    out.append(",").append(corpus.label_names.at(static_cast<size_t>(corpus.labels.at(i)))).append("\n");
  }
  return out;
}

}  // namespace octet
