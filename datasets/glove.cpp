#include "datasets/glove.h"

#include <utf8proc.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>

#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "datasets/glove_file.h"
#include "datasets/glove_lines.h"
#include "datasets/sha256.h"
#include "datasets/utf8.h"

namespace octet {
namespace {

constexpr size_t kPart = size_t{1} << 18;  // bytes that a thread takes at a time

std::string lower_case_of(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = utf8_at(text, at);
    append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point.value))));
    at += point.size;
  }
  return out;
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

std::string_view without_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

// Whole lines, about kPart bytes each; where they are cut depends on the text alone.
std::vector<std::string_view> parts_of(std::string_view block) {
  std::vector<std::string_view> parts;
  while (!block.empty()) {
    const size_t end = block.find('\n', std::min(kPart, block.size() - 1));
    const size_t size = end == std::string_view::npos ? block.size() : end + 1;
    parts.push_back(block.substr(0, size));
    block.remove_prefix(size);
  }
  return parts;
}

// The words whose vectors are wanted, in both cases where asked for.
class Keys {
 public:
  Keys(std::span<const std::string_view> words, bool lower_case) {
    for (const std::string_view word : words) {
      as_written_.push_back(add(word));
      lower_.push_back(lower_case ? add(lowered_.emplace_back(lower_case_of(word))) : as_written_.back());
    }
  }
  const GloveKeys& keys() const { return keys_; }
  size_t as_written(size_t word) const { return static_cast<size_t>(as_written_[word]); }
  size_t lower(size_t word) const { return static_cast<size_t>(lower_[word]); }

 private:
  int32_t add(std::string_view word) {
    return keys_.emplace(word, static_cast<int32_t>(keys_.size())).first->second;
  }
  GloveKeys keys_;
  std::deque<std::string> lowered_;  // keys_ has views of them
  std::vector<int32_t> as_written_, lower_;
};

// Puts the parts of a file together, in the order of its lines.
class Assembly {
 public:
  Assembly(size_t keys, size_t dimension)
      : found(keys), values(keys * dimension), sum(dimension), sum_of_squares(dimension) {}

  void add(const GlovePart& part, const std::string& source, int64_t lines_before) {
    if (part.error)
      fail(ErrorKind::Data, source, ", line ", lines_before + part.error->line, ": ", part.error->text);
    for (const GlovePart::Word& word : part.words) words.push_back({word.hash, lines_before + word.line});
    const size_t width = sum.size();
    for (const GlovePart::Kept& kept : part.kept) {
      const auto key = static_cast<size_t>(kept.key);
      if (found[key]) continue;
      found[key] = true;
      std::copy_n(part.values.data() + kept.at, width, values.data() + key * width);
    }
    for (size_t i = 0; i < width; ++i) {
      sum[i] += part.sum[i];
      sum_of_squares[i] += part.sum_of_squares[i];
    }
    if (part.first_spaced && spaced == 0)
      first_spaced = {lines_before + part.first_spaced->line, part.first_spaced->text};
    spaced += part.spaced;
  }

  std::vector<bool> found;
  std::vector<float> values;  // [keys, dimension]
  std::vector<double> sum, sum_of_squares;
  std::vector<GlovePart::Word> words;
  int64_t spaced = 0;
  GloveLine first_spaced;
};

// Words that stand again, told by their 64-bit hashes.
std::optional<std::string> note_of_repeats(std::vector<GlovePart::Word>& words) {
  std::sort(words.begin(), words.end(), [](const auto& a, const auto& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.line < b.line;
  });
  int64_t repeats = 0, line = 0, first = 0;  // the first line that repeats another
  for (size_t i = 0, run = 0; i < words.size(); ++i) {
    if (words[i].hash != words[run].hash) run = i;
    if (i == run) continue;
    ++repeats;
    if (line == 0 || words[i].line < line) line = words[i].line, first = words[run].line;
  }
  if (repeats == 0) return std::nullopt;
  return std::to_string(repeats) + (repeats == 1 ? " line repeats a word" : " lines repeat words") +
         ", whose first vectors count; the first is line " + std::to_string(line) +
         ", a repetition of line " + std::to_string(first);
}

void draw(std::span<float> row, const std::vector<double>& mean, const std::vector<double>& deviation,
          Rng rng) {
  for (size_t i = 0; i < row.size(); i += 2) {
    const auto [a, b] = rng.normal_pair();
    row[i] = static_cast<float>(mean[i] + deviation[i] * a);
    if (i + 1 < row.size()) row[i + 1] = static_cast<float>(mean[i + 1] + deviation[i + 1] * b);
  }
}

