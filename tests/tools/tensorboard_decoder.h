// Reads event files of TensorBoard, by the format's description alone: every frame's checksums (computed bit
// by bit) and every message's fields.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace octet::testing {

struct BoardEvent {
  double wall_time = 0;
  int64_t step = 0;
  std::string version;
  bool session_start = false;
  std::map<std::string, float> scalars;
  std::map<std::string, std::string> texts;
};

// Throws std::runtime_error saying what is wrong and at which byte.
std::vector<BoardEvent> read_board(std::string_view bytes);

}  // namespace octet::testing
