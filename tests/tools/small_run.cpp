#include "tests/tools/small_run.h"

#include <algorithm>
#include <cstring>

#include "core/safetensors.h"
#include "datasets/generator.h"
#include "datasets/sms.h"

namespace octet::testing {

Arguments operator+(Arguments left, const Arguments& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Outcome run_octet(const Arguments& arguments, const Arguments& environment, const std::string& in) {
  return run_process(Arguments{octet_program()} + arguments, environment, in);
}

std::string small_corpus(int64_t rows, uint64_t seed) {
  return sms_as_uci(generate_sms(seed, rows, rows / 5));
}

Runs::Runs(const std::string& corpus) { write_file(folder_ / "data.txt", corpus); }

Arguments Runs::train(const std::string& out, const Arguments& more) const {
  return Arguments{octet_program(),
                   "train",
                   "sms",
                   "--data",
                   data(),
                   "--out",
                   path(out),
                   "--epochs",
                   "3",
                   "--batch-size",
                   "8",
                   "--lr",
                   "0.003",
                   "--hidden",
                   "16",
                   "--embedding",
                   "12",
                   "--min-freq",
                   "2",
                   "--threads",
                   "2",
                   "--log-every",
                   "1"} +
         more;
}

Outcome Runs::trained(const std::string& out, const Arguments& more) const {
  const Outcome outcome = run_process(train(out, more));
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return outcome;
}

std::vector<Json> all_events_in(const std::string& text) {
  std::vector<Json> events;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    REQUIRE_MESSAGE(end != std::string::npos, "the last line is not ended");
    Json event = Json::parse(text.substr(begin, end - begin), nullptr, /*allow_exceptions=*/false);
    REQUIRE_MESSAGE(event.is_object(), text.substr(begin, end - begin));
    events.push_back(std::move(event));
    begin = end + 1;
  }
  return events;
}

std::vector<Json> events_in(const std::string& text) {
  std::vector<Json> events = all_events_in(text);
  std::erase_if(events, [](const Json& event) {
    const auto kind = event.find("event");
    return kind != event.end() && (*kind == "memory_timeline" || *kind == "answers");
  });
  return events;
}

std::vector<Json> comparable(const std::string& log) {
  std::vector<Json> events = all_events_in(log);
  for (Json& event : events)
    for (const char* key : {"seconds", "train_seconds", "other_seconds", "out", "log", "data", "data_source",
                            "threads", "resume"})
      event.erase(key);
  return events;
}

void check_same_checkpoint(const std::string& a, const std::string& b) {
  const TensorFile x = read_safetensors(a), y = read_safetensors(b);
  REQUIRE(x.tensors.size() == y.tensors.size());
  for (size_t i = 0; i < x.tensors.size(); ++i) {
    INFO(x.tensors[i].first);
    const Tensor &s = x.tensors[i].second, &t = y.tensors[i].second;
    CHECK(x.tensors[i].first == y.tensors[i].first);
    REQUIRE(s.dtype() == t.dtype());
    REQUIRE(s.shape() == t.shape());
    CHECK(std::memcmp(s.raw(), t.raw(), static_cast<size_t>(s.bytes())) == 0);
  }
  Json run = Json::parse(x.metadata.at("run")), other = Json::parse(y.metadata.at("run"));
  for (const char* key : {"seconds", "epoch_seconds"}) run.erase(key), other.erase(key);
  CHECK(run == other);
  for (const char* key : {"format", "vocabulary", "data_sha256"})
    CHECK(x.metadata.at(key) == y.metadata.at(key));
}

void check_same_run(const std::string& a, const std::string& b) {
  for (const char* name : {"best.safetensors", "last.safetensors", "vocab.txt"}) {
    INFO(name);
    CHECK((read_file(a + "/" + name) == read_file(b + "/" + name)));
  }
  check_same_checkpoint(a + "/last.ckpt.safetensors", b + "/last.ckpt.safetensors");
  CHECK(comparable(read_file(a + "/log.jsonl")) == comparable(read_file(b + "/log.jsonl")));
}

}  // namespace octet::testing
