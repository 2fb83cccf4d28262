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

TEST_CASE("code books are sorted and hold 0 and 1 where the layout says") {
  for (const Book b : {Book::Signed, Book::Unsigned}) {
    const Codebook& book = codebook(b);
    for (size_t i = 1; i < 256; ++i) CHECK(book.value[i - 1] < book.value[i]);
    CHECK(book.value[static_cast<size_t>(book.index(0))] == 0.0f);
    CHECK(book.value[255] == 1.0f);
    CHECK(book.index(book.top) == 255);
  }
  CHECK(codebook(Book::Signed).value[0] == -codebook(Book::Signed).value[254]);
  CHECK(codebook(Book::Unsigned).value[0] == 0.0f);
}

TEST_CASE("the table of borders has the real midpoint of two values on the right side") {
  for (const Book b : {Book::Signed, Book::Unsigned}) {
    const Codebook& book = codebook(b);
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

template <Book kBook>
void check_cells() {
  using Cells = CodeCells<kBook>;
  const Codebook& book = codebook(kBook);
  const auto same = [&](int32_t bits) {
    const float x = std::bit_cast<float>(bits);
    INFO(x);
    CHECK(code_cells<kBook>().magnitude(bits) == nearest_magnitude(book, x));
    CHECK(code_cells<kBook>().code(x, 0) == nearest_code(book, x));
    CHECK(code_cells<kBook>().code(-x, 0) == nearest_code(book, -x));
    const uint8_t least = kBook == Book::Unsigned && x > 0 ? 1 : 0;
    CHECK(code_cells<kBook>().code(x, 1) == std::max(nearest_code(book, x), least));
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
  check_cells<Book::Signed>();
  check_cells<Book::Unsigned>();
}
