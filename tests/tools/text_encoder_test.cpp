// What of a text's ids is kept.
#include "tools/text_encoder.h"

#include <vector>

#include "datasets/batches.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::tools;

namespace {

using Ids = std::vector<int32_t>;

TextEncoder encoder(int64_t max_length, const char* keep) {
  TrainConfig config;
  config.max_length = max_length;
  config.keep = keep;
  return TextEncoder(Vocabulary(), config);
}

}  // namespace

TEST_CASE("an empty text becomes one unknown token, so that its row stays") {
  const TextEncoder any = encoder(0, "first");
  std::vector<Ids> sequences = {{5, 6}, {}, {7}, {}};
  for (Ids& ids : sequences) ids = any.cut(ids);
  CHECK(sequences == std::vector<Ids>{{5, 6}, {0}, {7}, {0}});
  CHECK(lengths_of(sequences) == Ids{2, 1, 1, 1});
  CHECK(any.ids("") == Ids{0});
}

TEST_CASE("of a long text the first ids are kept, or the last") {
  CHECK(encoder(2, "first").cut({1, 2, 3}) == Ids{1, 2});
  CHECK(encoder(2, "last").cut({1, 2, 3}) == Ids{2, 3});
  CHECK(encoder(3, "first").cut({1, 2, 3}) == Ids{1, 2, 3});
  CHECK(encoder(3, "last").cut({1, 2, 3}) == Ids{1, 2, 3});
}
