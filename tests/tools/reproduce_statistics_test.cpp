#include <cmath>
#include <numbers>
#include <vector>

#include "core/error.h"
#include "core/rng.h"
#include "tests/support/support.h"
#include "tools/reproduce_statistics.h"

namespace octet::tools {
namespace {

using Values = std::vector<double>;

Values normal_values(Rng& rng, size_t n, double mean, double deviation) {
  Values values;
  while (values.size() < n) values.push_back(mean + deviation * rng.normal_pair().first);
  return values;
}

Values moved(const Values& values, double by) {
  Values out = values;
  for (double& value : out) value += by;
  return out;
}

TEST_CASE("quantiles of Student's t are those of printed tables") {
  // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, and for nine degrees to six digits.
  struct {
    double share, freedom, t;
  } known[] = {{0.975, 1, 12.706205}, {0.975, 2, 4.302653},  {0.95, 2, 2.919986},
               {0.975, 9, 2.262157},  {0.95, 9, 1.833113},   {0.95, 19, 1.729133},
               {0.975, 19, 2.093024}, {0.9995, 4, 8.610302}, {0.95, 120, 1.657651}};
  for (const auto& [share, freedom, t] : known) {
    INFO(share << " of " << freedom);
    CHECK(student_t_quantile(share, freedom) == doctest::Approx(t).epsilon(1e-6));
    CHECK(student_t_quantile(1 - share, freedom) == doctest::Approx(-t).epsilon(1e-6));
  }
  CHECK(student_t_quantile(0.5, 7) == doctest::Approx(0).epsilon(1e-9));
  CHECK_ERROR(ErrorKind::Usage, "share 1", (void)student_t_quantile(1, 3));
}

TEST_CASE("shares of Student's t are those of its closed forms, far out as well") {
  for (const double t : {-40.0, -3.0, -0.4, 0.0, 0.1, 1.0, 2.5, 12.0}) {
    INFO(t);
    CHECK(student_t_share(t, 1) == doctest::Approx(0.5 + std::atan(t) / std::numbers::pi).epsilon(1e-12));
    CHECK(student_t_share(t, 2) == doctest::Approx(0.5 + t / (2 * std::sqrt(2 + t * t))).epsilon(1e-12));
    const double u = 1 + t * t / 4;
    CHECK(student_t_share(t, 4) ==
          doctest::Approx(0.5 + 0.375 * t / std::sqrt(u) * (1 - t * t / (12 * u))).epsilon(1e-12));
    CHECK(student_t_share(t, 1e7) == doctest::Approx(0.5 * std::erfc(-t / std::sqrt(2.0))).epsilon(1e-5));
  }
  CHECK(student_t_share(INFINITY, 3) == 1);
  CHECK(student_t_share(-INFINITY, 3) == 0);
}

TEST_CASE("a bootstrap interval holds the true mean about as often as it says") {
  Rng rng(3);
  int held = 0;
  constexpr int kTrials = 300;
  for (int i = 0; i < kTrials; ++i) held += bootstrap_mean(normal_values(rng, 20, 5, 2)).holds(5);
  // Percentile intervals of 20 values are known to hold it a little less often: about 93 %.
  CHECK(held >= 0.89 * kTrials);
  CHECK(held <= 0.97 * kTrials);
}

TEST_CASE("a bootstrap interval is a function of its values") {
  const Values values = {1, 2, 4, 8};
  const Interval a = bootstrap_mean(values), b = bootstrap_mean(values);
  CHECK(a.low == b.low);
  CHECK(a.high == b.high);
  CHECK(a.low < mean_of(values));
  CHECK(a.high > mean_of(values));
  CHECK(a.low >= 1);
  CHECK(a.high <= 8);
  const Interval one = bootstrap_mean(Values{3});
  CHECK(one.low == 3);
  CHECK(one.high == 3);
  CHECK(std::isnan(bootstrap_mean({}).low));
}

TEST_CASE("the interval of the next value is that of a normal sample") {
  const Interval next = next_value(Values{1, 2, 3});  // mean 2, deviation 1, t_0.975(2) = 4.302653
  CHECK(next.high == doctest::Approx(2 + 4.302653 * std::sqrt(4.0 / 3)));
  CHECK(next.low == doctest::Approx(2 - 4.302653 * std::sqrt(4.0 / 3)));
  CHECK(next_value(Values{1}).holds(1e9));
}

TEST_CASE("a paired test has the figures worked out by hand") {
  // Differences 1 to 5: mean 3, deviation 1.581139, error 0.707107, t = 4.242641 of 4 degrees.
  const Values reference = {100, 200, 300, 400, 500}, value = {101, 202, 303, 404, 505};
  const PairedTest test = paired_test(value, reference);
  CHECK(test.pairs == 5);
  CHECK(test.mean == 3);
  CHECK(test.margin == doctest::Approx(6));
  CHECK(test.p_different == doctest::Approx(0.0132355).epsilon(1e-4));
  CHECK(test.p_equal == doctest::Approx(0.00661773).epsilon(1e-4));  // (6 - 3) / 0.707107 is the same t
  CHECK(test.smallest_margin == doctest::Approx(2.131847 * 0.7071068).epsilon(1e-6));
  CHECK(test.finding == Finding::Equal);
}

TEST_CASE("a test finds equality, differences and too few runs where they are") {
  Rng rng(5);
  const Values reference = normal_values(rng, 20, 1, 0.1);  // margin about 0.02
  const auto with_noise = [&](double by, double deviation, size_t n = 20) {
    Rng noise(9);
    Values values = moved(reference, by);
    for (double& value : values) value += deviation * noise.normal_pair().first;
    values.resize(n);
    return paired_test(values, Values(reference.begin(), reference.begin() + static_cast<long>(n)));
  };
  CHECK(with_noise(0, 0.005).finding == Finding::Equal);
  CHECK(with_noise(0.3, 0.02).finding == Finding::FarHigher);
  CHECK(with_noise(-0.3, 0.02).finding == Finding::FarLower);
  CHECK(with_noise(0.025, 0.02).finding == Finding::Higher);
  CHECK(with_noise(-0.022, 0.02).finding == Finding::Lower);
  const PairedTest wide = with_noise(0, 0.3);
  CHECK(wide.finding == Finding::Undecided);
  CHECK(wide.smallest_margin > wide.margin);
  CHECK(with_noise(0, 0.005, 2).finding == Finding::NoTest);
  CHECK(with_noise(0.3, 0.005, 2).finding == Finding::NoTest);
  CHECK(paired_test({}, {}).finding == Finding::NoTest);
  CHECK(with_noise(0, 0).finding == Finding::Equal);  // alike in all runs
  CHECK(with_noise(0.5, 0).finding == Finding::FarHigher);
  CHECK_ERROR(ErrorKind::Usage, "1 values, 0 references", (void)paired_test(Values{1}, {}));
}

TEST_CASE("so many pairs as are said to be needed do show equality") {
  const Values reference = {1, 1, 1, 1}, value = {1.03, 0.97, 1.03, 0.97};
  const PairedTest test = paired_test(value, reference);
  REQUIRE(test.finding == Finding::Undecided);
  REQUIRE(test.pairs_needed > 4);
  const auto resolves = [&](int64_t n) {
    return student_t_quantile(0.95, static_cast<double>(n - 1)) *
               deviation_of(Values{0.03, -0.03, 0.03, -0.03}) / std::sqrt(static_cast<double>(n)) <
           0.02;
  };
  CHECK(resolves(test.pairs_needed));
  CHECK(!resolves(test.pairs_needed - 1));
  CHECK(paired_test(Values{1.2, 0.9, 1.1}, Values{1, 1, 1}).pairs_needed == 0);  // the mean itself is beyond
}

TEST_CASE("losses that differ by the margin are seldom found equal") {
  Rng rng(7);
  int equal = 0;
  constexpr int kTrials = 300;
  for (int i = 0; i < kTrials; ++i) {
    const Values reference(10, 1.0);
    equal += paired_test(normal_values(rng, 10, 1.02, 0.02), reference).finding == Finding::Equal;
  }
  CHECK(equal <= 0.09 * kTrials);  // 5 % are expected
}

}  // namespace
}  // namespace octet::tools
