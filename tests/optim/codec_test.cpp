// Encoding and decoding of 8-bit state against a brute-force nearest value in exact arithmetic.
#include <algorithm>
#include <bit>
#include <limits>

#include "optim/dither_pieces.h"
#include "tests/optim/support.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

namespace {

// The sum of two neighbouring values is exact in double, and so is 2x: no rounding decides here.
uint8_t brute_force(Book b, float x) {
  const auto& value = codebook(b).value;
  for (size_t i = 0; i < 255; ++i) {
    const double sum = static_cast<double>(value[i]) + static_cast<double>(value[i + 1]), twice = 2.0 * x;
    if (twice < sum || (twice == sum && i % 2 == 0)) return static_cast<uint8_t>(i);
  }
  return 255;
}

// Codes of values in [-1, 1]: each block begins with 1, so that absmax and its reciprocal are 1.
std::vector<uint8_t> codes_of(cpu::Level level, Book book, const std::vector<float>& x) {
  std::vector<float> with_one;
  for (size_t i = 0; i < x.size(); ++i) {
    if (i % 255 == 0) with_one.push_back(1.0f);
    with_one.push_back(x[i]);
  }
  const Encoded encoded = encode(level, book, with_one);
  std::vector<uint8_t> out;
  for (size_t i = 0; i < with_one.size(); ++i)
    if (i % 256 != 0) out.push_back(encoded.codes[i]);
  return out;
}

void check_all(Book book, std::vector<float> x) {
  for (const float v : x)
    if (nearest_code(codebook(book), v) != brute_force(book, v)) FAIL_CHECK("nearest_code(" << v << ")");
  if (book == Book::Unsigned)
    std::erase_if(x, [](float v) { return std::signbit(v); });  // see StepTable::encode
  std::vector<uint8_t> expected;
  for (const float v : x) expected.push_back(brute_force(book, v));
  for (const cpu::Level level : levels()) {
    const std::vector<uint8_t> codes = codes_of(level, book, x);
    int64_t wrong = 0;
    for (size_t i = 0; i < x.size(); ++i)
      if (codes[i] != expected[i] && ++wrong < 5)
        FAIL_CHECK(cpu::name_of(level)
                   << ": " << x[i] << " became " << int{codes[i]} << ", nearest is " << int{expected[i]});
    CHECK(wrong == 0);
  }
}

constexpr Book kBooks[] = {Book::Signed, Book::Unsigned};

// How many values are not stored in bf16, or read back, as the formulas for one value say.
int64_t wrong_in_bf16(cpu::Level level, const std::vector<float>& x, const Encoding& how) {
  const int codec = codec_place("bf16");
  const auto n = static_cast<int64_t>(x.size());
  std::vector<BFloat16> stored(x.size());
  std::vector<float> back(x.size());
  cpu_steps(level).encode(Device::cpu(), codec, Book::Signed, how, kPlainBlock, x.data(), n, stored.data(),
                          nullptr);
  cpu_steps(level).decode(Device::cpu(), codec, Book::Signed, kPlainBlock, stored.data(), nullptr, n,
                          back.data());
  int64_t wrong = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const uint32_t noise = dither_bits(how.dither_key, static_cast<uint32_t>(i)) >> 16;
    const uint16_t expected =
        how.dithered ? dithered_bf16(std::bit_cast<uint32_t>(x[i]), noise) : BFloat16(x[i]).bits;
    wrong += stored[i].bits != expected || std::bit_cast<uint32_t>(back[i]) != uint32_t{expected} << 16;
  }
  return wrong;
}

}  // namespace

TEST_CASE("every border between two codes is where exact arithmetic puts it, on every level") {
  for (const Book b : kBooks) {
    const Codebook& book = codebook(b);
    std::vector<float> x;
    for (int m = 1; m <= book.top; ++m) {
      const float below = book.value[static_cast<size_t>(book.index(m - 1))];
      const float above = book.value[static_cast<size_t>(book.index(m))];
      float near = static_cast<float>((static_cast<double>(below) + static_cast<double>(above)) / 2);
      for (int i = 0; i < 40; ++i) near = std::nextafterf(near, 0.0f);
      for (int i = 0; i < 80; ++i, near = std::nextafterf(near, 2.0f)) {
        x.push_back(std::min(near, 1.0f));
        if (b == Book::Signed) x.push_back(-std::min(near, 1.0f));
      }
    }
    check_all(b, x);
  }
}

