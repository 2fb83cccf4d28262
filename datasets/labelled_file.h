// Labelled texts in a file of one's own: CSV, TSV, semicolons or JSON Lines (text_table.h), or one file a
// class with one text a line; plain or packed; UTF-8, UTF-16, Latin-1 or Windows-1252 (text_encoding.h).
//
//   LabelledTexts train = read_labelled_file("train.csv", {});
//   LabelledTexts test = read_labelled_file("test.csv", train.same_way());
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datasets/column_choice.h"
#include "datasets/text_corpus.h"

namespace octet {

struct LabelledOptions {
  ColumnFlags columns;
  bool skip_empty = false;  // leave out rows without text or label instead of refusing the file
  // Of the labels that count, in the order of their ids; empty: the file's own. Files that are read beside
  // the training file have those of that one.
  std::vector<std::string> label_names;
};

struct LabelledTexts {
  TextCorpus corpus;               // name "text"
  std::vector<std::string> notes;  // for a person: what was guessed, converted, left out
  ColumnFlags columns;             // as they were told or guessed
  bool skip_empty = false;
  int64_t skipped = 0;         // rows left out as empty
  std::vector<int64_t> lines;  // [rows], the line that each row begins in, from 1
  std::vector<std::pair<std::string, int64_t>>
      sources;  // files as messages name them, and the first row of each

  std::string where(int64_t row) const;  // "reviews.csv, line 12"
  // How to read one more file so that its columns and labels mean the same.
  LabelledOptions same_way() const;
};

// Labels are the values without the blanks around them, sorted by number if all are numbers, else by code
// point: ids do not depend on the order of rows. Texts stay as they are.
//
// Errors (Data) with file and line: all of input_file.h, archive.h, text_encoding.h and text_table.h; several
// data files in an archive; a text or label that is empty, missing or nested; a label that is not one of
// label_names. With labels of the file's own also: one class only, a class with one row, more different
// labels than half the rows (then it is likely the wrong column). Errors (Usage): those of choose_columns.
LabelledTexts read_labelled_file(const std::filesystem::path& path, const LabelledOptions& options);

// The same from bytes that are unpacked already; `source` stands in messages.
LabelledTexts parse_labelled(std::string bytes, const std::string& source, const LabelledOptions& options);

struct LabelledLines {
  std::string label;
  std::filesystem::path path;
};
// One text a line, all lines of a file with its label: --positive F --negative F. A label may have several
// files. Empty lines are refused or skipped as above, those at the end of a file ignored. The corpus' sha256
// is that of the lines "SHA-256 of the file, blank, label". Errors (Data) as above.
LabelledTexts read_labelled_lines(const std::vector<LabelledLines>& files, const LabelledOptions& options);

}  // namespace octet
