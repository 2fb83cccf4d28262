#include "tools/config_json.h"

#include <nlohmann/json.hpp>
#include <set>

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

Value value_of(const Json& json, std::string where) {
  Value value{Value::Bare, {}, std::move(where), ErrorKind::Checkpoint};
  if (json.is_string()) {
    value.form = Value::String;
    value.texts = {json.get<std::string>()};
  } else if (json.is_array()) {
    value.form = Value::Array;
    for (const Json& entry : json)
      value.texts.push_back(entry.is_string() ? entry.get<std::string>() : entry.dump());
  } else {
    value.texts = {json.dump()};
  }
  return value;
}

}  // namespace

Json to_json(const TrainConfig& config) {
  Json json = Json::object();
  TrainConfig copy = config;
  copy.visit(
      [&](const Field& field, const auto& member, const auto&) { json[std::string(field.name)] = member; });
  return json;
}

TrainConfig config_from_json(const Json& json, std::string_view where) {
  require(json.is_object(), ErrorKind::Checkpoint, where, ": the config is not a JSON object");
  TrainConfig config;
  std::set<std::string> unknown;
  for (const auto& [key, value] : json.items()) unknown.insert(key);
  config.visit([&](const Field& field, auto& member, const auto& constraint) {
    const auto found = json.find(std::string(field.name));
    if (found == json.end()) return;
    unknown.erase(std::string(field.name));
    if constexpr (std::is_same_v<std::decay_t<decltype(constraint)>, Choice>)
      if (*found == Json("") && member.empty()) return;  // no task was named
    assign(member, constraint, value_of(*found, std::string(where) + ": " + std::string(field.name)));
  });
  require(unknown.empty(), ErrorKind::Checkpoint, where, ": the config has an unknown field '",
          unknown.empty() ? "" : *unknown.begin(), "'; it is of a newer version");
  return config;
}

std::vector<ConfigChange> changes(const TrainConfig& a, const TrainConfig& b, Affects affects) {
  const Json x = to_json(a), y = to_json(b);
  const auto text = [](const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  std::vector<ConfigChange> found;
  TrainConfig copy = a;
  copy.visit([&](const Field& field, const auto&, const auto&) {
    const std::string key(field.name);
    if (field.affects == affects && x.at(key) != y.at(key))
      found.push_back({field.name, text(x.at(key)), text(y.at(key))});
  });
  return found;
}

std::string_view first_difference(const TrainConfig& a, const TrainConfig& b, Affects affects) {
  const std::vector<ConfigChange> found = changes(a, b, affects);
  return found.empty() ? std::string_view() : found.front().name;
}

}  // namespace octet::tools
