// The tables that 8-bit codes are found by without a search: lines, and pieces by octaves.
#include <algorithm>
#include <bit>
#include <cmath>

#include "optim/cpu/octaves.h"
#include "optim/cpu/signed_lines.h"
#include "optim/dither_pieces.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::optim;

namespace {

constexpr Book kBooks[] = {Book::Signed, Book::Unsigned};

}  // namespace

TEST_CASE(
    "the linear pieces are within their tolerance of every border, so that the exact search catches it") {
  // Between borders the line is monotone; at both sides of a border it must be so near an integer that the
  // encoder looks at the table. Without this the test of sampled values would prove nothing about the others.
  for (const Book b : kBooks) {
    const Codebook& book = codebook(b);
    const LinearPieces& p = linear_pieces(b);
    for (int m = 1; m <= book.top; ++m) {
      const float x = book.lower[static_cast<size_t>(m)];
      for (const float side : {std::nextafterf(x, 0.0f), x}) {
        size_t piece = 0;
        while (piece < 7 && side >= p.threshold[piece]) ++piece;
        const bool ends_decade = piece < 7 && std::nextafterf(side, 2.0f) >= p.threshold[piece];
        for (const float line :
             {std::fma(p.slope[piece], side, p.offset[piece]), p.slope[piece] * side + p.offset[piece]}) {
          INFO("magnitude " << m << " piece " << piece);
          const float y = std::min(line, p.limit[piece]) - line_base(b);
          if (ends_decade) {
            CHECK(std::floor(y) == static_cast<float>(m - 1));
          } else if (piece > 0 && x == p.threshold[piece - 1]) {
            CHECK(std::floor(y) == static_cast<float>(m));
          } else {
            CHECK(y - static_cast<float>(m) > 0.25f * kLineTolerance);
            CHECK(y - static_cast<float>(m) < 1.75f * kLineTolerance);
          }
        }
      }
    }
  }
}

TEST_CASE("so are the lines with both signs, which have the code itself for their integer part") {
  const Codebook& book = codebook(Book::Signed);
  const LinearPieces& pieces = linear_pieces(Book::Signed);
  const SignedLines lines;
  for (int m = 1; m <= book.top; ++m) {
    const float border = book.lower[static_cast<size_t>(m)];
    const bool between_pieces = std::count(pieces.threshold, pieces.threshold + 7, border) > 0;
    for (const float magnitude : {std::nextafterf(border, 0.0f), border})
      for (const float x : {magnitude, -magnitude}) {
        INFO("magnitude " << m << " of " << x);
        const float y = lines.place(x), fraction = y - std::floor(y);
        const int code = static_cast<int>(y) - 256;
        if (between_pieces) {
          CHECK(SignedLines::is_far(y));
          CHECK(code == nearest_code(book, x));
        } else {
          CHECK(!SignedLines::is_far(y));
          CHECK(fraction > 0.25f * kLineTolerance);
          CHECK(fraction < 1.75f * kLineTolerance);
          CHECK(code - SignedLines::is_high(book, static_cast<uint8_t>(code), x) == nearest_code(book, x));
        }
      }
  }
}

TEST_CASE(
    "the piece by octaves is that by thresholds, for the floats around every threshold and in between") {
  const auto check = [](const float* threshold) {
    const Octaves octaves(threshold);
    const auto wrong = [&](float x) {
      int32_t piece = 0;
      while (piece < 7 && x >= threshold[piece]) ++piece;
      return octaves.piece(x) != piece;
    };
    int64_t count = wrong(0.0f) + wrong(1.0f) + wrong(std::nextafterf(1.0f, 2.0f));
    for (int i = 0; i < 7; ++i)
      for (const float x :
           {std::nextafterf(threshold[i], 0.0f), threshold[i], std::nextafterf(threshold[i], 2.0f)})
        if (x < 1.5f) count += wrong(x);
    for (uint32_t bits = 0; bits < std::bit_cast<uint32_t>(1.0f); bits += 61)
      count += wrong(std::bit_cast<float>(bits));
    CHECK(count == 0);
  };
  for (const Book b : kBooks) {
    check(linear_pieces(b).threshold);
    check(dither_pieces(b, Map::Dynamic).threshold);
  }
}
