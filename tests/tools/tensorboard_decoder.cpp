#include "tests/tools/tensorboard_decoder.h"

#include <cstring>

namespace octet::testing {
namespace {

// x^32 + x^28 + x^27 + ... of CRC-32C, a bit at a time and from the other end than the writer's table.
uint32_t slow_crc(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const uint32_t in = static_cast<uint8_t>(c) >> bit & 1;
      const bool carry = (crc & 1) != in;
      crc >>= 1;
      if (carry) crc ^= 0x82F63B78;
    }
  return ~crc;
}

uint32_t masked(std::string_view bytes) {
  const uint32_t crc = slow_crc(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
}

[[noreturn]] void bad(const std::string& what) { throw std::runtime_error(what); }

template <class T>
T take(std::string_view& bytes) {
  if (bytes.size() < sizeof(T)) bad("cut short");
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

uint64_t take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = take<uint8_t>(bytes);
    value |= uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  bad("a number of more than ten bytes");
}

struct FieldOf {
  uint64_t number = 0, varint = 0;
  double real = 0;
  std::string_view bytes;
};

std::vector<FieldOf> fields_of(std::string_view message) {
  std::vector<FieldOf> out;
  while (!message.empty()) {
    const uint64_t key = take_varint(message);
    FieldOf field{.number = key >> 3};
    switch (key & 7) {
      case 0:
        field.varint = take_varint(message);
        break;
      case 1:
        field.real = take<double>(message);
        break;
      case 2: {
        const uint64_t size = take_varint(message);
        if (size > message.size()) bad("a field longer than its message");
        field.bytes = message.substr(0, size);
        message.remove_prefix(size);
        break;
      }
      case 5:
        field.real = take<float>(message);
        break;
      default:
        bad("an unknown wire type");
    }
    out.push_back(field);
  }
  return out;
}

void read_value(std::string_view message, BoardEvent& event) {
  std::string tag, text, plugin;
  float scalar = 0;
  bool is_scalar = false;
  for (const FieldOf& field : fields_of(message)) {
    if (field.number == 1) tag = field.bytes;
    if (field.number == 2) scalar = static_cast<float>(field.real), is_scalar = true;
    if (field.number == 8)
      for (const FieldOf& of_tensor : fields_of(field.bytes)) {
        if (of_tensor.number == 1 && of_tensor.varint != 7) bad("a tensor that is no string");
        if (of_tensor.number == 8) text = of_tensor.bytes;
      }
    if (field.number == 9)
      for (const FieldOf& of_metadata : fields_of(field.bytes))
        if (of_metadata.number == 1) plugin = fields_of(of_metadata.bytes).at(0).bytes;
  }
  if (tag.empty()) bad("a value without tag");
  if (is_scalar) {
    event.scalars[tag] = scalar;
  } else {
    if (plugin != "text") bad("a value of plugin '" + plugin + "'");
    event.texts[tag] = text;
  }
}

}  // namespace

std::vector<BoardEvent> read_board(std::string_view bytes) {
  std::vector<BoardEvent> events;
  while (!bytes.empty()) {
    if (bytes.size() < 12) bad("a frame without header");
    const std::string_view head = bytes.substr(0, 8);
    const auto length = take<uint64_t>(bytes);
    if (take<uint32_t>(bytes) != masked(head)) bad("the length's checksum is wrong");
    if (length > bytes.size()) bad("a frame that is cut short");
    const std::string_view message = bytes.substr(0, length);
    bytes.remove_prefix(length);
    if (take<uint32_t>(bytes) != masked(message)) bad("the message's checksum is wrong");
    BoardEvent event;
    for (const FieldOf& field : fields_of(message)) {
      if (field.number == 1) event.wall_time = field.real;
      if (field.number == 2) event.step = static_cast<int64_t>(field.varint);
      if (field.number == 3) event.version = field.bytes;
      if (field.number == 5)
        for (const FieldOf& value : fields_of(field.bytes)) read_value(value.bytes, event);
      if (field.number == 7) event.session_start = fields_of(field.bytes).at(0).varint == 1;
    }
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace octet::testing
