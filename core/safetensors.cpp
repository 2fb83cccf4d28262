#include "core/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/error.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;  // tensors keep the order in which they were written
constexpr uint64_t kMaxHeader = 100'000'000;

struct NamedType {
  const char* name;
  DType type;
};
constexpr NamedType kTypes[] = {{"F32", DType::F32}, {"F64", DType::F64}, {"BF16", DType::BF16},
                                {"I32", DType::I32}, {"I64", DType::I64}, {"U8", DType::U8}};

float float_of_half(uint16_t h) {
  const uint32_t sign = uint32_t{h & 0x8000u} << 16, exponent = (h >> 10) & 31u, fraction = h & 0x3FFu;
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
  }
  const uint32_t wide = exponent == 31 ? 255u : exponent + 112u;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

// Divides rather than multiplies: the shape may be a lie whose byte count overflows.
bool makes(std::string_view bytes, const Shape& shape, int64_t size) {
  const auto count = static_cast<int64_t>(bytes.size());
  return count % size == 0 && count / size == shape.numel();
}

Tensor tensor_of(std::string_view bytes, const std::string& type, const Shape& shape,
                 const std::string& where) {
  if (type == "F16") {
    require(makes(bytes, shape, 2), ErrorKind::Checkpoint, where, ": ", bytes.size(), " bytes do not make ",
            shape, " of F16");
    Tensor tensor = Tensor::empty(shape, DType::F32, Device::cpu(), MemoryTag::Data);
    for (int64_t i = 0; i < shape.numel(); ++i) {
      uint16_t half;
      std::memcpy(&half, bytes.data() + 2 * i, 2);
      tensor.data<float>()[i] = float_of_half(half);
    }
    return tensor;
  }
  for (const NamedType& known : kTypes) {
    if (type != known.name) continue;
    require(makes(bytes, shape, size_of(known.type)), ErrorKind::Checkpoint, where, ": ", bytes.size(),
            " bytes do not make ", shape, " of ", type);
    return Tensor::from_bytes(std::as_bytes(std::span(bytes)), shape, known.type);
  }
  fail(ErrorKind::Checkpoint, where, ": element type ", type, " is not supported");
}

Shape shape_of(const Json& sizes, const std::string& where) {
  std::vector<int64_t> values;
  for (const Json& size : sizes) {
    require(size.is_number_unsigned() && size.get<uint64_t>() < (uint64_t{1} << 62), ErrorKind::Checkpoint,
            where, ": a size of the shape is not a count");
    values.push_back(size.get<int64_t>());
  }
  require(values.size() <= Shape::kMaxRank, ErrorKind::Checkpoint, where, ": ", values.size(),
          " axes, at most ", Shape::kMaxRank, " are supported");
  try {
    return Shape(values);
  } catch (const Error& error) {
    fail(ErrorKind::Checkpoint, where, ": ", error.what());
  }
}

}  // namespace

const Tensor* TensorFile::find(const std::string& name) const {
  for (const auto& [key, tensor] : tensors)
    if (key == name) return &tensor;
  return nullptr;
}

const Tensor& TensorFile::at(const std::string& name) const {
  const Tensor* tensor = find(name);
  require(tensor != nullptr, ErrorKind::Checkpoint, "no tensor named ", name, " in the file");
  return *tensor;
}

