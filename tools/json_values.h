// Values of logs that somebody may have changed. Errors: kind Data, saying what was expected.
#pragma once

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "core/ledger.h"

namespace octet::tools {

inline const nlohmann::ordered_json& member_of(const nlohmann::ordered_json& object, const char* name) {
  const auto found = object.find(name);
  require(found != object.end(), ErrorKind::Data, "the event has no ", name);
  return *found;
}

// From 0 to 2^53: what every reader of JSON keeps exact.
inline int64_t count_of(const nlohmann::ordered_json& value) {
  require(value.is_number_integer() && value >= 0 && value <= int64_t{1} << 53, ErrorKind::Data,
          "expected a count, got ",
          value.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace));
  return value.get<int64_t>();
}
inline int64_t count_of(const nlohmann::ordered_json& object, const char* name) {
  return count_of(member_of(object, name));
}

// null is a number that is not finite.
inline double number_of(const nlohmann::ordered_json& object, const char* name) {
  const nlohmann::ordered_json& value = member_of(object, name);
  require(value.is_number() || value.is_null(), ErrorKind::Data, name, " is no number");
  return value.is_null() ? NAN : value.get<double>();
}

inline std::string text_of(const nlohmann::ordered_json& object, const char* name) {
  const nlohmann::ordered_json& value = member_of(object, name);
  require(value.is_string(), ErrorKind::Data, name, " is no text");
  return value.get<std::string>();
}

// Tags that are absent hold nothing.
inline BytesByTag bytes_of(const nlohmann::ordered_json& object, const char* name) {
  const nlohmann::ordered_json& value = member_of(object, name);
  require(value.is_object(), ErrorKind::Data, name, " is no object");
  BytesByTag out{};
  for (int tag = 0; tag < kMemoryTags; ++tag) {
    const char* key = name_of(static_cast<MemoryTag>(tag));
    if (value.contains(key)) out[static_cast<size_t>(tag)] = count_of(value, key);
  }
  return out;
}

}  // namespace octet::tools
