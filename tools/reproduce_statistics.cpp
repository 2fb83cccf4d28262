#include "tools/reproduce_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/rng.h"

namespace octet::tools {
namespace {

// The continued fraction of the incomplete beta function, which converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto away = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1, d = 1 / away(1 - (a + b) * x / (a + 1)), product = d;
  for (int m = 1; m <= 10000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double factor = 1;
    for (const double term : {even, odd}) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      factor = c * d;
      product *= factor;
    }
    if (std::abs(factor - 1) < 1e-15) break;
  }
  return product;
}

// lgamma writes a global; its other form does not.
double log_gamma(double x) {
  int sign = 0;
  return lgamma_r(x, &sign);
}

// I_x(a, b), rising from 0 at x = 0 to 1 at x = 1; `rest` is 1 - x, exact also where x is close to 1.
double incomplete_beta(double a, double b, double x, double rest) {
  if (x <= 0) return 0;
  if (rest <= 0) return 1;
  const double front =
      std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log(rest));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, rest) / b;
}

// How many pairs of this spread show equality; the t of a few thousand pairs no longer changes.
int64_t pairs_for(double deviation, double room) {
  if (!(room > 0)) return 0;
  constexpr int64_t kMost = 100000;
  for (int64_t n = kFewestPairs; n <= kMost; n += n < 1000 ? 1 : n / 100) {
    const double size = static_cast<double>(n);
    if (student_t_quantile(0.95, size - 1) * deviation / std::sqrt(size) < room) return n;
  }
  return kMost;
}

}  // namespace

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double deviation_of(std::span<const double> values) {
  if (values.size() < 2) return NAN;
  const double mean = mean_of(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double student_t_share(double t, double freedom) {
  if (std::isinf(t)) return t > 0 ? 1 : 0;
  const double whole = freedom + t * t;
  const double tail = incomplete_beta(freedom / 2, 0.5, freedom / whole, t * t / whole) / 2;
  return t > 0 ? 1 - tail : tail;
}

double student_t_quantile(double share, double freedom) {
  require(share > 0 && share < 1 && freedom > 0, "student_t_quantile: share ", share, ", freedom ", freedom);
  double low = -1, high = 1;
  while (student_t_share(low, freedom) > share) low *= 2;
  while (student_t_share(high, freedom) < share) high *= 2;
  while (high - low > 1e-12 * std::max(1.0, std::abs(low))) {
    const double middle = low + (high - low) / 2;
    if (middle == low || middle == high) break;
    (student_t_share(middle, freedom) < share ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

Interval bootstrap_mean(std::span<const double> values) {
  if (values.empty()) return {NAN, NAN};
  Rng rng = Rng(1).split("bootstrap");
  std::vector<double> means;
  for (int i = 0; i < kResamples; ++i) {
    double sum = 0;
    for (size_t j = 0; j < values.size(); ++j) sum += values[rng.below(values.size())];
    means.push_back(sum / static_cast<double>(values.size()));
  }
  std::sort(means.begin(), means.end());
  // Between the two means next to the share, as its place hardly ever is a whole number.
  const auto at = [&](double share) {
    const double place = share * (kResamples - 1);
    const auto below = static_cast<size_t>(place);
    return std::lerp(means[below], means[below + 1], place - static_cast<double>(below));
  };
  return {at(0.025), at(0.975)};
}

Interval next_value(std::span<const double> values) {
  if (values.size() < 2) return {-INFINITY, INFINITY};
  const double n = static_cast<double>(values.size()), mean = mean_of(values);
  const double half = student_t_quantile(0.975, n - 1) * deviation_of(values) * std::sqrt(1 + 1 / n);
  return {mean - half, mean + half};
}

PairedTest paired_test(std::span<const double> values, std::span<const double> references) {
  require(values.size() == references.size(), "paired_test: ", values.size(), " values, ", references.size(),
          " references");
  PairedTest test;
  test.pairs = static_cast<int64_t>(values.size());
  std::vector<double> differences;
  for (size_t i = 0; i < values.size(); ++i) differences.push_back(values[i] - references[i]);
  test.mean = mean_of(differences);
  test.interval = bootstrap_mean(differences);
  test.margin = kMarginShare * std::abs(mean_of(references));
  if (test.pairs < kFewestPairs) return test;
  const double n = static_cast<double>(test.pairs), freedom = n - 1;
  const double deviation = deviation_of(differences), error = deviation / std::sqrt(n);
  // Differences that are all alike leave no doubt: t is infinite, or 0 where there is nothing to divide.
  const auto t_of = [&](double distance) {
    return error > 0 ? distance / error : distance == 0 ? 0 : std::copysign(INFINITY, distance);
  };
  const double size = std::abs(test.mean);
  test.p_equal = 1 - student_t_share(t_of(test.margin - size), freedom);
  test.p_different = 2 * (1 - student_t_share(std::abs(t_of(test.mean)), freedom));
  test.smallest_margin = student_t_quantile(0.95, freedom) * error;
  test.pairs_needed = pairs_for(deviation, test.margin - size);
  const bool beyond = 1 - student_t_share(t_of(size - test.margin), freedom) < 0.05;
  if (test.p_equal < 0.05)
    test.finding = Finding::Equal;
  else if (!(test.p_different < 0.05))
    test.finding = Finding::Undecided;
  else if (test.mean > 0)
    test.finding = beyond ? Finding::FarHigher : Finding::Higher;
  else
    test.finding = beyond ? Finding::FarLower : Finding::Lower;
  return test;
}

}  // namespace octet::tools
