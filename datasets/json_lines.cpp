// JSON Lines: one object a line, whose keys are the columns.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "core/error.h"
#include "datasets/text_table.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;  // keys stay in the file's order: columns have numbers
constexpr size_t kMostKeys = 1000;    // each is a cell in every row
constexpr std::string_view kBlanks = " \t\r\n";

std::string_view without_blanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  return begin == std::string_view::npos ? "" : text.substr(begin);
}

// Hands over each line that is not blank, without its line end.
template <class Use>
void each_line(std::string_view text, Use use) {
  for (int64_t line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (!without_blanks(text.substr(0, end)).empty()) use(text.substr(0, end), line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

Json parse_object(std::string_view line, const std::string& where) {
  try {
    Json object = Json::parse(line);
    require(object.is_object(), ErrorKind::Data, where, ": a JSON ", object.type_name(),
            ", wanted is one object a line: {\"text\": \"...\", \"label\": \"...\"}");
    return object;
  } catch (const Json::parse_error& e) {
    fail(ErrorKind::Data, where, ": not valid JSON at byte ", e.byte,
         " of the line; wanted is one whole object a line: {\"text\": \"...\", \"label\": \"...\"}");
  } catch (const Json::out_of_range&) {
    fail(ErrorKind::Data, where, ": a number that is too large");
  }
}

}  // namespace

bool looks_like_json_lines(std::string_view text) {
  text = without_blanks(text);
  if (text.starts_with('[')) text = without_blanks(text.substr(1));  // an array of objects: refused there
  if (!text.starts_with('{')) return false;
  text = without_blanks(text.substr(1));
  return text.empty() || text.starts_with('"') || text.starts_with('}');
}

void read_json_lines(std::string_view text, TextTable& table) {
  require(!without_blanks(text).starts_with('['), ErrorKind::Data, table.source,
          ", line 1: one JSON array, wanted is one object a line (jq -c '.[]' FILE makes that of it)");
  table.json = true;
  std::unordered_map<std::string, size_t> column_of;
  std::vector<std::vector<Cell>> rows;  // as long as the columns known so far
  each_line(text, [&](std::string_view line, int64_t number) {
    const std::string where = table.source + ", line " + std::to_string(number);
    const Json object = parse_object(line, where);
    std::vector<Cell>& row = rows.emplace_back(table.names.size(), Cell{"", Cell::Kind::Absent});
    for (const auto& [key, value] : object.items()) {
      const auto [found, added] = column_of.try_emplace(key, table.names.size());
      if (added) {
        require(table.names.size() < kMostKeys, ErrorKind::Data, where, ": more than ", kMostKeys,
                " different keys in the file; the objects should have the same ones");
        table.names.push_back(key);
        row.emplace_back();
      }
      Cell& cell = row[found->second];
      if (value.is_structured()) {
        cell = {"", Cell::Kind::Nested};
      } else if (value.is_null()) {
        cell = {"", Cell::Kind::Text};
      } else {
        cell = {table.kept.emplace_back(value.is_string() ? value.template get<std::string>() : value.dump()),
                Cell::Kind::Text};
        if (cell.text.size() > kLongestValue)
          fail(ErrorKind::Data, where, ": '", excerpt(key, 40), "' has more than ", kLongestValue, " bytes");
      }
    }
    table.lines.push_back(number);
  });
  table.columns = table.names.size();
  require(table.columns > 0, ErrorKind::Data, table.source, ": its JSON objects are empty");
  for (const auto& row : rows) {
    table.cells.insert(table.cells.end(), row.begin(), row.end());
    table.cells.resize(table.cells.size() + table.columns - row.size(), Cell{"", Cell::Kind::Absent});
  }
}

}  // namespace octet
