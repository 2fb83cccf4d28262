#include "core/safetensors.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

std::string file_of(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), 8);
  return bytes + header + data;
}

TensorFile parse(const std::string& bytes) { return parse_safetensors(bytes, "f"); }

// A file with one entry "a" and `size` bytes of data.
TensorFile parse_entry(const std::string& entry, size_t size) {
  return parse(file_of("{\"a\":" + entry + "}", std::string(size, '\1')));
}

TensorFile sample() {
  TensorFile file;
  file.metadata = {{"step", "17"}, {"note", "quotes \" and \n and \xC3\xA9"}};
  file.add("z.last_by_name", Tensor::from(std::vector<float>{1.5f, -0.0f, 3e38f, 1e-45f}, {2, 2}));
  file.add("f64", Tensor::from(std::vector<double>{0.1, -2}, {2, 1}));
  file.add("bf16", Tensor::from(std::vector<BFloat16>{BFloat16(1), BFloat16(-3.5f), BFloat16(9)}, {3}));
  file.add("i32", Tensor::from(std::vector<int32_t>{-5, 1 << 30}, {2}));
  file.add("i64", Tensor::from(std::vector<int64_t>{int64_t{1} << 60}, {}));
  file.add("u8", Tensor::from(std::vector<uint8_t>{0, 255, 7}, {1, 3, 1}));
  file.add("empty", Tensor::from(std::vector<float>{}, {0, 4}));
  file.add("a.first_by_name", Tensor::from(std::vector<uint8_t>{1}, {1}));
  return file;
}

std::string bytes_of(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.bytes())};
}

void check_equal(const TensorFile& a, const TensorFile& b) {
  CHECK(a.metadata == b.metadata);
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    CHECK(a.tensors[i].first == b.tensors[i].first);
    CHECK(a.tensors[i].second.shape() == b.tensors[i].second.shape());
    CHECK(a.tensors[i].second.dtype() == b.tensors[i].second.dtype());
    CHECK(bytes_of(a.tensors[i].second) == bytes_of(b.tensors[i].second));
  }
}

}  // namespace

TEST_CASE("every element type, the order, and the metadata survive writing and reading") {
  const TensorFile file = sample();
  check_equal(parse(format_safetensors(file)), file);
  check_equal(parse(format_safetensors(TensorFile{})), TensorFile{});
  const TemporaryFolder folder;
  write_file(folder / "x.safetensors", format_safetensors(file));
  check_equal(read_safetensors((folder / "x.safetensors").string()), file);
  CHECK(file.find("f64") == &file.tensors[1].second);
  CHECK(file.find("f6") == nullptr);
  CHECK_ERROR(ErrorKind::Checkpoint, "no tensor named f6", file.at("f6"));
}

TEST_CASE("the bytes are laid out as the format says") {
  const std::string bytes = format_safetensors(sample());
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  CHECK(length % 8 == 0);
  CHECK(bytes[8] == '{');
  float first = 0;
  std::memcpy(&first, bytes.data() + 8 + length, 4);
  CHECK(first == 1.5f);
  CHECK(bytes.substr(8, length).find("\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[32,38]") !=
        std::string::npos);
}

TEST_CASE(
    "a file as another program writes it is read: entries and keys in any order, spaces behind the header") {
  const std::string header =
      R"({"b":{"data_offsets":[4,8],"shape":[1],"dtype":"I32"}, "__metadata__":{"format":"pt"},)"
      R"( "a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )";
  const TensorFile file = parse(file_of(header, std::string("\0\0\x80\x3F\x05\0\0\0", 8)));
  CHECK(file.tensors[0].first == "b");
  CHECK(file.at("b").item() == 5);
  CHECK(file.at("a").item() == 1);
  CHECK(file.metadata.at("format") == "pt");
}

TEST_CASE("half precision is read as float32: zeros, denormals, normal numbers, infinities and NaN") {
  const uint16_t halves[] = {0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x3C00,
                             0xC000, 0x3555, 0x7BFF, 0x7C00, 0xFC00, 0x7E00};
  const double values[] = {0,  -0.0,           0x1p-24, -1023 * 0x1p-24, 0x1p-14,  1,
                           -2, 1365 * 0x1p-12, 65504,   INFINITY,        -INFINITY};
  const std::string data(reinterpret_cast<const char*>(halves), sizeof halves);
  const std::string header = R"({"h":{"dtype":"F16","shape":[12],"data_offsets":[0,24]}})";
  const std::vector<float> read = parse(file_of(header, data)).at("h").to_vector<float>();
  for (size_t i = 0; i < 11; ++i) {
    CHECK(read[i] == static_cast<float>(values[i]));
    CHECK(std::signbit(read[i]) == std::signbit(values[i]));
  }
  CHECK(std::isnan(read[11]));
}

TEST_CASE("a file cut short at any length is an error") {
  const std::string bytes = format_safetensors(sample());
  for (size_t length = 0; length < bytes.size(); ++length)
    CHECK_ERROR(ErrorKind::Checkpoint, "f: ", parse(bytes.substr(0, length)));
}

