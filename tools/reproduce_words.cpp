#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/reproduce_tables.h"

namespace octet::tools {
namespace {

std::string share(double part, double whole) {
  return whole > 0 ? fmt::format("{:.1f} %", 100 * part / whole) : "?";
}

// The loss of the reference, which the margin is a share of.
double reference_of(const PairedTest& test) { return test.margin / kMarginShare; }

std::string size_of(const PairedTest& test) {
  return fmt::format("{} ({}{})", difference_text(test), test.mean < 0 ? "-" : "+",
                     share(std::abs(test.mean), reference_of(test)));
}

std::string failures(const TableCell& cell) {
  return cell.failed == 0 ? ""
                          : fmt::format("{} of {} runs ended with values that are not finite; ", cell.failed,
                                        cell.failed + static_cast<int64_t>(cell.losses.size()));
}

// Where none of the runs of both cells learned, their losses tell nothing of the optimizer.
bool nothing_learned(const TableCell& cell, const TableCell& other) {
  return !cell.losses.empty() && !other.losses.empty() && cell.learned == 0 && other.learned == 0;
}

// Some runs of a cell learned and some did not: means and intervals stand between two heaps.
std::string split_words(const TableCell& cell) {
  const auto runs = static_cast<int64_t>(cell.losses.size());
  if (cell.learned == 0 || cell.learned == runs) return "";
  return fmt::format("; {} of {} runs learned", cell.learned, runs);
}

}  // namespace

std::string loss_text(double loss) { return std::isfinite(loss) ? fmt::format("{:.4f}", loss) : "-"; }

std::string interval_text(const Interval& interval, bool sign) {
  if (!std::isfinite(interval.low) || !std::isfinite(interval.high)) return "-";
  return sign ? fmt::format("{:+.4f} to {:+.4f}", interval.low, interval.high)
              : fmt::format("{:.4f} to {:.4f}", interval.low, interval.high);
}

std::string difference_text(const PairedTest& test) {
  return test.pairs > 0 && std::isfinite(test.mean) ? fmt::format("{:+.4f}", test.mean) : "-";
}

std::string test_words(const PairedTest& test, std::string_view what, std::string_view reference) {
  const std::string pairs = fmt::format("{} pair{}", test.pairs, test.pairs == 1 ? "" : "s");
  switch (test.finding) {
    case Finding::NoTest:
      return fmt::format("not enough runs: {}, a test needs {}", pairs, kFewestPairs);
    case Finding::Undecided:
      return fmt::format(
          "not enough runs: {} resolve a margin of {} ({}), 2 % is {}{}", pairs,
          loss_text(test.smallest_margin), share(test.smallest_margin, reference_of(test)),
          loss_text(test.margin),
          test.pairs_needed > 0
              ? fmt::format("; with this spread and mean {} pairs would show equality", test.pairs_needed)
              : "");
    case Finding::Equal:
      return fmt::format(
          "{} equals {} within 2 % (TOST p = {:.2g}){}", what, reference, test.p_equal,
          test.p_different < 0.05 ? ", though a difference of " + size_of(test) + " shows" : "");
    case Finding::FarHigher:
    case Finding::FarLower:
      return fmt::format("{} is {} than {}, by {}: beyond 2 %", what, test.mean > 0 ? "higher" : "lower",
                         reference, size_of(test));
    case Finding::Higher:
    case Finding::Lower:
      return fmt::format("{} is {} than {}, by {}; whether that is beyond 2 % takes more runs", what,
                         test.mean > 0 ? "higher" : "lower", reference, size_of(test));
  }
  return "";
}

std::string cell_verdict(const TableCell& cell, const TableCell& fp32) {
  if (nothing_learned(cell, fp32))
    return failures(cell) + fmt::format(
                                "a tie that tells nothing: no run learned, with fp32 (loss {}) as little as "
                                "here ({}); ln 2 is {}",
                                loss_text(fp32.loss()), loss_text(cell.loss()), loss_text(std::log(2.0)));
  return failures(cell) + test_words(cell.to_fp32, "the loss", "fp32's") + split_words(cell);
}

std::string map_words(const PairedTest& map, const TableCell& control, const TableCell& v036) {
  if (nothing_learned(v036, control))
    return failures(v036) + "cannot be told, as no run learns, with either map";
  const std::string test = failures(v036) + test_words(map, "the loss with the v0.36 map", "its control's");
  if (map.finding == Finding::NoTest || map.finding == Finding::Undecided) return test;
  if (map.finding == Finding::Equal) return test + ", so the map explains nothing here";
  if (map.mean < 0) return test + ", so the map does not explain a higher loss";
  const double printed = v036.printed->loss;
  const auto next_loss = [](const TableCell& cell) {  // no loss is negative
    const Interval next = next_value(cell.losses);
    return Interval{std::max(next.low, 0.0), next.high};
  };
  const Interval with_map = next_loss(v036), without = next_loss(control);
  const std::string place =
      fmt::format("a single run with the map lies at {}, one of the control at {}, the report printed {}",
                  interval_text(with_map), interval_text(without), printed);
  if (!with_map.holds(printed)) return fmt::format("{}, but the size does not fit: {}", test, place);
  if (without.holds(printed))
    return fmt::format("{}; the printed value would fit either map: {}", test, place);
  return fmt::format("{}, and that explains the printed value: {}", test, place);
}

}  // namespace octet::tools
