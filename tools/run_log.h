// The log of a run: a JSON line for every event.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/jsonl.h"

namespace octet::tools {

class RunLog {
 public:
  struct Options {
    bool append = false;
    bool on_output = false;  // every event on standard output as well
    bool generated = false;  // from generated data, which every event then says
  };
  RunLog(const std::string& path, const Options& options);

  void write(nlohmann::ordered_json event);
  int64_t bytes() const { return file_.bytes(); }

  // A resumed run writes on from where its checkpoint stood: later lines are of steps that are done again.
  // Errors (Data): the log is shorter than that.
  static void cut(const std::string& path, int64_t bytes);

 private:
  JsonLines file_;
  std::unique_ptr<JsonLines> output_;
  bool generated_;
};

}  // namespace octet::tools
