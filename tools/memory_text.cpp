#include "tools/memory_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/byte_size.h"
#include "tools/format.h"
#include "tools/jsonl.h"
#include "tools/table.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string percent(int64_t part, int64_t whole) {
  return fmt::format("{:.1f} %",
                     whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0);
}
std::string per_parameter(int64_t bytes, int64_t parameters) {
  return fmt::format("{:.2f}",
                     static_cast<double>(bytes) / static_cast<double>(std::max<int64_t>(1, parameters)));
}
const char* name_of_tag(size_t tag) { return name_of(static_cast<MemoryTag>(tag)); }

// "4,096 x 4 B"
std::string arithmetic(const PlannedTensor& tensor) {
  return format_count(tensor.shape.numel()) + " x " + std::to_string(size_of(tensor.dtype)) + " B";
}

}  // namespace

std::vector<CodecForecast> forecast_codecs(const TrainConfig& config, const Workload& work) {
  std::vector<CodecForecast> out;
  for (const std::string_view codec : kCodecs) {
    TrainConfig c = config;
    c.state = codec;
    const MemoryForecast told = forecast(c, work);
    out.push_back({std::string(codec), told.state_bytes, told.peak, told.coded_parameters});
  }
  return out;
}

std::string tag_table(const MemoryForecast& forecast) {
  Table table({"", "at the peak", "", "share", "own largest"}, 1);
  for (size_t tag = 0; tag < kMemoryTags; ++tag)
    table.row({name_of_tag(tag), exact_bytes(forecast.at_peak[tag]), mebibytes(forecast.at_peak[tag]),
               percent(forecast.at_peak[tag], forecast.peak), exact_bytes(forecast.largest[tag])});
  table.row({"all", exact_bytes(forecast.peak), mebibytes(forecast.peak), "100.0 %", ""});
  return table.text();
}

std::string tensor_table(const MemoryForecast& forecast) {
  Table table({"tensor", "shape", "type", "elements x size", "bytes", "as counted"}, 3);
  for (size_t tag = 0; tag < kMemoryTags; ++tag) {
    table.row({name_of_tag(tag), "", "", "", "", ""});
    int64_t exact = 0, counted = 0;
    for (const PlannedTensor& tensor : forecast.tensors) {
      if (static_cast<size_t>(tensor.tag) != tag) continue;
      table.row({"  " + tensor.name, tensor.shape.text(), name_of(tensor.dtype), arithmetic(tensor),
                 format_count(tensor.exact_bytes()), format_count(tensor.bytes)});
      exact += tensor.exact_bytes();
      counted += tensor.bytes;
    }
    table.row({"  sum of " + std::string(name_of_tag(tag)), "", "", "", format_count(exact),
               format_count(counted)});
  }
  table.row({"all", "", "", "", "", format_count(forecast.peak)});
  return table.text();
}

std::string codec_table(const MemoryForecast& forecast, const std::vector<CodecForecast>& codecs,
                        bool overridden) {
  const CodecForecast& exact = codecs.front();  // fp32
  Table table({"state", "bytes of state", "a parameter", "of its peak", "peak", "saves of the peak"}, 1);
  for (const CodecForecast& codec : codecs)
    table.row({codec.codec, exact_bytes(codec.state_bytes),
               per_parameter(codec.state_bytes, forecast.parameters), percent(codec.state_bytes, codec.peak),
               exact_bytes(codec.peak),
               mebibytes(exact.peak - codec.peak) + ", " + percent(exact.peak - codec.peak, exact.peak)});
  std::string text = table.text();
  // Then no row tells what one way of storing all state takes.
  if (overridden) return text + "What --state-override names is kept as it says there, in every row.\n";
  if (exact.state_bytes == 0) return text + "This rule has no state: no codec saves anything.\n";
  const auto eight = std::find_if(codecs.begin(), codecs.end(),
                                  [](const CodecForecast& c) { return c.codec == "blockwise8"; });
  const int64_t saved = exact.state_bytes - eight->state_bytes;
  text += fmt::format(
      "8-bit state saves {} of {} of state ({}). State in fp32 is {} of this run's peak, so no way of "
      "storing "
      "it can save more; the rest is weights, gradients and what a batch needs.\n",
      mebibytes(saved), mebibytes(exact.state_bytes), percent(saved, exact.state_bytes),
      percent(exact.state_bytes, exact.peak));
  if (eight->coded_parameters < forecast.parameters)
    text += fmt::format(
        "It is in 8 bits for {} of {} parameters: smaller tensors than --min-8bit-size, factored state and "
        "what asks "
        "for full precision stay fp32, and frozen weights have none.\n",
        format_count(eight->coded_parameters), format_count(forecast.parameters));
  return text;
}

std::string measured_table(const MemoryForecast& forecast, const MemoryUse& measured) {
  Table table({"", "predicted", "measured", "difference"}, 1);
  const auto row = [&](const std::string& name, int64_t told, int64_t seen) {
    table.row({name, exact_bytes(told), exact_bytes(seen), exact_bytes(told - seen)});
  };
  for (size_t tag = 0; tag < kMemoryTags; ++tag)
    row(name_of_tag(tag), forecast.at_peak[tag], measured.at_peak[tag]);
  row("all", forecast.peak, measured.peak_total);
  return table.text();
}

Json to_json(const MemoryForecast& forecast, const std::vector<CodecForecast>& codecs, bool tensors) {
  Json json = {{"predicted_by_tag", to_json(forecast.at_peak)},
               {"predicted_peak", forecast.peak},
               {"max_by_tag", to_json(forecast.largest)},
               {"phase", forecast.phase},
               {"parameters", forecast.parameters},
               {"weight_bytes", forecast.weight_bytes},
               {"state_bytes", forecast.state_bytes}};
  for (const CodecForecast& codec : codecs)
    json["states"].push_back(
        {{"state", codec.codec}, {"state_bytes", codec.state_bytes}, {"predicted_peak", codec.peak}});
  if (!forecast.not_known.empty()) json["not_known"] = forecast.not_known;
  if (!tensors) return json;
  json["tensors"] = Json::array();
  for (const PlannedTensor& tensor : forecast.tensors) {
    const std::span<const int64_t> sizes = tensor.shape.sizes();
    json["tensors"].push_back({{"name", tensor.name},
                               {"tag", name_of(tensor.tag)},
                               {"shape", std::vector<int64_t>(sizes.begin(), sizes.end())},
                               {"dtype", name_of(tensor.dtype)},
                               {"bytes", tensor.bytes}});
  }
  return json;
}

}  // namespace octet::tools
