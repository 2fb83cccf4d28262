// What a codec makes of state, and how far that is from it, by loops that a person can follow: the numbers of
// `octet inspect` and `octet bench quantization` are held against these.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "optim/dither.h"
#include "tests/optim/support.h"

namespace octet::testing {

using Values = std::vector<float>;

struct Stored {
  optim::testing::Encoded in;
  Values values;
};
inline Stored stored_in(const char* codec, optim::Book book, const Values& x, int block,
                        const optim::Encoding& how = {}) {
  const cpu::Level level = cpu::level();
  Stored out{optim::testing::encode(level, book, x, block, how, codec), {}};
  out.values = optim::testing::decode(level, book, out.in, block, codec);
  return out;
}

// Codes by chance, as in the first step of a tensor without salt.
inline optim::Encoding by_chance(int slot, optim::Encoding how) {
  how.dithered = true, how.dither_key = optim::dither_key(optim::dither_base(0, slot, 1), 0);
  return how;
}

// Sums over the elements of one tensor or more.
struct Sums {
  double error = 0, magnitude = 0, largest = 0, elements = 0, living = 0, vanished = 0;

  void add(const Values& x, const Values& q) {
    for (size_t i = 0; i < x.size(); ++i) {
      error += std::abs(static_cast<double>(x[i]) - q[i]);
      magnitude += std::abs(x[i]);
      largest = std::max<double>(largest, std::abs(x[i]));
      living += x[i] != 0;
      vanished += x[i] != 0 && q[i] == 0;
    }
    elements += static_cast<double>(x.size());
  }
};

// |u - u'| / |u| of the updates that are not 0.
inline std::vector<double> adam_errors(const Values& m, const Values& v, const Values& stored_m,
                                       const Values& stored_v, double eps) {
  std::vector<double> out;
  for (size_t i = 0; i < m.size(); ++i) {
    const double exact = m[i] / (std::sqrt(double{v[i]}) + eps);
    const double stored = stored_m[i] / (std::sqrt(double{stored_v[i]}) + eps);
    if (exact != 0) out.push_back(std::abs(stored / exact - 1));
  }
  return out;
}

// (sqrt(v) + eps) / (sqrt(q) + eps) of the elements that move.
inline std::vector<double> step_ratios(const Values& m, const Values& v, const Values& q, double eps) {
  std::vector<double> out;
  for (size_t i = 0; i < m.size(); ++i)
    if (m[i] != 0) out.push_back((std::sqrt(double{v[i]}) + eps) / (std::sqrt(double{q[i]}) + eps));
  return out;
}

inline double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return sum / static_cast<double>(values.size());
}

// By sorting; between two values by interpolation.
inline double share_below(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  const auto low = static_cast<size_t>(place);
  const double above = values[std::min(low + 1, values.size() - 1)];
  return std::lerp(values[low], above, place - static_cast<double>(low));
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace octet::testing
