// Word vectors in the text format of GloVe (Pennington, Socher and Manning, "GloVe: Global Vectors for Word
// Representation", EMNLP 2014): a line is a word and its numbers, split by single spaces. word2vec's text
// format is the same with a header line that holds the number of words and of dimensions.
//
// Plain, packed (gz, xz, bz2, zstd), or an entry of a zip or tar; read in blocks, so that memory does not
// grow with the file. Every line is checked whole, wanted or not:
//
// - An error (Data, with file and line): fewer numbers than dimensions, or more; what is no finite float32;
// no word;
//   a word that is not UTF-8; a header that counts other words or dimensions than there are; a file without
//   vectors.
// - A note: a word again (its first vector counts); a word that holds spaces (some published files have them:
//   the last numbers of a line are the vector, what stands before them is the word, unless that is a number
//   too); a header. Empty lines, '\r' and a space at the end of a line, and a byte order mark are passed
//   over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/rng.h"

namespace octet {

// How a word came to its vector.
enum class GloveMatch : uint8_t { None, AsWritten, LowerCased };

struct GloveVectors {
  std::string source;  // path, and the entry of an archive
  std::string sha256;  // of the text, unpacked
  int64_t dimension = 0;
  int64_t lines = 0;                // vectors in the file, those of repeated words included
  std::vector<float> values;        // [words, dimension]
  std::vector<GloveMatch> matches;  // [words]
  // Of all vectors in the file, by dimension; the deviation is that of the vectors themselves (divided by n).
  std::vector<double> mean, deviation;
  std::vector<std::string> notes;  // sentences for people, see above

  std::span<const float> row(size_t word) const {
    const auto width = static_cast<size_t>(dimension);
    return std::span(values).subspan(word * width, width);
  }
};

// A vector for each of `words`, in their order: that of the word as it is written, else, with `lower_case`,
// that of the word in lower case (published GloVe vectors mostly know no other). A word without a vector gets
// one drawn from the normal distribution with the file's mean and deviation in each dimension; the stream is
// split from `rng` by the word, so what is drawn depends neither on the order of words nor on the other
// words. An archive may hold files of several dimensions, named as in the published one, glove.6B.50d.txt.
// The result does not depend on the number of threads.
GloveVectors read_glove(const std::filesystem::path& path, int64_t dimension,
                        std::span<const std::string_view> words, const Rng& rng, bool lower_case = true);

// The dimension of a file of vectors, by its first line or, in an archive of several, `preferred`, by their
// names. Errors (Data): as above; an archive of several dimensions without that one.
int64_t glove_dimension(const std::filesystem::path& path, int64_t preferred);

}  // namespace octet
