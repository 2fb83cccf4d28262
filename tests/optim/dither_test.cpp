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
// Those that can be dithered.
struct Coded {
  const char* codec;
  Map map;
};
constexpr Coded kCodecs[] = {
    {"blockwise8", Map::Dynamic}, {"linear8", Map::Linear}, {"blockwise4", Map::Powers4}};

template <Map kMap>
uint8_t code_of(Book book, float x, uint32_t noise, bool floor) {
  const DitherPieces& pieces = dither_pieces(book, kMap);
  return book == Book::Signed ? dithered_code<Book::Signed, kMap>(pieces, x, noise, floor)
                              : dithered_code<Book::Unsigned, kMap>(pieces, x, noise, floor);
}
uint8_t code_of(Map map, Book book, float x, uint32_t noise, bool floor) {
  return map == Map::Linear    ? code_of<Map::Linear>(book, x, noise, floor)
         : map == Map::Powers4 ? code_of<Map::Powers4>(book, x, noise, floor)
                               : code_of<Map::Dynamic>(book, x, noise, floor);
}

float value_of(Map map, Book book, int magnitude) {
  const Codebook& codes = codebook(book, map);
  return codes.value[static_cast<size_t>(codes.index(magnitude))];
}
float decoded(Map map, Book book, uint8_t code) { return codebook(book, map).value[code]; }

// Each block begins with 1, so that absmax and its reciprocal are 1.
void check_levels(const Coded& coded, Book book, const std::vector<float>& values, bool floor, uint32_t key) {
  std::vector<float> x;
  for (const float v : values) {
    if (x.size() % 256 == 0) x.push_back(1.0f);
    x.push_back(v);
  }
  const bool pairs = codec_named(coded.codec).values_per_stored == 2;
  for (const cpu::Level level : levels()) {
    const Encoded encoded =
        encode(level, book, x, 256, {.dithered = true, .floor = floor, .dither_key = key}, coded.codec);
    int64_t wrong = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const int code = pairs ? encoded.codes[i / 2] >> (i % 2 * 4) & 15 : encoded.codes[i];
      const uint8_t expected =
          code_of(coded.map, book, x[i], dither_bits(key, static_cast<uint32_t>(i)), floor);
      if (code != expected && ++wrong < 5)
        FAIL_CHECK(coded.codec << " " << cpu::name_of(level) << ": " << x[i] << " at " << i << " became "
                               << code << ", not " << int{expected});
    }
    CHECK(wrong == 0);
  }
}

void check_levels(const Coded& coded, Book book, std::vector<float> values) {
  if (book == Book::Signed)
    for (size_t i = 0, n = values.size(); i < n; ++i) values.push_back(-values[i]);
  else
    std::erase_if(values, [](float v) { return std::signbit(v); });
  for (const bool floor : {false, true})
    for (const uint32_t key : {0u, 0x80000000u, 0x7FFFFF00u, 0x12345678u})
      check_levels(coded, book, values, floor, key);
}

}  // namespace

TEST_CASE("a value of the book lies at its own code") {
  for (const Map map : {Map::Dynamic, Map::Linear})
    for (const Book book : kBooks)
      for (int m = 0; m <= codebook(book, map).top; ++m) {
        const float place = dither_place(dither_pieces(book, map), value_of(map, book, m));
        CHECK(std::fabs(place - kPlaceBase - static_cast<float>(m)) < 5e-5f);
      }
  for (const Book book : kBooks)  // whatever the noise
    for (int m = 0; m <= codebook(book, Map::Powers4).top; ++m)
      for (const uint32_t noise : {0u, 0x80000000u, UINT32_MAX})
        CHECK(decoded(Map::Powers4, book,
                      code_of(Map::Powers4, book, value_of(Map::Powers4, book, m), noise, false)) ==
              value_of(Map::Powers4, book, m));
}

