// The Large Movie Review Dataset v1.0 (Maas, Daly, Pham, Huang, Ng, Potts, "Learning Word Vectors for
// Sentiment Analysis", ACL 2011): 50,000 film reviews, negative 0 or positive 1.
//
// Read in the shapes it circulates in, told apart by content and not by name:
//   - CSV with the header review,sentiment (imdb_50k.csv, Kaggle's "IMDB Dataset.csv");
//   - that file in an xz, gz, zip, ...;
//   - the original release as downloaded: a tar.gz with one file a review, aclImdb/train/pos/0_9.txt and so
//     on. Train and test are taken together; unlabelled reviews (unsup) and all else are passed over.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "datasets/text_corpus.h"

namespace octet {

// Names that are looked for in a folder, in this order.
std::span<const std::string_view> imdb_file_names();

// The path of what read_imdb would read: a file itself, or the first of imdb_file_names() in a folder.
// Errors (Data): the folder holds none of them.
std::filesystem::path imdb_file(const std::filesystem::path& file_or_folder);

// Rows are in file order. Those of the original release, whose files have no order of their own, are sorted
// by the SHA-256 of "test/neg/11055_1", which puts them in the order of imdb_50k.csv; the SHA-256 of the
// corpus is then that of the archive, as no single entry holds the data. Errors (Data) with file, line (or
// entry) and value: whatever input_file.h, archive.h and csv.h report, binary data, another header, invalid
// UTF-8 (with the offset), an unknown label, an empty review, a file in pos or neg that is not named like a
// review, a review given twice, no rows, one class only.
TextCorpus read_imdb(const std::filesystem::path& file_or_folder);

// The same from the bytes of the file, packed or not; `path` stands in messages and in the corpus.
TextCorpus parse_imdb(std::string_view bytes, const std::string& path);

// The corpus as CSV, quoted only where needed.
std::string imdb_as_csv(const TextCorpus& corpus);

}  // namespace octet
