#include "datasets/labelled_file.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "datasets/archive.h"
#include "datasets/column_profile.h"
#include "datasets/input_file.h"
#include "datasets/label_table.h"
#include "datasets/sha256.h"
#include "datasets/text_encoding.h"

namespace octet {
namespace {

struct Bytes {
  std::string bytes, source, entry;
};

// What comes along in archives and is no data.
bool is_companion(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return path.starts_with("__MACOSX/") || name.starts_with('.') ||
         equal_ignoring_case(name.substr(0, 6), "readme") ||
         equal_ignoring_case(name.substr(0, 7), "license");
}

Bytes read_unpacked(const std::filesystem::path& path) {
  Bytes read{read_input_file(path), path.string(), ""};
  if (!looks_packed(read.bytes)) return read;
  std::vector<std::string> files = archive_files(read.bytes, read.source);
  std::erase_if(files, is_companion);
  std::string list;
  for (size_t i = 0; i < std::min<size_t>(files.size(), 10); ++i) list += (i ? ", " : "") + files[i];
  require(!files.empty(), ErrorKind::Data, read.source, ": the archive holds no data file");
  require(files.size() == 1, ErrorKind::Data, read.source, ": the archive holds ", files.size(), " files (",
          list, files.size() > 10 ? ", ..." : "", "), one is wanted; unpack it and name the file");
  ArchiveEntry entry = read_archive_entry(read.bytes, read.source, "data file",
                                          [&](std::string_view name) { return name == files[0]; });
  read.bytes = std::move(entry.bytes);
  read.entry = std::move(entry.name);
  if (!read.entry.empty()) read.source += " (" + read.entry + ")";
  return read;
}

std::string decoded(std::string bytes, const std::string& source, LabelledTexts& texts) {
  DecodedText text = decode_text(std::move(bytes), source);
  texts.corpus.encoding = text.encoding;
  if (text.encoding == "UTF-16") {
    texts.notes.push_back(source + ": UTF-16, as its byte order mark says");
  } else if (text.encoding != "UTF-8") {
    texts.notes.push_back(source + ": not UTF-8, read as " + text.encoding +
                          "; if words look wrong, convert the file to UTF-8 with iconv");
  }
  return std::move(text.text);
}

LabelledTexts begin(const LabelledOptions& options) {
  LabelledTexts texts;
  texts.corpus.name = "text";
  texts.columns = options.columns;
  texts.skip_empty = options.skip_empty;
  return texts;
}

// Collects rows; a row without text or label is skipped or an error.
class Rows {
 public:
  Rows(LabelledTexts& texts, const LabelledOptions& options) : texts_(texts), options_(options) {}

  void add(std::string_view text, std::string_view label, int64_t line, const std::string& what_is_text,
           const std::string& what_is_label) {
    for (const auto& [value, what] : {std::pair{text, &what_is_text}, {label, &what_is_label}}) {
      if (!trimmed(value).empty()) continue;
      const std::string where = texts_.sources.back().first + ", line " + std::to_string(line);
      require(options_.skip_empty, ErrorKind::Data, where, ": ", *what,
              " is empty; --skip-empty leaves such rows out");
      if (texts_.skipped++ == 0) first_skipped_ = where;
      return;
    }
    texts_.corpus.texts.emplace_back(text);
    labels_.emplace_back(trimmed(label));
    texts_.lines.push_back(line);
  }

  void finish(const std::string& what_is_label) {
    if (texts_.skipped)
      texts_.notes.push_back(std::to_string(texts_.skipped) + (texts_.skipped == 1 ? " row" : " rows") +
                             " without text or label left out, the first: " + first_skipped_);
    require(!labels_.empty(), ErrorKind::Data, texts_.sources.front().first, ": no rows are left");
    const auto where = [&](size_t row) { return texts_.where(static_cast<int64_t>(row)); };
    TextCorpus& corpus = texts_.corpus;
    corpus.label_names = options_.label_names;
    if (corpus.label_names.empty())
      corpus.label_names = trainable_labels(labels_, what_is_label, where, texts_.notes);
    corpus.labels = label_ids(labels_, corpus.label_names, where);
  }

