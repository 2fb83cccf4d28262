#include "datasets/split.h"

#include <cmath>
#include <limits>

#include "core/error.h"
#include "datasets/python_random.h"

namespace octet {

Split split_rows(int64_t rows, uint64_t seed, double train_fraction) {
  require(train_fraction > 0 && train_fraction < 1, "split: the training share is ", train_fraction,
          ", it must lie between 0 and 1");
  require(rows <= std::numeric_limits<int32_t>::max(), ErrorKind::Data, "split: ", rows,
          " rows are too many");
  // nearbyint rounds halves to even in the default mode, as Python's round does.
  const auto train =
      rows > 0 ? static_cast<int64_t>(std::nearbyint(train_fraction * static_cast<double>(rows))) : 0;
  require(train > 0 && train < rows, ErrorKind::Data, "split: ", rows,
          " rows are too few to leave some for training and some for validation");
  const std::vector<int32_t> order = PythonRandom(seed).permutation(static_cast<int32_t>(rows));
  return {{order.begin(), order.begin() + train}, {order.begin() + train, order.end()}};
}

}  // namespace octet
