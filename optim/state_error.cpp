#include "optim/state_error.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace octet::optim {
namespace {

void require_pairs(size_t a, size_t b) {
  require(a == b, ErrorKind::Internal, "errors of ", a, " values against ", b);
}

}  // namespace

ValueError value_error(std::span<const float> exact, std::span<const float> stored) {
  require_pairs(exact.size(), stored.size());
  double error = 0, sum = 0, largest = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    const double x = exact[i];
    error += std::abs(x - stored[i]);
    sum += std::abs(x);
    largest = std::max(largest, std::abs(x));
  }
  if (largest == 0) return {};
  const double mean = error / static_cast<double>(exact.size());
  return {.mean_abs = mean, .relative = error / sum, .of_absmax = mean / largest};
}

AdamError adam_error(std::span<const float> m, std::span<const float> v, std::span<const float> stored_m,
                     std::span<const float> stored_v, double eps) {
  require_pairs(m.size(), v.size());
  require_pairs(stored_m.size(), stored_v.size());
  require_pairs(m.size(), stored_m.size());
  double sum = 0;
  int64_t count = 0;
  for (size_t i = 0; i < m.size(); ++i) {
    if (m[i] == 0) continue;
    const double exact = m[i] / (std::sqrt(static_cast<double>(v[i])) + eps);
    const double stored = stored_m[i] / (std::sqrt(static_cast<double>(stored_v[i])) + eps);
    sum += std::abs(exact - stored) / std::abs(exact);
    ++count;
  }
  return {.mean = count > 0 ? sum / static_cast<double>(count) : 0, .count = count};
}

Denominator denominator(const RuleInfo& rule, const HyperParameters& hyper, int64_t step) {
  for (size_t slot = 0; slot < rule.slots.size(); ++slot) {
    if (rule.slots[slot].book != Book::Unsigned) continue;
    const std::string_view name = rule.slots[slot].name;
    if (name == "variance") return {};  // Adafactor divides by what this step's gradient has added to it
    Denominator out{.slot = static_cast<int>(slot), .eps = hyper.eps, .decay = hyper.beta2};
    if (name == "exp_avg_sq")
      out.eps *= std::sqrt(1 - std::pow(hyper.beta2, static_cast<double>(step)));
    else
      out.decay = name == "square_avg" ? hyper.alpha : 1;
    return out;
  }
  return {};
}

std::vector<double> step_size_ratio(std::span<const float> exact, std::span<const float> stored, double eps,
                                    std::span<const std::span<const float>> others) {
  require_pairs(exact.size(), stored.size());
  std::vector<double> out;
  for (size_t i = 0; i < exact.size(); ++i) {
    const auto moves = [i](std::span<const float> slot) { return slot[i] != 0; };
    if (others.empty() ? exact[i] == 0 : std::none_of(others.begin(), others.end(), moves)) continue;
    out.push_back((std::sqrt(static_cast<double>(exact[i])) + eps) /
                  (std::sqrt(static_cast<double>(stored[i])) + eps));
  }
  return out;
}

double quantile(std::vector<double>& values, double p) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double place = p * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(place);
  const auto low = values.begin() + below;
  std::nth_element(values.begin(), low, values.end());
  if (low + 1 == values.end()) return *low;
  const double next = *std::min_element(low + 1, values.end());
  return *low + (place - static_cast<double>(below)) * (next - *low);
}

CodeUse code_use(const StoredSlot& slot) {
  const Codebook& book = slot.codebook();
  CodeUse out;
  out.count.resize(slot.map == Map::Powers4 ? 16 : 256);
  for (const uint8_t code : slot.codes) ++out.count[code];
  const auto at = [&](int index) { return out.count[static_cast<size_t>(index)]; };
  out.used = std::count_if(out.count.begin(), out.count.end(), [](int64_t n) { return n > 0; });
  out.zeros = at(book.zero);
  out.at_top = at(book.zero + book.top);
  if (book.top_negative == book.top) out.at_top += at(book.zero - book.top);
  return out;
}

