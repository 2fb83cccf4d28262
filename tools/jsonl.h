// JSON Lines: one event a line, whole lines only, so that another program can follow the file while it grows.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/events.h"

namespace octet::tools {

nlohmann::ordered_json to_json(const EpochEvent& event);
// Errors (Data): it is no such event. F1 may be missing, as it is in older logs.
EpochEvent epoch_from_json(const nlohmann::ordered_json& event);
nlohmann::ordered_json to_json(const TestEvent& event);
nlohmann::ordered_json to_json(const EndEvent& event);
nlohmann::ordered_json to_json(const BytesByTag& bytes);

class JsonLines {
 public:
  // Opens `path` for writing; with `append` (a resumed run) after what is there. Error (Internal) with the
  // reason if that fails.
  explicit JsonLines(const std::string& path, bool append = false);
  // Writes to an open file, 1 for standard output, and leaves it open. Where SIGPIPE is ignored, lines for a
  // reader that has gone are lost without an error.
  explicit JsonLines(int file, std::string name);
  ~JsonLines();
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;

  // {"event":"start", ...settings...}
  void start(const nlohmann::ordered_json& settings);
  void epoch(const EpochEvent& event);
  void end(const EndEvent& event);
  // Bytes written so far, what was there before included; 0 where that has no meaning (a pipe).
  int64_t bytes() const;
  // Any other event. A number that is not finite becomes null, as JSON has no word for it.
  void write(const nlohmann::ordered_json& event);

 private:
  std::string name_;
  int file_;
  bool owned_;
};

}  // namespace octet::tools
