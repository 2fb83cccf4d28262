// The texts and token lists that the suites of this folder compare with.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace octet::testing {

std::vector<std::string_view> lines_of(std::string_view text);  // without their '\n'

// The messages of the two SMS files, in file order.
std::vector<std::string> uci_messages(const std::filesystem::path& path);  // label, tab, text
std::vector<std::string> csv_messages(const std::filesystem::path& path);  // "label","text" with a header

// A file of JSON arrays of strings, one a line.
std::vector<std::vector<std::string>> string_lists(std::string_view jsonl);

}  // namespace octet::testing
