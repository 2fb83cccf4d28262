// A part of a file of word vectors as numbers: what one thread does of the work of read_glove (glove.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace octet {

// The words whose vectors are kept, each with an index of its own.
using GloveKeys = std::unordered_map<std::string_view, int32_t>;

struct GloveLine {
  int64_t line;      // from 1
  std::string text;  // about it
};

// What a part holds. Lines count from the part's begin.
struct GlovePart {
  struct Word {
    uint64_t hash;
    int64_t line;
  };
  struct Kept {
    int32_t key;
    size_t at;  // of its vector in `values`
  };
  int64_t lines = 0;                        // empty ones included
  std::vector<Word> words;                  // of every vector
  std::vector<Kept> kept;                   // in the order of lines
  std::vector<float> values;                // of kept vectors
  std::vector<double> sum, sum_of_squares;  // of all vectors, by dimension
  int64_t spaced = 0;                       // words that hold spaces
  std::optional<GloveLine> first_spaced;    // the word
  std::optional<GloveLine> error;           // where reading stopped, and why
};

// `text` is whole lines, the last with or without '\n'.
GlovePart parse_glove_lines(std::string_view text, int64_t dimension, const GloveKeys& keys);

// The first line of a file, where it is that of word2vec's text format: "400000 50".
struct Word2VecHeader {
  int64_t words, dimension;
};
std::optional<Word2VecHeader> word2vec_header(std::string_view line);

// The columns of a line, and the line without what may stand at its end: a space and '\r'.
int64_t glove_columns(std::string_view line);
std::string_view trimmed_glove_line(std::string_view line);

}  // namespace octet