int64_t vanished(std::span<const float> exact, std::span<const float> stored) {
  require_pairs(exact.size(), stored.size());
  int64_t count = 0;
  for (size_t i = 0; i < exact.size(); ++i) count += exact[i] != 0 && stored[i] == 0;
  return count;
}

std::vector<SpacingError> spacing_errors(const StoredSlot& slot, bool dithered) {
  const Codebook& book = slot.codebook();
  const int first = book.zero - book.top_negative, last = book.zero + book.top;
  const double lowest = book.book == Book::Signed ? -1 : 0, highest = 1;
  const auto value = [&](int code) { return static_cast<double>(book.value[static_cast<size_t>(code)]); };
  // By code, at absmax 1. What is stored as a value reaches half way to its neighbours, with dither all the
  // way; from the outermost values on to the absmax itself.
  std::vector<SpacingError> cells(256);
  const double reach = dithered ? 1 : 0.5;
  for (int code = first; code <= last; ++code) {
    const double down = code == first ? value(code) - lowest : reach * (value(code) - value(code - 1));
    const double up = code == last ? highest - value(code) : reach * (value(code + 1) - value(code));
    // Evenly spread values; with dither those further off get this code less often, in proportion.
    const double squares = down * down + up * up, width = (dithered ? 3 : 2) * (down + up);
    cells[static_cast<size_t>(code)] = {.expected = static_cast<float>(width > 0 ? squares / width : 0),
                                        .bound = static_cast<float>(std::max(down, up))};
  }
  std::vector<SpacingError> out(slot.codes.size());
  for (size_t i = 0; i < out.size(); ++i) {
    const float absmax = std::abs(slot.absmax_of(static_cast<int64_t>(i)));
    const SpacingError& cell = cells[slot.codes[i]];
    out[i] = {.expected = absmax * cell.expected, .bound = absmax * cell.bound};
  }
  return out;
}

std::vector<BlockError> worst_blocks(std::span<const float> exact, std::span<const float> stored,
                                     int64_t size, size_t most) {
  require_pairs(exact.size(), stored.size());
  require(size > 0, ErrorKind::Internal, "blocks of ", size, " elements");
  std::vector<BlockError> out;
  const auto step = static_cast<size_t>(size);
  for (size_t begin = 0; begin < exact.size(); begin += step) {
    BlockError block{.block = static_cast<int64_t>(begin / step)};
    double error = 0, sum = 0;
    for (size_t i = begin; i < std::min(exact.size(), begin + step); ++i) {
      const double x = std::abs(exact[i]);
      error += std::abs(static_cast<double>(exact[i]) - stored[i]);
      sum += x;
      block.absmax = std::max(block.absmax, x);
    }
    if (sum > 0) block.relative = error / sum, out.push_back(block);
  }
  const auto worse = [](const BlockError& a, const BlockError& b) {
    return a.relative != b.relative ? a.relative > b.relative : a.block < b.block;
  };
  const size_t kept = std::min(most, out.size());
  std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(kept), out.end(), worse);
  out.resize(kept);
  return out;
}

SteadyState::SteadyState(const Storage& how, std::vector<float> exact, double decay)
    : how_(how), exact_(std::move(exact)), values_(exact_), decay_(decay) {}

void SteadyState::step() {
  values_ = store(how_, Book::Unsigned, values_, 0, ++steps_).values;
  const auto keep = static_cast<float>(decay_), rest = static_cast<float>(1 - decay_);
  for (size_t i = 0; i < values_.size(); ++i) values_[i] = keep * values_[i] + rest * exact_[i];
}

Mean mean_of(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  Mean out;
  for (const double x : values) out.mean += x / n;
  double squares = 0;
  for (const double x : values) squares += (x - out.mean) * (x - out.mean);
  out.standard_error = std::sqrt(squares / (n * (n - 1)));  // 0/0 of one
  return out;
}

}  // namespace octet::optim
