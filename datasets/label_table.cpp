#include "datasets/label_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "core/error.h"
#include "datasets/column_profile.h"
#include "datasets/text_table.h"

namespace octet {
namespace {

double number_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string quoted(std::string_view label) { return "'" + excerpt(label, 40) + "'"; }

// "'a', 'b', ... and 7 more"
std::string list_of(std::span<const std::string> names) {
  constexpr size_t kMost = 20;
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), kMost); ++i) list += (i ? ", " : "") + quoted(names[i]);
  if (names.size() > kMost) list += " and " + std::to_string(names.size() - kMost) + " more";
  return list;
}

// Two labels that are likely meant as one.
void note_likely_same(const std::vector<std::string>& names, const std::string& column,
                      std::vector<std::string>& notes) {
  const bool numbers = is_number(names.front()) && is_number(names.back());
  std::vector<std::string> forms;
  for (const std::string& name : names) {
    std::string form = name;
    std::transform(form.begin(), form.end(), form.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    forms.push_back(numbers ? fmt::format("{}", number_of(name)) : std::move(form));
  }
  std::unordered_map<std::string_view, size_t> first;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto [same, added] = first.try_emplace(forms[i], i);
    if (!added)
      notes.push_back("labels " + quoted(names[same->second]) + " and " + quoted(names[i]) + " in " + column +
                      " are two classes; are they meant as one?");
  }
}

}  // namespace

std::vector<std::string> sorted_labels(std::span<const std::string> labels) {
  std::vector<std::string> names(labels.begin(), labels.end());
  std::sort(names.begin(), names.end());  // bytes of UTF-8 sort as code points do
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (std::all_of(names.begin(), names.end(), is_number))
    std::stable_sort(names.begin(), names.end(),
                     [](const std::string& a, const std::string& b) { return number_of(a) < number_of(b); });
  return names;
}

std::vector<std::string> trainable_labels(std::span<const std::string> labels, const std::string& column,
                                          const std::function<std::string(size_t row)>& where,
                                          std::vector<std::string>& notes) {
  std::vector<std::string> names = sorted_labels(labels);
  require(names.size() > 1, ErrorKind::Data, where(0), ": all ", labels.size(), " rows are labelled ",
          quoted(names.front()), "; at least two classes are needed");
  require(names.size() == 2 || 2 * names.size() <= labels.size(), ErrorKind::Data, column, " holds ",
          names.size(), " different labels in ", labels.size(), " rows (",
          list_of({names.data(), std::min<size_t>(names.size(), 3)}),
          ", ...): likely it is not the label; --label-column names another");
  const std::vector<int32_t> ids = label_ids(labels, names, where);
  std::vector<int64_t> rows(names.size());
  for (const int32_t id : ids) ++rows[static_cast<size_t>(id)];
  for (size_t row = 0; row < ids.size(); ++row)
    if (rows[static_cast<size_t>(ids[row])] < 2)
      fail(ErrorKind::Data, where(row), ": the only row with the label ", quoted(labels[row]),
           "; a class needs two at least, one to train and one to check on");
  note_likely_same(names, column, notes);
  return names;
}

std::vector<int32_t> label_ids(std::span<const std::string> labels, std::span<const std::string> names,
                               const std::function<std::string(size_t row)>& where) {
  std::unordered_map<std::string_view, int32_t> id_of;
  for (size_t i = 0; i < names.size(); ++i) id_of.emplace(names[i], static_cast<int32_t>(i));
  std::vector<int32_t> ids;
  ids.reserve(labels.size());
  for (size_t row = 0; row < labels.size(); ++row) {
    const auto found = id_of.find(labels[row]);
    if (found == id_of.end())
      fail(ErrorKind::Data, where(row), ": unknown label ", quoted(labels[row]), ", known from training are ",
           list_of(names));
    ids.push_back(found->second);
  }
  return ids;
}

std::vector<double> balanced_weights(std::span<const int32_t> labels, int64_t classes) {
  std::vector<int64_t> rows(static_cast<size_t>(classes));
  for (const int32_t label : labels) {
    require(label >= 0 && label < classes, ErrorKind::Data, "balanced_weights: label ", label, " of ",
            classes, " classes");
    ++rows[static_cast<size_t>(label)];
  }
  std::vector<double> weights;
  for (size_t i = 0; i < rows.size(); ++i) {
    require(rows[i] > 0, ErrorKind::Data, "balanced_weights: class ", i, " has no rows");
    weights.push_back(static_cast<double>(labels.size()) /
                      (static_cast<double>(classes) * static_cast<double>(rows[i])));
  }
  return weights;
}

}  // namespace octet
