#include "tools/jsonl.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tools/json_values.h"

namespace octet::tools {

using Json = nlohmann::ordered_json;

Json to_json(const BytesByTag& bytes) {
  Json json = Json::object();
  for (int i = 0; i < kMemoryTags; ++i) json[name_of(static_cast<MemoryTag>(i))] = bytes[i];
  return json;
}

Json to_json(const EpochEvent& event) {
  return {{"event", "epoch"},
          {"epoch", event.epoch},
          {"train_loss", event.train_loss},
          {"val_loss", event.val_loss},
          {"val_accuracy", event.val_accuracy},
          {"seconds", event.seconds},
          {"train_seconds", event.train_seconds},
          {"peak_bytes", event.peak_bytes},
          {"peak_by_tag", to_json(event.peak_by_tag)},
          {"macro_f1", event.macro_f1},
          {"weighted_f1", event.weighted_f1}};
}

EpochEvent epoch_from_json(const Json& event) {
  EpochEvent epoch;
  epoch.epoch = count_of(event, "epoch");
  epoch.train_loss = number_of(event, "train_loss");
  epoch.val_loss = number_of(event, "val_loss");
  epoch.val_accuracy = number_of(event, "val_accuracy");
  epoch.seconds = number_of(event, "seconds");
  epoch.train_seconds = number_of(event, "train_seconds");
  epoch.peak_bytes = count_of(event, "peak_bytes");
  epoch.peak_by_tag = bytes_of(event, "peak_by_tag");
  if (event.contains("macro_f1")) epoch.macro_f1 = number_of(event, "macro_f1");
  if (event.contains("weighted_f1")) epoch.weighted_f1 = number_of(event, "weighted_f1");
  return epoch;
}

Json to_json(const TestEvent& event) {
  return {{"event", "test"},
          {"rows", event.rows},
          {"loss", event.loss},
          {"accuracy", event.accuracy},
          {"macro_f1", event.macro_f1},
          {"weighted_f1", event.weighted_f1},
          {"weights", event.weights}};
}

Json to_json(const EndEvent& event) {
  Json out = {{"event", "end"},
              {"status", event.status},
              {"epochs", event.epochs},
              {"steps", event.steps},
              {"val_loss", event.val_loss},
              {"val_accuracy", event.val_accuracy},
              {"best_epoch", event.best_epoch},
              {"seconds", event.seconds},
              {"peak_bytes", event.peak_bytes},
              {"peak_by_tag", to_json(event.peak_by_tag)},
              {"max_by_tag", to_json(event.max_by_tag)}};
  if (event.skipped_steps > 0) out["skipped_steps"] = event.skipped_steps;
  return out;
}

JsonLines::JsonLines(const std::string& path, bool append)
    : name_(path),
      file_(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666)),
      owned_(true) {
  require(file_ >= 0, ErrorKind::Internal, path, ": cannot write the log: ", std::strerror(errno));
}

JsonLines::JsonLines(int file, std::string name) : name_(std::move(name)), file_(file), owned_(false) {}

JsonLines::~JsonLines() {
  if (owned_) close(file_);
}

void JsonLines::start(const Json& settings) {
  Json event = {{"event", "start"}};
  event.update(settings);
  write(event);
}

void JsonLines::epoch(const EpochEvent& event) { write(to_json(event)); }
void JsonLines::end(const EndEvent& event) { write(to_json(event)); }

int64_t JsonLines::bytes() const {
  const off_t end = lseek(file_, 0, SEEK_END);
  return end < 0 ? 0 : end;
}

void JsonLines::write(const Json& event) {
  // Paths and texts of users may not be valid UTF-8; a log line must be.
  const std::string line = event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  size_t done = 0;
  while (done < line.size()) {
    const ssize_t n = ::write(file_, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE && !owned_) return;
    require(n > 0, ErrorKind::Internal, name_, ": cannot write the log: ", std::strerror(errno));
    done += static_cast<size_t>(n);
  }
}

}  // namespace octet::tools