 private:
  LabelledTexts& texts_;
  const LabelledOptions& options_;
  std::vector<std::string> labels_;
  std::string first_skipped_;
};

// The text of a cell that is used, which must be there.
std::string_view used(const TextTable& table, size_t row, size_t column) {
  const Cell& cell = table.cell(row, column);
  if (cell.kind == Cell::Kind::Absent)
    fail(ErrorKind::Data, table.where(row), ": the object has no '", excerpt(table.names[column], 40), "'");
  if (cell.kind == Cell::Kind::Nested)
    fail(ErrorKind::Data, table.where(row), ": '", excerpt(table.names[column], 40),
         "' is an array or object, wanted is a string, a number or a boolean");
  return cell.text;
}

// The column as a flag that finds it again: its name if it is alone in that, else its number.
std::string flag_for(const TextTable& table, size_t column) {
  if (!table.names.empty() && !table.names[column].empty() &&
      std::count(table.names.begin(), table.names.end(), table.names[column]) == 1)
    return table.names[column];
  return std::to_string(column + 1);
}

}  // namespace

std::string LabelledTexts::where(int64_t row) const {
  const auto after = std::upper_bound(sources.begin(), sources.end(), row,
                                      [](int64_t r, const auto& s) { return r < s.second; });
  return std::prev(after)->first + ", line " + std::to_string(lines.at(static_cast<size_t>(row)));
}

LabelledOptions LabelledTexts::same_way() const { return {columns, skip_empty, corpus.label_names}; }

LabelledTexts parse_labelled(std::string bytes, const std::string& source, const LabelledOptions& options) {
  LabelledTexts texts = begin(options);
  texts.corpus.sha256 = sha256_hex(bytes);
  texts.sources = {{source, 0}};
  TextTable table = read_text_table(decoded(std::move(bytes), source, texts), source);
  const ColumnChoice choice = choose_columns(table, options.columns);
  texts.columns = {flag_for(table, choice.text), flag_for(table, choice.label),
                   table.json      ? Header::Auto
                   : choice.header ? Header::Yes
                                   : Header::No};
  texts.notes.insert(texts.notes.end(), table.notes.begin(), table.notes.end());

  const std::string text_name = "the text in " + table.column_name(choice.text),
                    label_name = "the label in " + table.column_name(choice.label);
  Rows rows(texts, options);
  for (size_t row = 0; row < table.rows(); ++row)
    rows.add(used(table, row, choice.text), used(table, row, choice.label), table.lines[row], text_name,
             label_name);
  rows.finish(table.column_name(choice.label) + " of " + source);
  return texts;
}

LabelledTexts read_labelled_file(const std::filesystem::path& path, const LabelledOptions& options) {
  Bytes read = read_unpacked(path);
  LabelledTexts texts = parse_labelled(std::move(read.bytes), read.source, options);
  texts.corpus.path = path.string();
  texts.corpus.entry = read.entry;
  return texts;
}

LabelledTexts read_labelled_lines(const std::vector<LabelledLines>& files, const LabelledOptions& options) {
  require(!files.empty(), "read_labelled_lines: no files");
  LabelledTexts texts = begin(options);
  Rows rows(texts, options);
  std::string identity, encoding;
  for (const LabelledLines& file : files) {
    const Bytes read = read_unpacked(file.path);
    identity += sha256_hex(read.bytes) + " " + file.label + "\n";
    texts.corpus.path += (texts.corpus.path.empty() ? "" : " + ") + read.source;
    texts.sources.emplace_back(read.source, texts.corpus.rows());
    const std::string text = decoded(read.bytes, read.source, texts);
    if (encoding.find(texts.corpus.encoding) == std::string::npos)
      encoding += (encoding.empty() ? "" : ", ") + texts.corpus.encoding;
    std::string_view rest = text;
    const size_t last = rest.find_last_not_of(" \t\r\n");
    rest = rest.substr(0, last == std::string_view::npos ? 0 : rest.find('\n', last));
    for (int64_t line = 1; !rest.empty(); ++line) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view one = rest.substr(0, end);
      if (one.ends_with('\r')) one.remove_suffix(1);
      require(one.size() <= kLongestValue, ErrorKind::Data, read.source, ", line ", line, ": more than ",
              kLongestValue, " bytes");
      rows.add(one, file.label, line, "the line", "the label of this file");
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  texts.corpus.encoding = encoding;
  texts.corpus.sha256 = sha256_hex(identity);
  rows.finish("the label of each file");
  return texts;
}

}  // namespace octet
