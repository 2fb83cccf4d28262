// Statistics of paired runs: intervals by the bootstrap, and a test of equality.
#pragma once

#include <cstdint>
#include <span>

namespace octet::tools {

double mean_of(std::span<const double> values);       // NaN of none
double deviation_of(std::span<const double> values);  // standard deviation of a sample, n - 1; NaN below 2

// Student's t with `freedom` > 0 degrees: the share below t, and the t below which a share lies. The share is
// a regularised incomplete beta function, by Lentz's continued fraction (Abramowitz and Stegun, 26.5.8 and
// 26.7.1); the quantile is found by bisection, to 1e-12. Errors (Usage): a share outside (0, 1).
double student_t_share(double t, double freedom);
double student_t_quantile(double share, double freedom);

struct Interval {
  double low = 0, high = 0;
  bool holds(double value) const { return low <= value && value <= high; }
};

constexpr int kResamples = 10000;
// 95 % percentile bootstrap interval of the mean (Efron and Tibshirani, "An Introduction to the Bootstrap",
// 13.3): the same values give the same interval. Values must be finite; of none it is NaN.
Interval bootstrap_mean(std::span<const double> values);

// In which another run will lie with 95 %, if runs are normal about their mean: mean +- t s sqrt(1 + 1/n).
// Below two values it is everything.
Interval next_value(std::span<const double> values);

constexpr double kMarginShare = 0.02;  // of the reference's loss: what counts as equal
constexpr int64_t kFewestPairs = 3;    // with fewer there is no test

enum class Finding {
  NoTest,     // too few pairs
  Undecided,  // neither equality nor a difference can be shown: not enough runs
  Equal,      // within the margin
  Higher,     // a difference that is not 0 ...
  Lower,      //
  FarHigher,  // ... and beyond the margin
  FarLower,
};

// Two one-sided paired t tests (Schuirmann, "A comparison of the two one-sided tests procedure and the power
// approach for assessing the equivalence of average bioavailability", 1987), each at 5 %: values are equal
// where the 90 % interval of the mean difference lies within the margin.
struct PairedTest {
  int64_t pairs = 0;
  double mean = 0;         // of value - reference
  Interval interval;       // of that, by the bootstrap
  double margin = 0;       // kMarginShare of the reference's mean
  double p_equal = 1;      // of TOST: below 0.05 shows equality
  double p_different = 1;  // of the two-sided paired t test
  double smallest_margin =
      0;                     // that so many pairs can resolve: t(0.95) s / sqrt(n), for means that are alike
  int64_t pairs_needed = 0;  // so that this spread and mean would show equality; 0: no number of pairs would
  Finding finding = Finding::NoTest;
};
// Value and reference of a pair at the same place. Errors (Usage): lists of different lengths.
PairedTest paired_test(std::span<const double> values, std::span<const double> references);

}  // namespace octet::tools