// The vector of each word, found or drawn.
void fill_rows(GloveVectors& result, const Assembly& all, const Keys& keys,
               std::span<const std::string_view> words, const Rng& rng) {
  const auto width = static_cast<size_t>(result.dimension);
  result.values.resize(words.size() * width);
  result.matches.resize(words.size());
  for (size_t i = 0; i < words.size(); ++i) {
    const std::span<float> row = std::span(result.values).subspan(i * width, width);
    const bool as_written = all.found[keys.as_written(i)];
    const size_t key = as_written ? keys.as_written(i) : keys.lower(i);
    if (all.found[key]) {
      std::copy_n(all.values.data() + key * width, width, row.data());
      result.matches[i] = as_written ? GloveMatch::AsWritten : GloveMatch::LowerCased;
    } else {
      draw(row, result.mean, result.deviation, rng.split(words[i]));
    }
  }
}

}  // namespace

GloveVectors read_glove(const std::filesystem::path& path, int64_t dimension,
                        std::span<const std::string_view> words, const Rng& rng, bool lower_case) {
  require(dimension > 0, "read_glove: ", dimension, " dimensions");
  GloveFile blocks(path, dimension);
  const std::string& source = blocks.source();
  const Keys keys(words, lower_case);
  Assembly all(keys.keys().size(), static_cast<size_t>(dimension));
  std::optional<Word2VecHeader> header;
  Sha256 hash;
  int64_t lines = 0;
  for (std::string_view block; !(block = blocks.next(lines)).empty();) {
    const std::string_view bytes = block;
    if (lines == 0) {
      block = without_mark(block);
      header = word2vec_header(first_line(block));
      if (header && header->dimension != dimension && dimension == 1)
        header.reset();  // a word and its number
      if (header) block.remove_prefix(std::min(block.size(), first_line(block).size() + 1)), ++lines;
      require(!header || header->dimension == dimension, ErrorKind::Data, source, ", line 1: ", dimension,
              " dimensions wanted, the header names ", header ? header->dimension : 0);
    }
    const std::vector<std::string_view> pieces = parts_of(block);
    std::vector<GlovePart> parts(pieces.size());
    cpu::parallel_for(static_cast<int64_t>(pieces.size()) + 1, [&](int64_t chunk) {
      if (chunk == 0) return hash.update(bytes);
      const auto i = static_cast<size_t>(chunk) - 1;
      parts[i] = parse_glove_lines(pieces[i], dimension, keys.keys());
    });
    for (const GlovePart& part : parts) {
      all.add(part, source, lines);
      lines += part.lines;
    }
  }
  GloveVectors result{.source = source, .sha256 = hash.hex(), .dimension = dimension};
  result.lines = static_cast<int64_t>(all.words.size());
  require(result.lines > 0, ErrorKind::Data, source, ": the file holds no vectors");
  require(!header || header->words == result.lines, ErrorKind::Data, source, ", line 1: the header counts ",
          header ? header->words : 0, " words, the file has ", result.lines, "; is it cut short?");
  const auto count = static_cast<double>(result.lines);
  for (size_t i = 0; i < all.sum.size(); ++i) {
    const double mean = all.sum[i] / count;
    result.mean.push_back(mean);
    result.deviation.push_back(std::sqrt(std::max(0.0, all.sum_of_squares[i] / count - mean * mean)));
  }
  if (header) result.notes.push_back("line 1 is the header of word2vec's format and is passed over");
  if (const auto repeats = note_of_repeats(all.words)) result.notes.push_back(*repeats);
  if (all.spaced > 0)
    result.notes.push_back(std::to_string(all.spaced) + (all.spaced == 1 ? " word holds" : " words hold") +
                           " spaces; the first is " + all.first_spaced.text + " in line " +
                           std::to_string(all.first_spaced.line));
  fill_rows(result, all, keys, words, rng);
  return result;
}

int64_t glove_dimension(const std::filesystem::path& path, int64_t preferred) {
  GloveFile blocks(path, preferred, size_t{1} << 20);
  const std::string_view line = trimmed_glove_line(first_line(without_mark(blocks.next(0))));
  if (const auto header = word2vec_header(line)) return header->dimension;
  const int64_t columns = glove_columns(line);
  require(columns > 1, ErrorKind::Data, blocks.source(),
          ", line 1: no word with numbers behind it; these are no word vectors");
  return columns - 1;
}

}  // namespace octet
