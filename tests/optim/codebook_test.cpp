#include <bit>
#include <nlohmann/json.hpp>

#include "optim/codebook.h"
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