TEST_CASE("floats of every class get the nearest code: normal, denormal, zero, of both signs") {
  for (const Book b : kBooks) {
    std::vector<float> x{0.0f, -0.0f, 1.0f, std::numeric_limits<float>::denorm_min(), 0x1p-126f, 0x1p-127f};
    const uint32_t one = std::bit_cast<uint32_t>(1.0f), step = kSanitized ? 99991 : 9973;
    for (uint32_t bits = 0; bits < one; bits += step) x.push_back(std::bit_cast<float>(bits));
    if (b == Book::Signed)
      for (size_t i = 0, n = x.size(); i < n; ++i) x.push_back(-x[i]);
    check_all(b, x);
  }
}

TEST_CASE("every float of a whole decade gets the nearest code, with either sign") {
  const uint32_t first = std::bit_cast<uint32_t>(0.1f), last = std::bit_cast<uint32_t>(1.0f);
  const uint32_t step = kSanitized ? 61 : 1;
  for (const Book b : kBooks) {
    // Values and codes ascend together, so the expected code only ever moves up.
    const auto& value = codebook(b).value;
    size_t code = brute_force(b, 0.1f);
    int64_t wrong = 0;
    std::vector<float> x;
    for (uint64_t bits = first; bits <= last;) {
      x.clear();
      for (; bits <= last && x.size() < 255 * 64; bits += step)
        x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
      std::vector<uint8_t> expected;
      for (const float v : x) {
        for (; code < 255; ++code) {
          const double sum = static_cast<double>(value[code]) + static_cast<double>(value[code + 1]);
          if (2.0 * v < sum || (2.0 * v == sum && code % 2 == 0)) break;
        }
        expected.push_back(static_cast<uint8_t>(code));
      }
      for (const cpu::Level level : levels()) wrong += codes_of(level, b, x) != expected;
      if (b == Book::Unsigned) continue;
      for (size_t i = 0; i < x.size(); ++i) {
        x[i] = -x[i];
        expected[i] =
            static_cast<uint8_t>(std::max(2 * codebook(b).zero - expected[i], 0));  // there is no -1
      }
      for (const cpu::Level level : levels()) wrong += codes_of(level, b, x) != expected;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("a block is scaled by an IEEE reciprocal of its largest magnitude, whatever its size and scale") {
  Rng rng(3);
  for (const Book b : kBooks)
    for (const int block_size : {64, 256, 4096})
      for (const size_t count : {1, 2, 63, 255, 256, 257, 511, 4095, 4096, 4097})
        for (const int exponent : {-149, -130, -126, -60, 0, 60, 120}) {
          std::vector<float> x;
          for (size_t i = 0; i < count; ++i) {
            const double u = rng.uniform() * 2 - (b == Book::Signed ? 1 : 0);
            x.push_back(static_cast<float>(std::ldexp(u, exponent)));
            if (b == Book::Unsigned) x.back() = std::fabs(x.back());
          }
          Encoded expected;
          for (size_t i = 0; i < count; i += static_cast<size_t>(block_size)) {
            const size_t end = std::min(count, i + static_cast<size_t>(block_size));
            float largest = 0;
            for (size_t k = i; k < end; ++k) largest = std::max(largest, std::fabs(x[k]));
            expected.absmax.push_back(largest);
            const float scale = largest < 0x1p-126f ? 0x1p64f : 1.0f;
            const float r = largest == 0 ? 0.0f : 1.0f / (largest * scale);
            for (size_t k = i; k < end; ++k) expected.codes.push_back(brute_force(b, x[k] * scale * r));
          }
          for (const cpu::Level level : levels()) {
            const Encoded encoded = encode(level, b, x, block_size);
            INFO(cpu::name_of(level) << " count " << count << " block " << block_size << " 2^" << exponent);
            CHECK(encoded == expected);
            const std::vector<float> decoded = decode(level, b, encoded, block_size);
            int64_t wrong = 0;
            for (size_t k = 0; k < count; ++k) {
              const float value =
                  codebook(b).value[encoded.codes[k]] * encoded.absmax[k / static_cast<size_t>(block_size)];
              wrong += std::bit_cast<uint32_t>(decoded[k]) != std::bit_cast<uint32_t>(value);
            }
            CHECK(wrong == 0);
          }
        }
}

TEST_CASE("under the floor a positive second moment never gets the code of 0, and nothing else changes") {
  Rng rng(8);
  for (const size_t count : {1, 255, 256, 1000}) {
    std::vector<float> x;
    for (size_t i = 0; i < count; ++i)
      x.push_back(i % 7 == 3 ? 0.0f : static_cast<float>(std::pow(10.0, -12 * rng.uniform())));
    for (size_t i = 0; i < count; i += 5) x[i] = codebook(Book::Unsigned).lower[1 + i % 255];
    x[0] = 1;
    for (const cpu::Level level : levels()) {
      const Encoded plain = encode(level, Book::Unsigned, x);
      const Encoded floor = encode(level, Book::Unsigned, x, 256, {.floor = true});
      CHECK(floor.absmax == plain.absmax);
      for (size_t i = 0; i < count; ++i) CHECK(floor.codes[i] == std::max<int>(plain.codes[i], x[i] > 0));
      std::vector<float> with_sign = x;
      for (size_t i = 0; i < count; i += 2) with_sign[i] = -x[i];
      CHECK(encode(level, Book::Signed, with_sign) ==
            encode(level, Book::Signed, with_sign, 256, {.floor = true}));
    }
  }
}

TEST_CASE("a block of zeros has absmax 0 and the code of zero everywhere, of either sign of zero") {
  for (const cpu::Level level : levels())
    for (const Book b : kBooks) {
      std::vector<float> x(300, 0.0f);
      x[7] = -0.0f;
      const Encoded encoded = encode(level, b, x);
      CHECK(encoded.absmax == std::vector<float>{0, 0});
      CHECK(std::all_of(encoded.codes.begin(), encoded.codes.end(),
                        [&](uint8_t c) { return codebook(b).value[c] == 0.0f; }));
      CHECK(decode(level, b, encoded) == std::vector<float>(300, 0.0f));
    }
}

TEST_CASE(
    "a block with a value that is not finite does not decode to finite values, and spares the next block") {
  const float bad_values[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::quiet_NaN()};
  for (const cpu::Level level : levels())
    for (const Book b : kBooks)
      for (const float bad : bad_values)
        for (const size_t place : {0, 5, 255}) {
          std::vector<float> x(512, 0.5f);
          x[place] = bad;
          const Encoded encoded = encode(level, b, x);
          CHECK(encoded.codes == encode(cpu::Level::V2, b, x).codes);
          CHECK(std::isnan(encoded.absmax[0]) == std::isnan(bad));
          const std::vector<float> back = decode(level, b, encoded);
          for (size_t i = 0; i < 512; ++i) CHECK(std::isfinite(back[i]) == (i >= 256));
          CHECK(back[300] == 0.5f);
        }
}

TEST_CASE("an absmax with a sign is that of the block's largest value, which then decodes to itself") {
  const Encoding how{.signed_absmax = true};
  for (const int block_size : {64, 256, 4096})
    for (const size_t count : {1, 255, 256, 257, 5000})
      for (const float scale : {1.0f, -1.0f, 0x1p-140f, -0x1p-140f, -0x1p126f}) {
        std::vector<float> x(count);
        Rng rng(count);
        for (float& v : x) v = scale * static_cast<float>(rng.uniform() - 0.7);
        std::vector<float> mirrored = x;
        for (float& v : mirrored) v = -v;
        const Encoded expected = encode(cpu::Level::V2, Book::Signed, x, block_size, how),
                      plain = encode(cpu::Level::V2, Book::Signed, x, block_size),
                      opposite = encode(cpu::Level::V2, Book::Signed, mirrored, block_size);
        INFO("count " << count << " block " << block_size << " scale " << scale);
        for (const cpu::Level level : levels()) {
          const Encoded encoded = encode(level, Book::Signed, x, block_size, how);
          CHECK(encoded == expected);
          const std::vector<float> back = decode(level, Book::Signed, encoded, block_size);
          for (size_t begin = 0; begin < count; begin += static_cast<size_t>(block_size)) {
            const auto end = std::min(count, begin + static_cast<size_t>(block_size));
            size_t largest = begin;
            for (size_t i = begin; i < end; ++i)
              if (std::fabs(x[i]) > std::fabs(x[largest])) largest = i;
            const float absmax = encoded.absmax[begin / static_cast<size_t>(block_size)];
            CHECK(absmax == x[largest]);
            CHECK(back[largest] == x[largest]);
            // The codes are those of the values, or of their negatives.
            const Encoded& same = absmax > 0 ? plain : opposite;
            CHECK(std::equal(encoded.codes.begin() + static_cast<std::ptrdiff_t>(begin),
                             encoded.codes.begin() + static_cast<std::ptrdiff_t>(end),
                             same.codes.begin() + static_cast<std::ptrdiff_t>(begin)));
          }
        }
      }
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                  kInf = std::numeric_limits<float>::infinity();
  for (const cpu::Level level : levels()) {
    const auto absmax = [&](std::vector<float> x) {
      x.resize(100);
      return encode(level, Book::Signed, x, 256, how).absmax[0];
    };
    CHECK(absmax({-3, 1, 3, -2}) == 3);  // both signs as large
    CHECK(absmax({-3, 1, 2}) == -3);
    CHECK(!std::signbit(absmax({-0.0f, -0.0f})));
    CHECK(absmax({-0.0f}) == 0);
    CHECK(absmax({1, -kInf}) == -kInf);
    CHECK(absmax({kInf, -kInf}) == kInf);
    CHECK(std::isnan(absmax({1, -kNan, kInf})));
    CHECK(std::isnan(absmax({kNan, -kInf})));
    // Without a sign, and in the unsigned book.
    CHECK(encode(level, Book::Signed, {-3, 1, 2}, 256).absmax[0] == 3);
    CHECK(encode(level, Book::Unsigned, {3, 1, 2}, 256, how).absmax[0] == 3);
  }
}

TEST_CASE("bf16 state rounds to nearest even, or dithered by its formula, for every class of float") {
  std::vector<float> x;
  for (uint64_t bits = 0; bits <= UINT32_MAX; bits += kSanitized ? 999983 : 9973)
    x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  for (const cpu::Level level : levels())
    for (const bool dithered : {false, true})
      CHECK(wrong_in_bf16(level, x, {.dithered = dithered, .dither_key = 0x12345678u}) == 0);
}

TEST_CASE("one large value, or what is no number, among others is rounded to bf16 as everywhere") {
  constexpr uint32_t kSpecial[] = {0x7F7F0000, 0x7F7F0001, 0x7F7F7FFF, 0x7F7F8000, 0x7F7FFFFF, 0x7F800000,
                                   0x7F800001, 0x7FFFFFFF, 0xFF7FFFFF, 0xFF800000, 0xFFC00001};
  Rng rng(3);
  for (const cpu::Level level : levels())
    for (const bool dithered : {false, true})
      for (const uint32_t special : kSpecial)
        for (size_t place = 0; place < 70; ++place) {
          std::vector<float> x(place + 1 + rng.below(40));
          for (float& value : x) value = static_cast<float>(rng.uniform() - 0.5);
          x[place] = std::bit_cast<float>(special);
          const uint32_t key = 0xFFF00000u + rng.next_u32() % 0x100000u;
          CHECK(wrong_in_bf16(level, x, {.dithered = dithered, .dither_key = key}) == 0);
        }
}

TEST_CASE("4-bit codes decode to the values of the book, the first in a byte's lower half") {
  Rng rng(11);
  for (const cpu::Level level : levels())
    for (const Book b : kBooks)
      for (size_t n = 1; n <= 100; ++n) {
        Encoded coded{.codes = std::vector<uint8_t>((n + 1) / 2), .absmax = {0.3f}};
        for (uint8_t& pair : coded.codes) pair = static_cast<uint8_t>(rng.next_u32());
        std::vector<float> back(n + 1, -7.0f);
        cpu_steps(level).decode(Device::cpu(), codec_place("blockwise4"), b, 128, coded.codes.data(),
                                coded.absmax.data(), static_cast<int64_t>(n), back.data());
        size_t wrong = 0;
        for (size_t i = 0; i < n; ++i) {
          const size_t code = coded.codes[i / 2] >> (i % 2 * 4) & 15;
          wrong += back[i] != codebook(b, Map::Powers4).value[code] * 0.3f;
        }
        CHECK(wrong == 0);
        CHECK(back[n] == -7.0f);
      }
}

TEST_CASE("tensorwise codes are the nearest ones under one absmax for the whole tensor") {
  Rng rng(8);
  for (const int64_t n : {1, 255, 4096, 70001}) {
    std::vector<float> x;
    for (const double value : random_values(n, rng)) x.push_back(static_cast<float>(value));
    for (const Book book : {Book::Signed, Book::Unsigned}) {
      if (book == Book::Unsigned)
        for (float& value : x) value = std::fabs(value);
      float largest = 0;
      for (const float value : x) largest = std::max(largest, std::fabs(value));
      const float r = 1.0f / largest;
      for (const cpu::Level level : levels()) {
        const Encoded got = encode(level, book, x, 1024, {}, "tensorwise8");
        CHECK(got.absmax[0] == largest);
        size_t different = 0;
        for (size_t i = 0; i < x.size(); ++i)
          different += got.codes[i] != nearest_code(codebook(book), x[i] * r);
        CHECK(different == 0);
        if (n <= 4096) CHECK(got.codes == encode(level, book, x, 4096).codes);
        const std::vector<float> back = decode(level, book, got, 1024, "tensorwise8");
        for (size_t i = 0; i < x.size(); i += 997)
          CHECK(back[i] == codebook(book).value[got.codes[i]] * largest);
      }
    }
  }
}
