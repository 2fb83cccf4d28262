// An inspection as text, JSON and a page.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/inspection.h"

namespace octet::tools {

// For a terminal of 100 columns.
std::string to_text(const Inspection& inspection);

nlohmann::ordered_json to_json(const Inspection& inspection);

// One HTML file with all it needs inside, that teaches as well as reports.
std::string to_html(const Inspection& inspection);

// What text and page say alike.
std::string headline(const Inspection& inspection);        // "adam with fp32 state after 500 steps, ..."
std::string basis_sentence(const Inspection& inspection);  // where errors come from
std::string percent(double share);                         // "1.23 %", "< 0.01 %"; "-" if it is not known
std::string times(double ratio);                           // "1.02", "3.1e+04"; "-" if it is not known

}  // namespace octet::tools
