#include <bit>
#include <nlohmann/json.hpp>

#include "optim/code_cells.h"
#include "tests/support/support.h"

using namespace octet::optim;

TEST_CASE("both code books equal the golden file to the last bit") {
  const auto path = NEED_GOLDEN("codebooks.json");
  const auto golden = nlohmann::json::parse(octet::testing::read_file(path));
  for (const auto& [key, book] : {std::pair{"signed", Book::Signed}, std::pair{"unsigned", Book::Unsigned}}) {
    REQUIRE(golden[key].size() == 256);
    for (size_t i = 0; i < 256; ++i) {
      const auto bits = static_cast<uint32_t>(std::stoul(golden[key][i].get<std::string>(), nullptr, 16));
      INFO(key << " " << i);
      CHECK(std::bit_cast<uint32_t>(codebook(book).value[i]) == bits);
    }
  }
}

namespace {

constexpr Book kBooks[] = {Book::Signed, Book::Unsigned};
constexpr Map kAllMaps[] = {Map::Dynamic, Map::DynamicV036, Map::Linear, Map::Powers4};

}  // namespace

TEST_CASE("code books are sorted and hold 0 and 1 where the layout says") {
  for (const Map map : kAllMaps)
    for (const Book b : kBooks) {
      const Codebook& book = codebook(b, map);
      INFO("map " << static_cast<int>(map) << " book " << static_cast<int>(b));
      const auto first = static_cast<size_t>(book.index(book.top_negative, true)),
                 last = static_cast<size_t>(book.index(book.top));
      for (size_t i = first + 1; i <= last; ++i) CHECK(book.value[i - 1] < book.value[i]);
      CHECK(book.zero == zero_code(b, map));
      CHECK(book.top == top_magnitude(b, map));
      CHECK(book.value[static_cast<size_t>(book.zero)] == 0.0f);
      const bool complete = map != Map::DynamicV036 || b == Book::Signed;
      if (complete) CHECK(book.value[last] == 1.0f);
      for (int m = 1; m <= book.top_negative; ++m)
        CHECK(book.value[static_cast<size_t>(book.index(m, true))] ==
              -book.value[static_cast<size_t>(book.index(m))]);
      CHECK(book.top_negative == (b == Book::Unsigned ? 0 : map == Map::Powers4 ? 7 : 127));
    }
}

TEST_CASE("the unsigned book of releases 0.36 to 0.41 ends at 0.0933, and its signed one is right") {
  const Codebook& book = codebook(Book::Unsigned, Map::DynamicV036);
  CHECK(book.value[255] == doctest::Approx(0.0933).epsilon(1e-3));
  // Zero, the cells of five decades, and the two further ones of each.
  int below = 0;
  for (const float v : book.value) below += v < 1e-2f;
  CHECK(below == 1 + (4 + 8 + 16 + 32 + 64) + 2 * 5);
  CHECK(codebook(Book::Signed, Map::DynamicV036).value == codebook(Book::Signed).value);
}

TEST_CASE("the table of borders has the real midpoint of two values on the right side") {
  for (const Map map : kAllMaps)
    for (const Book b : kBooks) {
      const Codebook& book = codebook(b, map);
      for (int m = 1; m <= book.top; ++m) {
        const double below = book.value[static_cast<size_t>(book.index(m - 1))];
        const double above = book.value[static_cast<size_t>(book.index(m))];
        const float x = book.lower[static_cast<size_t>(m)], before = std::nextafterf(x, 0.0f);
        const bool tie_goes_up = book.index(m) % 2 == 0;
        INFO("magnitude " << m);
        // x is nearer to the value above, or as near and the index above is even; the float before it is not.
        CHECK((tie_goes_up ? above - x <= x - below : above - x < x - below));
        CHECK(!(tie_goes_up ? above - before <= before - below : above - before < before - below));
      }
    }
}

namespace {

template <Book kBook, Map kMap>
void check_cells() {
  using Cells = CodeCells<kBook, kMap>;
  const Codebook& book = codebook(kBook, kMap);
  const Cells& cells = code_cells<kBook, kMap>();
  const auto same = [&](int32_t bits) {
    const float x = std::bit_cast<float>(bits);
    INFO(x);
    CHECK(cells.magnitude(x) == nearest_magnitude(book, x));
    CHECK(cells.code(x, 0) == nearest_code(book, x));
    CHECK(cells.code(-x, 0) == nearest_code(book, -x));
    const uint8_t least = kBook == Book::Unsigned && x > 0 ? 1 : 0;
    CHECK(cells.code(x, 1) == std::max(nearest_code(book, x), least));
  };
  // Within a cell both sides are steps with one rise at most, so they are equal everywhere if they are at its
  // ends and at both sides of the border.
  const int32_t one = std::bit_cast<int32_t>(1.0f);
  for (int32_t first = Cells::kLeast; first <= one; first += 1 << Cells::kLowBits) {
    same(first);
    if (first < one) same(first + (1 << Cells::kLowBits) - 1);
  }
  for (int m = 1; m <= book.top; ++m)
    for (const int32_t before : {1, 0})
      same(std::bit_cast<int32_t>(book.lower[static_cast<size_t>(m)]) - before);
  for (const int32_t bits : {0, 1, 1 << 23, Cells::kLeast - 1, one + 1}) same(bits);
}

}  // namespace

TEST_CASE(
    "a cell of floats has one border at most, and the look-up of its code is the nearest for all of it") {
  check_cells<Book::Signed, Map::Dynamic>();
  check_cells<Book::Unsigned, Map::Dynamic>();
  check_cells<Book::Unsigned, Map::DynamicV036>();
  check_cells<Book::Signed, Map::Linear>();
  check_cells<Book::Unsigned, Map::Linear>();
  check_cells<Book::Signed, Map::Powers4>();
  check_cells<Book::Unsigned, Map::Powers4>();
}
