#include "tools/tensorboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "core/error.h"

namespace octet::tools {
namespace {

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78U : 0);
    table[i] = crc;
  }
  return table;
}

// Wire types of protocol buffers.
enum Wire : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

template <class Unsigned>
void append_fixed(std::string& out, Unsigned value) {
  for (size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(value >> 8 * i & 0xFF);
}

std::string key(uint64_t field, Wire wire) {
  std::string out;
  append_varint(out, field << 3 | wire);
  return out;
}
std::string number_field(uint64_t field, int64_t value) {
  std::string out = key(field, kVarint);
  append_varint(out, static_cast<uint64_t>(value));
  return out;
}
std::string double_field(uint64_t field, double value) {
  std::string out = key(field, kFixed64);
  append_fixed(out, std::bit_cast<uint64_t>(value));
  return out;
}
std::string float_field(uint64_t field, float value) {
  std::string out = key(field, kFixed32);
  append_fixed(out, std::bit_cast<uint32_t>(value));
  return out;
}
// A text, or a message within the message.
std::string bytes_field(uint64_t field, std::string_view bytes) {
  std::string out = key(field, kBytes);
  append_varint(out, bytes.size());
  return out.append(bytes);
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> table = crc_table();
  uint32_t crc = ~0U;
  for (const char byte : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<uint8_t>(byte)) & 0xFF];
  return ~crc;
}

uint32_t masked_crc32c(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xA282EAD8U; }

std::string tfrecord(std::string_view message) {
  std::string frame;
  append_fixed(frame, uint64_t{message.size()});
  append_fixed(frame, masked_crc32c(frame));
  frame += message;
  append_fixed(frame, masked_crc32c(message));
  return frame;
}

TensorBoardFile::TensorBoardFile(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error, ErrorKind::Internal, "--tensorboard ", folder,
          ": cannot make the folder: ", error.message());
  // TensorBoard wants "tfevents" in the name, and reads a folder's files in the order of their names.
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  for (int i = 0; file_ < 0; ++i) {
    std::string digits = std::to_string(i);
    digits.insert(0, digits.size() < 4 ? 4 - digits.size() : 0, '0');
    path_ = folder + "/events.out.tfevents." + std::to_string(now) + "." + digits + ".octet";
    file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    require(file_ >= 0 || errno == EEXIST, ErrorKind::Internal, "--tensorboard ", folder,
            ": cannot write to the folder: ", std::strerror(errno));
  }
  write(0, bytes_field(3, "brain.Event:2"));  // file_version
}

TensorBoardFile::~TensorBoardFile() { close(file_); }

void TensorBoardFile::resumed_after(int64_t step) {
  write(step + 1, bytes_field(7, number_field(1, 1)));  // session_log { status: START }
}

void TensorBoardFile::scalars(int64_t step, const Scalars& values) {
  std::string summary;
  for (const auto& [tag, value] : values)
    summary += bytes_field(1, bytes_field(1, tag) + float_field(2, static_cast<float>(value)));
  write(step, bytes_field(5, summary));
}

void TensorBoardFile::text(int64_t step, std::string_view tag, std::string_view markdown) {
  // value { tag, tensor { dtype: DT_STRING, shape of one, string_val }, metadata { plugin_data { "text" } } }
  const std::string shape = bytes_field(2, number_field(1, 1));
  const std::string tensor = number_field(1, 7) + bytes_field(2, shape) + bytes_field(8, markdown);
  const std::string metadata =
      bytes_field(1, bytes_field(1, "text")) + number_field(4, 2);  // DATA_CLASS_TENSOR
  write(step, bytes_field(5, bytes_field(1, bytes_field(1, tag) + bytes_field(8, tensor) +
                                                bytes_field(9, metadata))));
}

void TensorBoardFile::write(int64_t step, std::string_view fields) {
  const double wall =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::string frame = tfrecord(double_field(1, wall) + number_field(2, step) + std::string(fields));
  // Whole records at once, so that a run that is killed leaves a file of whole records.
  size_t done = 0;
  while (done < frame.size()) {
    const ssize_t n = ::write(file_, frame.data() + done, frame.size() - done);
    if (n < 0 && errno == EINTR) continue;
    require(n > 0, ErrorKind::Internal, path_, ": cannot write: ", std::strerror(errno));
    done += static_cast<size_t>(n);
  }
}

}  // namespace octet::tools
