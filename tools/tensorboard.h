// Event files that TensorBoard reads: TFRecord frames around Event messages of protocol buffers.
//
// A frame is the length (u64, little-endian), the masked CRC-32C of those eight bytes, the message, and the
// masked CRC-32C of the message. Field numbers are those of event.proto, summary.proto and tensor.proto
// (TensorFlow, tensorflow/core).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace octet::tools {

// CRC-32C (Castagnoli; polynomial 0x1EDC6F41, reflected), as in RFC 3720, and as frames hold it:
// rotated right by 15 bits plus 0xA282EAD8.
uint32_t crc32c(std::string_view bytes);
uint32_t masked_crc32c(std::string_view bytes);

// One message in its frame.
std::string tfrecord(std::string_view message);

using Scalars = std::vector<std::pair<std::string, double>>;  // tag, value

class TensorBoardFile {
 public:
  // A new file in `folder`, which is made if it is not there; none that is there is touched. Errors
  // (Internal) with the folder or file and the reason.
  explicit TensorBoardFile(const std::string& folder);
  ~TensorBoardFile();
  TensorBoardFile(const TensorBoardFile&) = delete;
  TensorBoardFile& operator=(const TensorBoardFile&) = delete;

  const std::string& path() const { return path_; }

  // Of a run that goes on: what other files of the folder tell of steps after this one is void.
  void resumed_after(int64_t step);
  void scalars(int64_t step, const Scalars& values);
  // Markdown, shown on the page "Text".
  void text(int64_t step, std::string_view tag, std::string_view markdown);

 private:
  void write(int64_t step, std::string_view fields);

  std::string path_;
  int file_ = -1;
};

}  // namespace octet::tools
