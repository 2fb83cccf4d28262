// "Did you mean": the nearest valid name to one that is not known.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace octet {

// Number of single-letter insertions, deletions, replacements and swaps of neighbours that lead from `a` to
// `b` (optimal string alignment distance); upper and lower case count as equal.
int edit_distance(std::string_view a, std::string_view b);

// The name nearest to `wrong`, the first of equals; empty if none is near enough to be what was meant. A name
// that `wrong` abbreviates (three letters or more) counts as near.
std::string_view nearest_name(std::string_view wrong, std::span<const std::string_view> names);

// "unknown optimizer 'adm', did you mean 'adam'? Known: adam, adamw"
std::string unknown_name(std::string_view kind, std::string_view wrong,
                         std::span<const std::string_view> names);

// Error (Usage) with that text unless `name` is one of `names`.
void require_name(std::string_view kind, std::string_view name, std::span<const std::string_view> names);

// "adam, adamw"
std::string join(std::span<const std::string_view> names);

}  // namespace octet