TEST_CASE("over all noises the mean of the decoded values is the value itself") {
  constexpr int kNoises = 65536;
  Rng rng(5);
  for (const auto& [codec, map] : kCodecs)
    for (const Book book : kBooks) {
      const Codebook& codes = codebook(book, map);
      std::vector<float> x{0.0f, 1.0f};
      for (int i = 0; i < (kSanitized ? 20 : 200); ++i)
        x.push_back(static_cast<float>(std::pow(10.0, -7.5 * rng.uniform())));
      for (int m = 1; m <= codes.top; m += m < 8 ? 1 : 23) x.push_back(value_of(map, book, m));
      if (book == Book::Signed)  // as far as there are negative values
        for (size_t i = 0, n = x.size(); i < n; ++i)
          if (x[i] <= value_of(map, book, codes.top_negative)) x.push_back(-x[i]);
      for (const float v : x) {
        double sum = 0, squares = 0;
        for (int i = 0; i < kNoises; ++i) {
          const uint32_t noise = static_cast<uint32_t>(i) << 16;
          const double error =
              static_cast<double>(decoded(map, book, code_of(map, book, v, noise, false))) - v;
          sum += error;
          squares += error * error;
        }
        const double mean = sum / kNoises,
                     deviation = std::sqrt(std::max(0.0, squares / kNoises - mean * mean));
        int above = 1;
        while (above < codes.top && value_of(map, book, above) < std::fabs(v)) ++above;
        const double cell = static_cast<double>(value_of(map, book, above)) -
                            static_cast<double>(value_of(map, book, above - 1));
        INFO(codec << " " << v);
        CHECK(std::fabs(mean) <= 3 * deviation / std::sqrt(kNoises) + 4e-5 * cell);
      }
    }
}

TEST_CASE("whatever the noise, 0 gets the code of 0, and under the floor no positive second moment does") {
  const std::vector<float> tiny{std::numeric_limits<float>::denorm_min(), 0x1p-127f, 0x1p-30f, 1e-7f, 3e-7f};
  const float one = 1.0f, more = std::nextafterf(1.0f, 2.0f);
  for (const auto& [codec, map] : kCodecs) {
    INFO(codec);
    const int top = codebook(Book::Unsigned, map).top;
    for (int i = 0; i < 1024; ++i) {
      const uint32_t noise = static_cast<uint32_t>(i) << 22;
      for (const bool floor : {false, true})
        for (const Book book : kBooks) CHECK(decoded(map, book, code_of(map, book, 0.0f, noise, floor)) == 0);
      for (const float x : tiny) CHECK(code_of(map, Book::Unsigned, x, noise, true) == 1);
      for (const float x : {one, more}) CHECK(code_of(map, Book::Unsigned, x, noise, true) >= top - 1);
    }
    // The largest noise does not carry the largest value past the last code.
    for (const float x : {one, more}) {
      CHECK(code_of(map, Book::Unsigned, x, UINT32_MAX, true) == top);
      CHECK(decoded(map, Book::Signed, code_of(map, Book::Signed, x, UINT32_MAX, true)) == 1);
      CHECK(code_of(map, Book::Signed, -x, UINT32_MAX, true) == 0);
    }
  }
}

TEST_CASE("every level gives the dithered code: at values, borders and ends of pieces") {
  for (const Coded& coded : kCodecs)
    for (const Book book : kBooks) {
      std::vector<float> x{0.0f, 1.0f};
      for (int m = 1; m <= codebook(book, coded.map).top; ++m)
        for (const float centre :
             {value_of(coded.map, book, m), codebook(book, coded.map).lower[static_cast<size_t>(m)]}) {
          float v = centre;
          for (int i = 0; i < 4; ++i) v = std::nextafterf(v, 0.0f);
          for (int i = 0; i < 8; ++i, v = std::nextafterf(v, 2.0f)) x.push_back(std::min(v, 1.0f));
        }
      check_levels(coded, book, x);
    }
}

TEST_CASE("every level gives the dithered code: floats of every class, and short blocks") {
  for (const Coded& coded : kCodecs)
    for (const Book book : kBooks) {
      std::vector<float> x{0.0f, -0.0f, std::numeric_limits<float>::denorm_min(), 0x1p-126f, 0x1p-127f};
      const uint32_t one = std::bit_cast<uint32_t>(1.0f), step = kSanitized ? 99991 : 9973;
      for (uint32_t bits = 0; bits < one; bits += step) x.push_back(std::bit_cast<float>(bits));
      check_levels(coded, book, x);
      for (const size_t count : {1, 15, 17, 63, 65, 127, 200, 255, 257})
        check_levels(coded, book, {x.end() - static_cast<std::ptrdiff_t>(count), x.end()});
    }
}
