// Quantities as a person reads them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/events.h"

namespace octet::tools {

std::string format_bytes(int64_t bytes);         // "512 B", "1.44 MB" (1 MB = 1e6 bytes)
std::string format_duration(double seconds);     // "0.71 s", "4:05", "1:02:03"; "?" if unknown (not finite)
std::string format_count(int64_t count);         // "5,574"
std::string format_fixed(double x, int digits);  // "0.0427"; "nan" without the sign that printf shows of it
std::string format_tags(
    const BytesByTag& by);  // "weights 1.44 MB, gradients 1.44 MB"; tags without bytes left out

// Takes the first line off a text that is not empty, and returns it without its end.
std::string_view take_line(std::string_view& text);
std::vector<std::string> lines_of(std::string_view text);  // without their ends; no line behind the last end

}  // namespace octet::tools
