// Dithered rounding of 8-bit state: its definition keeps the mean, and every level's code follows it.
#include <algorithm>
#include <bit>
#include <limits>

#include "optim/dither_pieces.h"
#include "tests/optim/support.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

namespace {

constexpr Book kBooks[] = {Book::Signed, Book::Unsigned};

uint8_t code_of(Book book, float x, uint32_t noise, bool floor) {
  const DitherPieces& pieces = dither_pieces(book, Map::Dynamic);
  return book == Book::Signed ? dithered_code<Book::Signed, Map::Dynamic>(pieces, x, noise, floor)
                              : dithered_code<Book::Unsigned, Map::Dynamic>(pieces, x, noise, floor);
}

float value_of(Book book, int magnitude) {
  return codebook(book).value[static_cast<size_t>(codebook(book).index(magnitude))];
}

// Each block begins with 1, so that absmax and its reciprocal are 1.
void check_levels(Book book, const std::vector<float>& values, bool floor, uint32_t key) {
  std::vector<float> x;
  for (const float v : values) {
    if (x.size() % 256 == 0) x.push_back(1.0f);
    x.push_back(v);
  }
  for (const cpu::Level level : levels()) {
    const Encoded encoded =
        encode(level, book, x, 256, {.dithered = true, .floor = floor, .dither_key = key});
    int64_t wrong = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const uint8_t expected = code_of(book, x[i], dither_bits(key, static_cast<uint32_t>(i)), floor);
      if (encoded.codes[i] != expected && ++wrong < 5)
        FAIL_CHECK(cpu::name_of(level) << ": " << x[i] << " at " << i << " became " << int{encoded.codes[i]}
                                       << ", not " << int{expected});
    }
    CHECK(wrong == 0);
  }
}

void check_levels(Book book, std::vector<float> values) {
  if (book == Book::Signed)
    for (size_t i = 0, n = values.size(); i < n; ++i) values.push_back(-values[i]);
  for (const bool floor : {false, true})
    for (const uint32_t key : {0u, 0x80000000u, 0x7FFFFF00u, 0x12345678u})
      check_levels(book, values, floor, key);
}

}  // namespace

TEST_CASE("a value of the book lies at its own code") {
  for (const Book book : kBooks) {
    const DitherPieces& pieces = dither_pieces(book, Map::Dynamic);
    for (int m = 0; m <= codebook(book).top; ++m)
      CHECK(std::fabs(dither_place(pieces, value_of(book, m)) - kPlaceBase - static_cast<float>(m)) < 5e-5f);
  }
}

TEST_CASE("over all noises the mean of the decoded values is the value itself") {
  constexpr int kNoises = 65536;
  Rng rng(5);
  for (const Book book : kBooks) {
    std::vector<float> x{0.0f, 1.0f};
    for (int i = 0; i < (kSanitized ? 20 : 200); ++i)
      x.push_back(static_cast<float>(std::pow(10.0, -7.5 * rng.uniform())));
    for (int m = 1; m <= codebook(book).top; m += m < 8 ? 1 : 23) x.push_back(value_of(book, m));
    if (book == Book::Signed)  // but not the last gap on that side, which has no end
      for (size_t i = 0, n = x.size(); i < n; ++i)
        if (x[i] < value_of(book, 127)) x.push_back(-x[i]);
    for (const float v : x) {
      double sum = 0, squares = 0;
      for (int i = 0; i < kNoises; ++i) {
        const uint32_t noise = static_cast<uint32_t>(i) << 16;
        const double error = static_cast<double>(codebook(book).value[code_of(book, v, noise, false)]) - v;
        sum += error;
        squares += error * error;
      }
      const double mean = sum / kNoises,
                   deviation = std::sqrt(std::max(0.0, squares / kNoises - mean * mean));
      const size_t above = static_cast<size_t>(
          std::upper_bound(codebook(book).lower.begin() + 1,
                           codebook(book).lower.begin() + codebook(book).top, std::fabs(v)) -
          codebook(book).lower.begin());
      const double cell = static_cast<double>(value_of(book, static_cast<int>(above))) -
                          static_cast<double>(value_of(book, static_cast<int>(above) - 1));
      INFO(v);
      CHECK(std::fabs(mean) <= 3 * deviation / std::sqrt(kNoises) + 4e-5 * cell);
    }
  }
}

TEST_CASE("whatever the noise, 0 gets the code of 0, and under the floor no positive second moment does") {
  const std::vector<float> tiny{std::numeric_limits<float>::denorm_min(), 0x1p-127f, 0x1p-30f, 1e-7f, 3e-7f};
  for (int i = 0; i < 1024; ++i) {
    const uint32_t noise = static_cast<uint32_t>(i) << 22;
    for (const bool floor : {false, true})
      for (const Book book : kBooks) CHECK(codebook(book).value[code_of(book, 0.0f, noise, floor)] == 0.0f);
    for (const float x : tiny) CHECK(code_of(Book::Unsigned, x, noise, true) == 1);
    CHECK(code_of(Book::Unsigned, 1.0f, noise, true) >= 254);
    CHECK(code_of(Book::Unsigned, std::nextafterf(1.0f, 2.0f), noise, true) >= 254);
  }
  // The largest noise does not carry the largest value past the last code.
  for (const float one : {1.0f, std::nextafterf(1.0f, 2.0f)}) {
    CHECK(code_of(Book::Unsigned, one, UINT32_MAX, true) == 255);
    CHECK(code_of(Book::Signed, one, UINT32_MAX, true) == 255);
    CHECK(code_of(Book::Signed, -one, UINT32_MAX, true) == 0);
  }
}

TEST_CASE("every level gives the dithered code: at values, borders and ends of pieces") {
  for (const Book book : kBooks) {
    std::vector<float> x{0.0f, 1.0f};
    for (int m = 1; m <= codebook(book).top; ++m)
      for (const float centre : {value_of(book, m), codebook(book).lower[static_cast<size_t>(m)]}) {
        float v = centre;
        for (int i = 0; i < 4; ++i) v = std::nextafterf(v, 0.0f);
        for (int i = 0; i < 8; ++i, v = std::nextafterf(v, 2.0f)) x.push_back(std::min(v, 1.0f));
      }
    check_levels(book, x);
  }
}

TEST_CASE("every level gives the dithered code: floats of every class, and short blocks") {
  for (const Book book : kBooks) {
    std::vector<float> x{0.0f, -0.0f, std::numeric_limits<float>::denorm_min(), 0x1p-126f, 0x1p-127f};
    const uint32_t one = std::bit_cast<uint32_t>(1.0f), step = kSanitized ? 99991 : 9973;
    for (uint32_t bits = 0; bits < one; bits += step) x.push_back(std::bit_cast<float>(bits));
    check_levels(book, x);
    for (const size_t count : {1, 15, 17, 63, 65, 127, 200, 255, 257})
      check_levels(book, {x.end() - static_cast<std::ptrdiff_t>(count), x.end()});
  }
}
