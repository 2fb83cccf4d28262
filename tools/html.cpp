#include "tools/html.h"

#include <fmt/format.h>

#include <cstdint>

namespace octet::tools {
namespace {

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --soft: #5b6570; --rule: #d5dae0; --shade: #f3f5f7;
  --s1: #0b64b4; --s2: #c2500a; --s3: #13795b; --s4: #8a3ea8; --s5: #8a6d00; --s6: #a8243e; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e6e9ec; --soft: #9aa5b1; --rule: #3a424b;
  --shade: #1e2328; --s1: #64b0f4; --s2: #f59a5a; --s3: #5fcfa6; --s4: #cf9ae6; --s5: #e0c050; --s6: #f4869b; } }
@media print { * { print-color-adjust: exact; } :root { color-scheme: light; --paper: #ffffff; --ink: #000000; --soft: #333333; --rule: #999999;
  --shade: #ffffff; --s1: #0b64b4; --s2: #c2500a; --s3: #13795b; --s4: #8a3ea8; --s5: #8a6d00; --s6: #a8243e; }
  main { max-width: none; padding: 0; } figure, tr { break-inside: avoid; } h2 { break-after: avoid; }
  table { font-size: .62rem !important; } .wide { overflow: visible !important; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .4rem; }
p { max-width: 46rem; margin: .5rem 0; }
figure { margin: 1rem 0; }
figcaption { color: var(--soft); font-size: .9rem; max-width: 46rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .84rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .5rem; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 600; background: var(--shade); white-space: normal; vertical-align: bottom; }
.left { text-align: left; }
svg { display: block; width: 100%; height: auto; }
svg.split { height: 1.5rem; border-radius: 4px; }
svg.small { width: 12rem; height: 1.6rem; }
svg text { fill: var(--ink); font-size: 12px; font-family: inherit; paint-order: stroke; stroke: var(--paper);
  stroke-width: 3px; stroke-linejoin: round; }
svg .soft { fill: var(--soft); }
svg .axis { stroke: var(--soft); stroke-width: 1; fill: none; }
svg .grid { stroke: var(--rule); stroke-width: 1; fill: none; }
svg .bar { stroke: none; } svg .line { fill: none; stroke-width: 1.8; } svg .thin { fill: none; stroke-width: 1; }
svg .dashed { stroke-dasharray: 6 4; } svg .faint { opacity: .55; }
svg .broad2 { stroke-width: 3.4; } svg .broad3 { stroke-width: 5; } svg .broad4 { stroke-width: 6.6; }
.scroll { overflow-x: auto; } .scroll svg { min-width: 40rem; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: .4rem 0; font-size: .88rem; max-width: none; }
.key { display: inline-block; width: 1.1rem; height: .7rem; margin-right: .4rem; border-radius: 2px; }
.key.dashed { height: 0; border-radius: 0; background: none !important; border-top: 3px dashed; vertical-align: .25rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: .8rem 2rem; }
.grid > * { min-width: 0; } @media print { .grid { grid-template-columns: 1fr 1fr; } .scroll svg { min-width: 0; } }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .6rem; margin: 1rem 0; padding: 0; }
.cards div { background: var(--shade); border: 1px solid var(--rule); border-radius: 6px; padding: .5rem .7rem; }
.cards dt { color: var(--soft); font-size: .82rem; } .cards dd { margin: 0; font-size: 1.25rem; font-weight: 600;
  overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.wrap { white-space: normal; overflow-wrap: anywhere; min-width: 14rem; max-width: 46rem; }
.settings { columns: 19rem; column-gap: 2rem; font-size: .84rem; margin: .6rem 0; }
.settings div { display: flex; justify-content: space-between; gap: 1rem; border-bottom: 1px solid var(--rule);
  break-inside: avoid; padding: .1rem .3rem; }
.settings dt { margin: 0; } .settings dd { margin: 0; text-align: right; overflow-wrap: anywhere; min-width: 0;
  font-variant-numeric: tabular-nums; }
.settings .changed { font-weight: 600; background: var(--shade); }
.settings small { color: var(--soft); font-weight: 400; }
details { margin: .8rem 0; } summary { cursor: pointer; color: var(--soft); }
td.cell { text-align: center; min-width: 4rem; }
pre { overflow-x: auto; background: var(--shade); padding: .5rem .7rem; font-size: .84rem; }
)css";

std::string colours() {
  std::string out;
  for (const char name : std::string_view("123456"))
    out += fmt::format(
        ".s{0}.bar,.s{0}.mark{{fill:var(--s{0})}}.s{0}.line,.s{0}.thin{{stroke:var(--s{0})}}"
        ".s{0}.key{{background:var(--s{0});border-color:var(--s{0})}}\n",
        name);
  return out;
}

// The length of the UTF-8 character at the front, or 0 if there is none that a page may hold.
size_t character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return first >= 0x20 || first == '\t' || first == '\n' ? 1 : 0;
  const size_t length = first >= 0xF0 && first < 0xF5   ? 4
                        : first >= 0xE0 && first < 0xF0 ? 3
                        : first >= 0xC2 && first < 0xE0 ? 2
                                                        : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  // Overlong forms, surrogates, and beyond U+10FFFF.
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
      (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F))
    return 0;
  return length;
}

std::string element(std::string_view name, std::string_view markup) {
  std::string out = "<";
  return out.append(name).append(">").append(markup).append("</").append(name).append(">\n");
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = character(text);
    switch (length == 1 ? text[0] : 'x') {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += length > 0 ? text.substr(0, length) : "\xEF\xBF\xBD";
    }
    text.remove_prefix(length > 0 ? length : 1);
  }
  return out;
}