TEST_CASE("a header that is none is named") {
  CHECK_ERROR(ErrorKind::Checkpoint, "too few", parse(""));
  CHECK_ERROR(ErrorKind::Checkpoint, "the header would have 18446744073709551615 bytes",
              parse(std::string(8, '\xFF') + "{}"));
  CHECK_ERROR(ErrorKind::Checkpoint, "the file has 9", parse(std::string("\x02\0\0\0\0\0\0\0{", 9)));
  for (const std::string header :
       {"", "{", "[]", "null", "7", "{\"a\":}", "\x80\x02", "{} x", "{\"a\xFF\":1}", "{\"a\":1e999}"})
    CHECK_ERROR(ErrorKind::Checkpoint, "f: ", parse(file_of(header, "")));
  CHECK_ERROR(ErrorKind::Checkpoint, "not JSON", parse(file_of(std::string(200'000, '['), "")));
  CHECK_ERROR(ErrorKind::Checkpoint, "not text", parse(file_of(R"({"__metadata__":{"a":1}})", "")));
  CHECK_ERROR(ErrorKind::Checkpoint, "not an object", parse(file_of(R"({"__metadata__":"a"})", "")));
}

TEST_CASE("an entry that is not dtype, shape and offsets is named with its tensor") {
  for (const char* entry :
       {"1", "{}", R"({"dtype":"F32","shape":[1]})", R"({"dtype":4,"shape":[1],"data_offsets":[0,4]})",
        R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})",
        R"({"dtype":"F32","shape":[1],"data_offsets":[0]})",
        R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,8]})",
        R"({"dtype":"F32","shape":[1],"data_offsets":[-4,0]})",
        R"({"dtype":"F32","shape":[1],"data_offsets":[0,4.0]})",
        R"({"dtype":"F32","shape":[1],"data_offsets":["0",4]})"})
    CHECK_ERROR(ErrorKind::Checkpoint, "f: tensor a: dtype, shape and data_offsets are needed",
                parse_entry(entry, 4));
  for (const char* shape :
       {"[-1]", "[1.0]", "[\"1\"]", "[null]", "[9223372036854775807]", "[18446744073709551615]"})
    CHECK_ERROR(ErrorKind::Checkpoint, "f: tensor a: a size of the shape is not a count",
                parse_entry(R"({"dtype":"F32","data_offsets":[0,4],"shape":)" + std::string(shape) + "}", 4));
  CHECK_ERROR(ErrorKind::Checkpoint, "7 axes",
              parse_entry(R"({"dtype":"U8","shape":[1,1,1,1,1,1,1],"data_offsets":[0,1]})", 1));
  CHECK_ERROR(ErrorKind::Checkpoint, "tensor a: element type F8_E4M3 is not supported",
              parse_entry(R"({"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]})", 4));
}

TEST_CASE("offsets and sizes that lie are named") {
  CHECK_ERROR(ErrorKind::Checkpoint, "tensor a: bytes 0 to 8 are not inside the file, which has 4",
              parse_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 4));
  CHECK_ERROR(ErrorKind::Checkpoint, "bytes 4 to 0",
              parse_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})", 4));
  CHECK_ERROR(ErrorKind::Checkpoint, "tensor a: 8 bytes do not make [3] of F32",
              parse_entry(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})", 8));
  CHECK_ERROR(ErrorKind::Checkpoint, "3 bytes do not make [1] of F16",
              parse_entry(R"({"dtype":"F16","shape":[1],"data_offsets":[0,3]})", 3));
  // Counts whose number of bytes wraps around to what is there.
  CHECK_ERROR(ErrorKind::Checkpoint, "0 bytes do not make [2305843009213693952] of F64",
              parse_entry(R"({"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]})", 0));
  CHECK_ERROR(ErrorKind::Checkpoint, "4 bytes do not make [4611686018427387903,1] of F32",
              parse_entry(R"({"dtype":"F32","shape":[4611686018427387903,1],"data_offsets":[0,4]})", 4));
  CHECK_ERROR(ErrorKind::Checkpoint, "64-bit",
              parse_entry(R"({"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]})", 0));
}

TEST_CASE("tensors that share bytes, leave gaps or bear one name are named") {
  const auto two = [](const std::string& first, const std::string& second, const char* name = "b") {
    return parse(file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first + "},\"" + name +
                             R"(":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}",
                         std::string(9, '\1')));
  };
  CHECK_ERROR(ErrorKind::Checkpoint, "two tensors share bytes at 3", two("[0,4]", "[3,7]"));
  CHECK_ERROR(ErrorKind::Checkpoint, "two tensors share bytes at 0", two("[0,4]", "[0,4]"));
  CHECK_ERROR(ErrorKind::Checkpoint, "bytes 4 to 5 belong to no tensor", two("[5,9]", "[0,4]"));
  CHECK_ERROR(ErrorKind::Checkpoint, "bytes 0 to 1 belong to no tensor", two("[1,5]", "[5,9]"));
  CHECK_ERROR(ErrorKind::Checkpoint, "bytes 8 to 9 belong to no tensor", two("[0,4]", "[4,8]"));
  CHECK_ERROR(ErrorKind::Checkpoint, "tensor a comes twice", two("[0,4]", "[4,8]", "a"));
  CHECK_ERROR(ErrorKind::Checkpoint, "comes twice",
              parse(file_of(R"({"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"":1})", "")));
  TensorFile twice;
  twice.add("w", Tensor::from(std::vector<float>{1}, {1}));
  twice.add("w", Tensor::from(std::vector<float>{1}, {1}));
  CHECK_ERROR(ErrorKind::Usage, "tensor w is given twice", format_safetensors(twice));
  TensorFile not_text;
  not_text.add("w\xff", Tensor::from(std::vector<float>{1}, {1}));
  CHECK_ERROR(ErrorKind::Usage, "not valid UTF-8", format_safetensors(not_text));
}

TEST_CASE("a path that is missing or a folder is named") {
  const TemporaryFolder folder;
  CHECK_ERROR(ErrorKind::Checkpoint, "nothing.safetensors: cannot be read",
              read_safetensors((folder / "nothing.safetensors").string()));
  CHECK_ERROR(ErrorKind::Checkpoint, "cannot be read", read_safetensors(folder.path().string()));
}
