#include "optim/dither_pieces.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

namespace octet::optim {
namespace {

double value_of(const Codebook& book, int magnitude) {
  return static_cast<double>(book.value[static_cast<size_t>(book.index(magnitude))]);
}

// Slope and offset of the line through two values. The noise must not carry the largest value past the last
// code, even if rounding made it an ulp more than 1.
std::pair<float, float> line(const Codebook& book, int from, int to) {
  const double x = value_of(book, from);
  auto slope = static_cast<float>((to - from) / (value_of(book, to) - x));
  auto offset = static_cast<float>(from - static_cast<double>(slope) * x + static_cast<double>(kPlaceBase));
  const float largest = kPlaceBase + static_cast<float>(book.top);
  while (to == book.top && std::fma(slope, std::nextafterf(1.0f, 2.0f), offset) > largest) {
    float& bent = from == 0 ? slope : offset;  // the place of 0 stays
    bent = std::nextafterf(bent, -1e9f);
  }
  return {slope, offset};
}

// The first magnitude of each piece, that of its second line, and so on to the last magnitude of all.
std::vector<int> knots(const Codebook& book, Map map) {
  std::vector<int> out{0};
  switch (map) {
    case Map::Linear:
      out.insert(out.end(), {book.top, book.top});
      break;
    case Map::Dynamic:
    case Map::DynamicV036:
    case Map::Powers4:  // have no pieces
      for (int decade = 0, first = 1; decade < kDecades; ++decade) {
        const int cells = (book.book == Book::Signed ? 1 : 2) << decade;
        out.insert(out.end(), {first, first + cells - 1});
        first += cells;
      }
      out.insert(out.end(), {book.top, book.top});
      break;
  }
  return out;
}

DitherPieces make_pieces(const Codebook& book, Map map) {
  const std::vector<int> knot = knots(book, map);
  DitherPieces out{};
  const size_t pieces = knot.size() / 2;
  for (size_t p = 0; p < DitherPieces::kPieces; ++p) {
    const size_t at = 2 * std::min(p, pieces - 1);
    std::tie(out.gap_slope[p], out.gap_offset[p]) = line(book, knot[at], knot[at + 1]);
    std::tie(out.slope[p], out.offset[p]) = knot[at + 2] > knot[at + 1]
                                                ? line(book, knot[at + 1], knot[at + 2])
                                                : std::pair(out.gap_slope[p], out.gap_offset[p]);
    out.threshold[p] = p + 1 < pieces ? static_cast<float>(value_of(book, knot[at + 2])) : 2.0f;
  }
  for (float* table : {out.threshold, out.slope, out.offset, out.gap_slope, out.gap_offset})
    std::copy_n(table, DitherPieces::kPieces, table + DitherPieces::kPieces);
  return out;
}

}  // namespace

const DitherPieces& dither_pieces(Book book, Map map) {
  static const auto pieces = [] {
    std::array<std::array<DitherPieces, 2>, kMaps> out{};
    for (size_t m = 0; m < kMaps; ++m)
      for (size_t b = 0; b < 2; ++b) {
        const auto map_of = static_cast<Map>(m);
        // The one is never dithered, the other needs none.
        if (map_of == Map::DynamicV036 || map_of == Map::Powers4) continue;
        out[m][b] = make_pieces(codebook(static_cast<Book>(b), map_of), map_of);
      }
    return out;
  }();
  return pieces[static_cast<size_t>(map)][static_cast<size_t>(book)];
}

}  // namespace octet::optim
