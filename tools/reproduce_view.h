// What `octet reproduce` shows, as text for a terminal, Markdown, JSON and a page.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/reproduce_audit.h"
#include "tools/reproduce_tables.h"

namespace octet::tools {

struct Reproduction {
  std::vector<ReproducedTable> tables;
  std::vector<MemoryCell> memory;
  std::vector<AuditPoint> audit;
  std::string command;  // that makes it again
};

std::string to_text(const Reproduction& reproduction);
std::string to_markdown(const Reproduction& reproduction);
nlohmann::ordered_json to_json(const Reproduction& reproduction);
std::string to_html(const Reproduction& reproduction);

// The tables of numbers, once for all that are made of rows of text.
struct TextGrid {
  std::vector<std::string> header;
  size_t left = 0;  // columns of words
  std::vector<std::vector<std::string>> rows;
};
TextGrid loss_grid(const ReproducedTable& table);
TextGrid time_and_memory_grid(const ReproducedTable& table);
TextGrid memory_audit_grid(const std::vector<MemoryCell>& cells);
// "2 layers, blockwise8: ..." and the verdicts of the table, a line each.
std::vector<std::string> verdict_lines(const ReproducedTable& table);

}  // namespace octet::tools
