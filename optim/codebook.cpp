#include "optim/codebook.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace octet::optim {
namespace {

int cells(Book book, int decade) { return book == Book::Signed ? 1 << decade : 2 << decade; }

// The magnitude of the first value of a decade: 2^e or 2^(e+1) - 1.
int first_magnitude(Book book, int decade) { return book == Book::Signed ? 1 << decade : (2 << decade) - 1; }

// Border i of n equal cells of [0.1, 1], in float32 as a linspace computes it: from the left end in the first
// half and from the right end in the second.
float border(int n, int i) {
  const float step = (1.0f - 0.1f) / static_cast<float>(n);
  return i < (n + 1) / 2 ? std::fma(step, static_cast<float>(i), 0.1f)
                         : std::fma(-step, static_cast<float>(n - i), 1.0f);
}

// Midpoint k of n equal cells of [0.1, 1], moved to a decade.
float midpoint(int decade, int n, int k) {
  const float scale = static_cast<float>(std::pow(10.0, decade - (kDecades - 1)));
  return scale * ((border(n, k) + border(n, k + 1)) / 2.0f);
}

// The smallest float whose nearest value is `above` rather than `below`. The sum of two floats of
// neighbouring cells is exact in double, and so is its half.
float first_float_of(float below, float above, bool tie_goes_up) {
  const double middle = (static_cast<double>(below) + static_cast<double>(above)) / 2;
  float x = static_cast<float>(middle);
  if (static_cast<double>(x) < middle || (static_cast<double>(x) == middle && !tie_goes_up))
    x = std::nextafterf(x, 2.0f);
  return x;
}

// The positive values of each map, ascending.
std::vector<float> dynamic_values(Book book) {
  std::vector<float> out;
  for (int decade = 0; decade < kDecades; ++decade)
    for (int k = 0, n = cells(book, decade); k < n; ++k) out.push_back(midpoint(decade, n, k));
  out.push_back(1.0f);
  return out;
}

// Twice the cells, and after each decade two further ones, sorted; what did not fit into 256 was never read.
std::vector<float> v036_values() {
  std::vector<float> out;
  for (int decade = 0; decade < kDecades; ++decade)
    for (const int n : {4 << decade, 2})
      for (int k = 0; k < n; ++k) out.push_back(midpoint(decade, n, k));
  out.push_back(1.0f);
  std::sort(out.begin(), out.end());
  out.resize(255);
  return out;
}

std::vector<float> linear_values(Book book) {
  const int top = book == Book::Signed ? 127 : 255;
  std::vector<float> out;
  for (int m = 1; m <= top; ++m) out.push_back(static_cast<float>(m) / static_cast<float>(top));
  return out;
}

std::vector<float> powers_of_two(Book book) {
  std::vector<float> out;
  for (int m = 1, top = top_magnitude(book, Map::Powers4); m <= top; ++m)
    out.push_back(std::ldexp(1.0f, m - top));
  return out;
}

std::vector<float> values_of(Book book, Map map) {
  switch (map) {
    case Map::Dynamic:
      break;
    case Map::DynamicV036:
      if (book == Book::Unsigned) return v036_values();
      break;
    case Map::Linear:
      return linear_values(book);
    case Map::Powers4:
      return powers_of_two(book);
  }
  return dynamic_values(book);
}

Codebook make_codebook(Book book, Map map) {
  const std::vector<float> positive = values_of(book, map);
  Codebook out{.book = book,
               .zero = zero_code(book, map),
               .top = static_cast<int>(positive.size()),
               .top_negative = 0,
               .value = {},
               .lower = {}};
  if (book == Book::Signed) out.top_negative = std::min(out.top, out.zero);
  std::fill(out.value.begin() + out.zero + 1, out.value.end(), positive.back());
  for (int m = 1; m <= out.top; ++m) out.value[out.index(m)] = positive[m - 1];
  for (int m = 1; m <= out.top_negative; ++m) out.value[out.index(m, true)] = -positive[m - 1];
  for (int m = 1; m <= out.top; ++m)
    out.lower[m] =
        first_float_of(out.value[out.index(m - 1)], out.value[out.index(m)], out.index(m) % 2 == 0);
  return out;
}

LinearPieces make_pieces(const Codebook& book) {
  LinearPieces out{};
  const double base = static_cast<double>(line_base(book.book)) + static_cast<double>(kLineTolerance);
  for (int decade = 0; decade < kDecades; ++decade) {
    const int n = cells(book.book, decade), first = first_magnitude(book.book, decade);
    // The borders inside this decade; the one below it belongs to the choice of the piece, but nothing is
    // below the first decade.
    const int from = decade == 0 ? first : first + 1, to = first + n - 1;
    double slope = n / 0.9 * std::pow(10.0, kDecades - 1 - decade);
    if (to > from)
      slope = (to - from) / (static_cast<double>(book.lower[to]) - static_cast<double>(book.lower[from]));
    double offset = 0;
    for (int m = from; m <= to; ++m) offset += m - slope * static_cast<double>(book.lower[m]);
    offset /= to - from + 1;
    out.threshold[decade] = book.lower[first + n];
    out.slope[decade] = static_cast<float>(slope);
    out.offset[decade] = static_cast<float>(base + offset);
    out.limit[decade] = static_cast<float>(base + to + 0.5);
  }
  const int one = kDecades;
  out.threshold[one] = 2.0f;  // never reached
  out.slope[one] = 0.0f;
  out.offset[one] = out.limit[one] = static_cast<float>(base + book.top + 0.5);
  for (float* table : {out.threshold, out.slope, out.offset, out.limit})
    std::copy_n(table, LinearPieces::kPieces, table + LinearPieces::kPieces);
  return out;
}

}  // namespace

const Codebook& codebook(Book book, Map map) {
  static const auto books = [] {
    std::array<std::array<Codebook, 2>, kMaps> out{};
    for (int m = 0; m < kMaps; ++m)
      for (const Book b : {Book::Signed, Book::Unsigned})
        out[static_cast<size_t>(m)][static_cast<size_t>(b)] = make_codebook(b, static_cast<Map>(m));
    return out;
  }();
  return books[static_cast<size_t>(map)][static_cast<size_t>(book)];
}

const LinearPieces& linear_pieces(Book book) {
  static const LinearPieces pieces[] = {make_pieces(codebook(Book::Signed)),
                                        make_pieces(codebook(Book::Unsigned))};
  return pieces[static_cast<int>(book)];
}

int nearest_magnitude(const Codebook& book, float x) {
  if (!(x < 1.0f)) return book.top;
  const float* first = book.lower.data() + 1;
  return static_cast<int>(std::upper_bound(first, first + book.top, x) - first);
}

uint8_t nearest_code(const Codebook& book, float x) {
  if (book.book == Book::Unsigned) return static_cast<uint8_t>(x < 0.0f ? 0 : nearest_magnitude(book, x));
  const bool negative = std::signbit(x);
  const int magnitude = nearest_magnitude(book, std::fabs(x));
  return static_cast<uint8_t>(
      book.index(negative ? std::min(magnitude, book.top_negative) : magnitude, negative));
}

}  // namespace octet::optim