TensorFile parse_safetensors(std::string_view bytes, const std::string& source) {
  uint64_t length = 0;
  require(bytes.size() >= 8, ErrorKind::Checkpoint, source, ": ", bytes.size(),
          " bytes are too few for a safetensors file");
  std::memcpy(&length, bytes.data(), 8);
  require(length <= kMaxHeader && length <= bytes.size() - 8, ErrorKind::Checkpoint, source,
          ": not a safetensors file, or cut short: the header would have ", length, " bytes, the file has ",
          bytes.size());
  std::set<std::string> names;
  std::optional<std::string> twice;
  constexpr int depth_of_name = 1;
  const Json header = Json::parse(
      bytes.substr(8, length),
      [&](int depth, Json::parse_event_t event, Json& key) {
        if (event == Json::parse_event_t::key && depth == depth_of_name &&
            !names.insert(key.get<std::string>()).second)
          twice = key.get<std::string>();
        return true;
      },
      /*allow_exceptions=*/false);
  require(header.is_object(), ErrorKind::Checkpoint, source, ": the header is not JSON");
  require(!twice, ErrorKind::Checkpoint, source, ": tensor ", twice.value_or(""), " comes twice");

  const std::string_view data = bytes.substr(8 + length);
  std::vector<std::pair<uint64_t, uint64_t>> pieces;
  TensorFile file;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      require(entry.is_object(), ErrorKind::Checkpoint, source, ": the metadata is not an object");
      for (const auto& [key, value] : entry.items()) {
        require(value.is_string(), ErrorKind::Checkpoint, source, ": metadata ", key, " is not text");
        file.metadata[key] = value.get<std::string>();
      }
      continue;
    }
    std::string where = source;
    where.append(": tensor ").append(name);
    require(entry.is_object() && entry.contains("dtype") && entry["dtype"].is_string() &&
                entry.contains("shape") && entry["shape"].is_array() && entry.contains("data_offsets") &&
                entry["data_offsets"].is_array() && entry["data_offsets"].size() == 2 &&
                entry["data_offsets"][0].is_number_unsigned() &&
                entry["data_offsets"][1].is_number_unsigned(),
            ErrorKind::Checkpoint, where, ": dtype, shape and data_offsets are needed");
    const auto begin = entry["data_offsets"][0].get<uint64_t>(),
               end = entry["data_offsets"][1].get<uint64_t>();
    require(begin <= end && end <= data.size(), ErrorKind::Checkpoint, where, ": bytes ", begin, " to ", end,
            " are not inside the file, which has ", data.size(),
            " bytes of data: it is cut short or damaged");
    pieces.emplace_back(begin, end);
    file.add(name, tensor_of(data.substr(begin, end - begin), entry["dtype"].get<std::string>(),
                             shape_of(entry["shape"], where), where));
  }
  std::sort(pieces.begin(), pieces.end());
  uint64_t covered = 0;
  for (const auto& [begin, end] : pieces) {
    require(begin >= covered, ErrorKind::Checkpoint, source, ": two tensors share bytes at ", begin);
    require(begin == covered, ErrorKind::Checkpoint, source, ": bytes ", covered, " to ", begin,
            " belong to no tensor");
    covered = end;
  }
  require(covered == data.size(), ErrorKind::Checkpoint, source, ": bytes ", covered, " to ", data.size(),
          " belong to no tensor");
  return file;
}

TensorFile read_safetensors(const std::string& path) {
  std::error_code error;  // also of a folder, which can be opened but not read
  const auto size = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  require(!error && in.good(), ErrorKind::Checkpoint, path, ": cannot be read, or is not there");
  std::string bytes(size, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(size));
  require(static_cast<size_t>(in.gcount()) == size, ErrorKind::Checkpoint, path, ": only ", in.gcount(),
          " of ", size, " bytes could be read");
  return parse_safetensors(bytes, path);
}

std::string format_safetensors(const TensorFile& file) {
  Json header = Json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  int64_t offset = 0;
  for (const auto& [name, tensor] : file.tensors) {
    require(!header.contains(name), "safetensors: tensor ", name, " is given twice");
    const char* type = "";
    for (const NamedType& known : kTypes)
      if (known.type == tensor.dtype()) type = known.name;
    const auto sizes = tensor.shape().sizes();
    header[name] = {{"dtype", type},
                    {"shape", std::vector<int64_t>(sizes.begin(), sizes.end())},
                    {"data_offsets", {offset, offset + tensor.bytes()}}};
    offset += tensor.bytes();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::type_error&) {
    fail(ErrorKind::Usage, "safetensors: a name or a piece of metadata is not valid UTF-8");
  }
  text.append((8 - text.size() % 8) % 8, ' ');  // tensors begin at a multiple of eight bytes
  const uint64_t length = text.size();
  std::string bytes(reinterpret_cast<const char*>(&length), 8);
  bytes += text;
  bytes.reserve(bytes.size() + static_cast<size_t>(offset));
  for (const auto& [name, tensor] : file.tensors) {
    const Tensor host = tensor.device().is_cpu() ? tensor : tensor.to(Device::cpu(), MemoryTag::Workspace);
    bytes.append(static_cast<const char*>(host.raw()), static_cast<size_t>(host.bytes()));
  }
  return bytes;
}

}  // namespace octet
