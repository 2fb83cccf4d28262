#include "optim/code_cells.h"

#include "core/error.h"

namespace octet::optim {

template <Book kBook, Map kMap>
const CodeCells<kBook, kMap>& code_cells() {
  static const CodeCells<kBook, kMap> cells = [] {
    using Cells = CodeCells<kBook, kMap>;
    constexpr int32_t kSize = 1 << Cells::kLowBits;
    const Codebook& book = codebook(kBook, kMap);
    Cells out{};
    require(nearest_magnitude(book, std::bit_cast<float>(Cells::kLeast)) == 0, ErrorKind::Internal,
            "code cells begin above the first border");
    for (int i = 0; i < Cells::kCells; ++i) {
      const int32_t first = Cells::kLeast + i * kSize;
      const int code = nearest_magnitude(book, std::bit_cast<float>(first));
      require(nearest_magnitude(book, std::bit_cast<float>(first + kSize - 1)) <= code + 1,
              ErrorKind::Internal, "a code cell has two borders");
      int32_t border = kSize;  // in floats from the first; kSize: none
      if (code < book.top)
        border = std::min(border, std::bit_cast<int32_t>(book.lower[static_cast<size_t>(code) + 1]) - first);
      const uint32_t above = (static_cast<uint32_t>(code) << Cells::kLowBits) +
                             static_cast<uint32_t>(kSize - border) - static_cast<uint32_t>(first);
      out.word[i] = above << Cells::kShift;  // what the shift loses are exponents
    }
    return out;
  }();
  return cells;
}

template const CodeCells<Book::Signed, Map::Dynamic>& code_cells();
template const CodeCells<Book::Unsigned, Map::Dynamic>& code_cells();
template const CodeCells<Book::Unsigned, Map::DynamicV036>& code_cells();
template const CodeCells<Book::Signed, Map::DynamicV036>& code_cells();
template const CodeCells<Book::Signed, Map::Linear>& code_cells();
template const CodeCells<Book::Unsigned, Map::Linear>& code_cells();
template const CodeCells<Book::Signed, Map::Powers4>& code_cells();
template const CodeCells<Book::Unsigned, Map::Powers4>& code_cells();

}  // namespace octet::optim
