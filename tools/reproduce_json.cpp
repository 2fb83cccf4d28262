#include <cmath>

#include "tools/reproduce_view.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no word for numbers that are not finite.
Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(); }
Json json_of(const Interval& interval) { return Json::array({finite(interval.low), finite(interval.high)}); }

const char* name_of(Finding finding) {
  constexpr const char* kNames[] = {"no test", "not enough runs", "equal",    "higher",
                                    "lower",   "far higher",      "far lower"};
  return kNames[static_cast<size_t>(finding)];
}

Json json_of(const PairedTest& test) {
  Json json = {{"pairs", test.pairs},
               {"mean_difference", finite(test.mean)},
               {"interval", json_of(test.interval)},
               {"finding", name_of(test.finding)}};
  if (test.finding == Finding::NoTest) return json;
  json.update({{"margin", test.margin},
               {"p_equal", test.p_equal},
               {"p_different", test.p_different},
               {"smallest_margin", test.smallest_margin},
               {"pairs_needed", test.pairs_needed}});
  return json;
}

Json json_of(const Printed& printed) {
  return {{"loss", printed.loss}, {"seconds", printed.seconds}, {"megabytes", printed.megabytes}};
}

Json json_of(const TableCell& cell) {
  Json json = {{"state", kGridStates[cell.state].name},
               {"printed", json_of(*cell.printed)},
               {"runs", cell.losses.size()},
               {"failed", cell.failed},
               {"learned", cell.learned},
               {"loss", finite(cell.loss())},
               {"interval", json_of(cell.interval)},
               {"seeds", cell.seeds},
               {"losses", cell.losses},
               {"accuracy", finite(cell.accuracy)},
               {"seconds", finite(cell.seconds)},
               {"peak_bytes", cell.peak_bytes},
               {"state_bytes", cell.state_bytes}};
  if (cell.state != kFp32) json.update({{"to_fp32", json_of(cell.to_fp32)}, {"verdict", cell.verdict}});
  return json;
}

}  // namespace

Json to_json(const Reproduction& reproduction) {
  Json out = {{"command", reproduction.command}, {"tables", Json::array()}};
  for (const ReproducedTable& table : reproduction.tables) {
    Json columns = Json::array();
    for (const TableColumn& column : table.columns) {
      Json cells = Json::array();
      for (const TableCell& cell : column.cells) cells.push_back(json_of(cell));
      columns.push_back({{"column", column.column.name},
                         {"layers", column.column.layers},
                         {"epoch", column.column.epoch},
                         {"cells", cells},
                         {"v036_to_control", json_of(column.map)},
                         {"map_verdict", column.map_verdict}});
    }
    out["tables"].push_back({{"title", table.grid.title},
                             {"experiment", table.grid.task},
                             {"shortened", table.grid.shortened()},
                             {"notes", table.notes},
                             {"columns", columns},
                             {"verdict", table.verdict},
                             {"map_verdict", table.map_verdict}});
  }
  for (const MemoryCell& cell : reproduction.memory)
    out["memory_audit"].push_back({{"table", cell.table},
                                   {"column", cell.column},
                                   {"state", cell.state},
                                   {"printed", cell.printed},
                                   {"mebibytes", cell.mebibytes},
                                   {"as_printed", cell.as_printed},
                                   {"why", cell.why}});
  for (const AuditPoint& point : reproduction.audit) {
    Json steps = Json::array();
    for (const AuditStep& step : point.steps)
      steps.push_back({{"arithmetic", step.arithmetic}, {"holds", step.holds}});
    out["audit"].push_back({{"number", point.number},
                            {"claim", point.claim},
                            {"holds", point.holds()},
                            {"steps", steps},
                            {"beyond", point.beyond}});
  }
  return out;
}

}  // namespace octet::tools
