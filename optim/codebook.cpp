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

float cell_value(Book book, int decade, int k) {
  const int n = cells(book, decade);
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

Codebook make_codebook(Book book) {
  Codebook out{.book = book,
               .top = book == Book::Signed ? 128 : 255,
               .top_negative = book == Book::Signed ? 127 : 0,
               .value = {},
               .lower = {}};
  out.value[out.index(out.top)] = 1.0f;
  for (int decade = 0; decade < kDecades; ++decade)
    for (int k = 0; k < cells(book, decade); ++k) {
      const int magnitude = first_magnitude(book, decade) + k;
      out.value[out.index(magnitude)] = cell_value(book, decade, k);
      if (book == Book::Signed) out.value[out.index(magnitude, true)] = -cell_value(book, decade, k);
    }
  for (int m = 1; m <= out.top; ++m)
    out.lower[m] =
        first_float_of(out.value[out.index(m - 1)], out.value[out.index(m)], out.index(m) % 2 == 0);
  return out;
}

LinearPieces make_pieces(const Codebook& book) {
  LinearPieces out{};
  for (int decade = 0; decade < kDecades; ++decade) {
    const int n = cells(book.book, decade), first = first_magnitude(book.book, decade);
    // The borders inside this decade; the one below it belongs to the choice of the piece, but nothing is
    // below the first decade.
    const int from = decade == 0 ? first : first + 1, to = first + n - 1;
    double slope = n / 0.9 * std::pow(10.0, kDecades - 1 - decade);
    if (to > from)
      slope = (to - from) / (static_cast<double>(book.lower[to]) - static_cast<double>(book.lower[from]));
    double offset = 0;
    for (int m = from; m <= to; ++m) offset += m - 0.5 - slope * static_cast<double>(book.lower[m]);
    offset /= to - from + 1;
    out.threshold[decade] = book.lower[first + n];
    out.slope[decade] = static_cast<float>(slope);
    out.offset[decade] = static_cast<float>(offset);
    out.limit[decade] = static_cast<float>(to);
  }
  const int one = kDecades;
  out.threshold[one] = 2.0f;  // never reached
  out.slope[one] = 0.0f;
  out.offset[one] = out.limit[one] = static_cast<float>(book.top);
  for (float* table : {out.threshold, out.slope, out.offset, out.limit})
    std::copy_n(table, LinearPieces::kPieces, table + LinearPieces::kPieces);
  return out;
}

}  // namespace

const Codebook& codebook(Book book) {
  static const Codebook books[] = {make_codebook(Book::Signed), make_codebook(Book::Unsigned)};
  return books[static_cast<int>(book)];
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
