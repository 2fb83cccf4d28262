#include "optim/code_cells.h"

namespace octet::optim {

template <Book kBook>
const CodeCells<kBook>& code_cells() {
  static const CodeCells<kBook> cells = [] {
    using Cells = CodeCells<kBook>;
    constexpr int32_t kSize = 1 << Cells::kLowBits;
    const Codebook& book = codebook(kBook);
    Cells out{};
    for (int i = 0; i < Cells::kCells; ++i) {
      const int32_t first = Cells::kLeast + i * kSize;
      const int code = nearest_magnitude(book, std::bit_cast<float>(first));
      int32_t border = kSize;  // in floats from the first; kSize: none
      if (code < book.top)
        border = std::min(border, std::bit_cast<int32_t>(book.lower[static_cast<size_t>(code) + 1]) - first);
      out.word[i] = (static_cast<uint32_t>(code) << Cells::kLowBits) + static_cast<uint32_t>(kSize - border);
    }
    return out;
  }();
  return cells;
}

template const CodeCells<Book::Signed>& code_cells();
template const CodeCells<Book::Unsigned>& code_cells();

}  // namespace octet::optim