std::string html_page(std::string_view title, std::string_view body) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  out += element("title", escape_html(title));
  out += element("style", std::string(kStyle) + colours());
  out += "</head>\n<body>\n<main>\n" + element("h1", escape_html(title));
  return out.append(body) + "</main>\n</body>\n</html>\n";
}

std::string html_paragraph(std::string_view text) { return element("p", escape_html(text)); }
std::string html_heading(std::string_view text) { return element("h2", escape_html(text)); }

std::string html_figure(std::string_view markup, std::string_view caption) {
  return element("figure", std::string(markup) + element("figcaption", escape_html(caption)));
}

std::string html_legend(const std::vector<LegendEntry>& entries) {
  std::string out = "<div class=\"legend\">";
  for (const LegendEntry& entry : entries)
    out += "<span><span class=\"" + entry.classes + " key\"></span>" + escape_html(entry.words) + "</span>\n";
  return out + "</div>\n";
}

std::string html_grid(std::string_view markup) {
  return std::string("<div class=\"grid\">").append(markup) + "</div>\n";
}

std::string html_cards(const std::vector<std::pair<std::string, std::string>>& cards) {
  std::string out = "<dl class=\"cards\">\n";
  for (const auto& [name, value] : cards)
    out += "<div><dt>" + escape_html(name) + "</dt><dd>" + escape_html(value) + "</dd></div>\n";
  return out + "</dl>\n";
}

std::string html_details(std::string_view summary, std::string_view markup) {
  return element("details", element("summary", escape_html(summary)) + std::string(markup));
}

HtmlTable::HtmlTable(const std::vector<std::string>& header, size_t left)
    : left_(left), head_(line(header, "th")) {}

void HtmlTable::row(const std::vector<std::string>& cells) { body_ += line(cells, "td"); }

std::string HtmlTable::line(const std::vector<std::string>& cells, const char* tag) const {
  std::string out;
  for (size_t i = 0; i < cells.size(); ++i)
    out += std::string("<") + tag + (i < left_ ? " class=\"left\">" : ">") + cells[i] + "</" + tag + ">";
  return element("tr", out);
}

std::string HtmlTable::markup() const {
  return "<div class=\"wide\">" + element("table", element("thead", head_) + element("tbody", body_)) +
         "</div>\n";
}

}  // namespace octet::tools
