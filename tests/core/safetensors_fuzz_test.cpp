// Thousands of small damages to a good file, the same ones in every run.

#include <algorithm>
#include <string>

#include "core/error.h"
#include "core/rng.h"
#include "core/safetensors.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

std::string good_file() {
  TensorFile file;
  file.metadata = {{"epoch", "3"}};
  file.add("embedding.weight", Tensor::from(std::vector<float>(12, 0.5f), {4, 3}));
  file.add("codes", Tensor::from(std::vector<uint8_t>(10, 9), {10}));
  file.add("step", Tensor::from(std::vector<int64_t>{7}, {}));
  return format_safetensors(file);
}

// True if it parses, false if it is refused as it should be; anything else fails the test.
bool parses(const std::string& bytes) {
  try {
    const TensorFile file = parse_safetensors(bytes, "f");
    int64_t total = 0;
    for (const auto& [name, tensor] : file.tensors) {
      total += tensor.bytes();
      if (tensor.bytes() > 0)  // every byte can be read
        total += static_cast<const char*>(tensor.raw())[tensor.bytes() - 1] * 0;
    }
    CHECK(total <= 2 * static_cast<int64_t>(bytes.size()));  // F16 grows
    return true;
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Checkpoint);
    CHECK(std::string(error.what()).substr(0, 2) == "f:");
    return false;
  }
}

size_t place(Rng& rng, const std::string& bytes) { return static_cast<size_t>(rng.below(bytes.size())); }

}  // namespace

TEST_CASE("any one byte of a file may be anything: it parses or is refused") {
  const std::string good = good_file();
  CHECK(parses(good));
  int refused = 0;
  for (size_t i = 0; i < good.size(); ++i)
    for (const int value :
         {0x00, 0x01, 0x20, 0x22, 0x2C, 0x2D, 0x30, 0x39, 0x5B, 0x5D, 0x7B, 0x7D, 0x80, 0xFF}) {
      std::string bytes = good;
      bytes[i] = static_cast<char>(value);
      refused += !parses(bytes);
    }
  CHECK(refused > 1000);
}

TEST_CASE("pieces that are cut, doubled, swapped or replaced never do more than be refused") {
  const std::string good = good_file();
  const std::string words[] = {
      "\"F16\"", "\"F64\"", "\"I32\"",    "[0,0]", "18446744073709551615", "-1",
      "[[[[",    "{}",      "\"dtype\":", "null",  "9223372036854775808",  "\"__metadata__\":",
      "\\u0000", "1e308"};
  Rng rng(2024);
  int parsed = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = good;
    for (uint64_t damage = 1 + rng.below(3); damage > 0 && !bytes.empty(); --damage) {
      const size_t at = place(rng, bytes), size = static_cast<size_t>(1 + rng.below(16));
      switch (rng.below(6)) {
        case 0:
          bytes[at] = static_cast<char>(rng.below(256));
          break;
        case 1:
          bytes.erase(at, size);
          break;
        case 2:
          bytes.insert(at, bytes.substr(place(rng, bytes), size));
          break;
        case 3:
          std::swap(bytes[at], bytes[place(rng, bytes)]);
          break;
        case 4:
          bytes.replace(at, size, words[rng.below(std::size(words))]);
          break;
        default:  // a digit for a digit: sizes and offsets that lie
          for (size_t i = at; i < std::min(at + 40, bytes.size()); ++i)
            if (bytes[i] >= '0' && bytes[i] <= '9') {
              bytes[i] = static_cast<char>('0' + rng.below(10));
              break;
            }
      }
      // Half of the time the header's length is put right again, so that the damage reaches its entries.
      if (rng.below(2) && bytes.size() > 60 && bytes.size() > good.size() - 30)
        bytes[0] = static_cast<char>(static_cast<uint8_t>(good[0]) + bytes.size() - good.size());
    }
    (parses(bytes) ? parsed : refused) += 1;
  }
  CHECK(refused > 10000);
  CHECK(parsed > 100);  // damage to the tensors' own bytes cannot be seen
}
