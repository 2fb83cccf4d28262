// Whether a page is what octet promises: well-formed, and all in one file.
#pragma once

#include <string>
#include <string_view>

namespace octet::testing {

// The first fault of a page, or empty. Tags must be balanced and nested, attributes quoted and named once,
// entities known; there must be no script, no handler and nothing that is fetched.
std::string html_fault(std::string_view page);

}  // namespace octet::testing
