// What the commands of `octet data` share.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "datasets/corpora.h"
#include "tools/fields.h"

namespace CLI {
class App;
}

namespace octet::tools {

std::function<int()> declare_data_check(CLI::App& app);
std::function<int()> declare_data_describe(CLI::App& app);
std::function<int()> declare_data_fetch(CLI::App& app);
std::function<int()> declare_data_list(CLI::App& app);

// The field that names the data set, and its choices.
inline constexpr Field kDataSetField{"name", "data set", Affects::RunOnly, true};
Choice data_set_names();
// Error (Usage) if `name` is empty, that is, was not given to `command` ("octet data check").
const NamedCorpus& corpus_named(std::string_view name, std::string_view command);

// --data, and the places that are searched without it.
inline constexpr Field kDataField{"data", "file or folder of the data set; empty: look in the usual places",
                                  Affects::RunOnly};
DataPlaces places_of(const std::string& data);

}  // namespace octet::tools
