// The parts of an inspection's page that teach, each a section of markup with its heading.
#pragma once

#include <string>

#include "tools/inspection.h"

namespace octet::tools {

// What values codes can stand for.
std::string code_books_section();
// One tensor's values beside a scale for all of it and a scale a block. Empty where no tensor is large
// enough.
std::string scales_section(const Inspection& inspection);
// How step sizes change by storing once. Empty where the truth is not known or the rule divides by no slot.
std::string step_sizes_section(const Inspection& inspection);
// What storing at every step adds up to. Empty likewise.
std::string courses_section(const Inspection& inspection);

}  // namespace octet::tools
