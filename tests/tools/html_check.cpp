#include "tests/tools/html_check.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

namespace octet::testing {
namespace {

constexpr std::string_view kVoid[] = {"meta", "br", "hr"};
constexpr std::string_view kForbidden[] = {"script", "iframe", "img", "link", "object", "embed"};
constexpr std::string_view kEntities[] = {"amp", "lt", "gt", "quot", "#39", "#160"};

bool is_one_of(std::string_view name, const auto& list) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

std::string text_fault(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<' || text[i] == '>')
      return "a bare angle bracket near: " + std::string(text.substr(i, 20));
    if (text[i] != '&') continue;
    const size_t end = text.find(';', i);
    if (end == std::string_view::npos || !is_one_of(text.substr(i + 1, end - i - 1), kEntities))
      return "a bare ampersand near: " + std::string(text.substr(i, 20));
  }
  return "";
}

// What stands between the name of a tag and its end.
std::string attributes_fault(std::string_view text) {
  std::set<std::string_view> seen;
  while (true) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text[0]))) text.remove_prefix(1);
    if (text.empty()) return "";
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals + 1 >= text.size() || text[equals + 1] != '"')
      return "an attribute without quotes: " + std::string(text);
    const std::string_view name = text.substr(0, equals);
    const size_t end = text.find('"', equals + 2);
    if (end == std::string_view::npos) return "an attribute without end: " + std::string(text);
    if (!seen.insert(name).second) return "an attribute twice: " + std::string(name);
    if (name.starts_with("on") || name == "src" || name == "href")
      return "an attribute that acts: " + std::string(name);
    if (const std::string fault = text_fault(text.substr(equals + 2, end - equals - 2)); !fault.empty())
      return fault;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string html_fault(std::string_view page) {
  constexpr std::string_view doctype = "<!DOCTYPE html>\n";
  if (!page.starts_with(doctype)) return "no doctype";
  page.remove_prefix(doctype.size());
  for (const std::string_view outside : {"url(", "@import", "://"})
    if (page.find(outside) != std::string_view::npos) return "it fetches something: " + std::string(outside);
  std::vector<std::string_view> open;
  while (!page.empty()) {
    const size_t tag = page.find('<');
    const std::string_view text = page.substr(0, tag);
    const bool style = !open.empty() && open.back() == "style";
    if (const std::string fault = text_fault(text); !style && !fault.empty()) return fault;
    if (tag == std::string_view::npos) break;
    const size_t end = page.find('>', tag);
    if (end == std::string_view::npos) return "a tag without end";
    std::string_view inside = page.substr(tag + 1, end - tag - 1);
    page.remove_prefix(end + 1);
    if (inside.starts_with("/")) {
      inside.remove_prefix(1);
      if (open.empty() || open.back() != inside) return "</" + std::string(inside) + "> closes nothing";
      open.pop_back();
      continue;
    }
    const bool closed = inside.ends_with("/");
    if (closed) inside.remove_suffix(1);
    const std::string_view name = inside.substr(0, inside.find_first_of(" \n"));
    if (is_one_of(name, kForbidden)) return "<" + std::string(name) + "> has no place here";
    if (const std::string fault = attributes_fault(inside.substr(name.size())); !fault.empty()) return fault;
    if (!closed && !is_one_of(name, kVoid)) open.push_back(name);
  }
  return open.empty() ? "" : "<" + std::string(open.back()) + "> is never closed";
}

}  // namespace octet::testing
