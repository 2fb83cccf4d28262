// The random numbers of NumPy's older interface, numpy.random.RandomState, which scikit-learn draws from, so
// that splits drawn there can be drawn again. NumPy keeps this stream frozen (NEP 19). Only for that:
// everything of octet's own draws from core/rng.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace octet {

class NumpyRandom {
 public:
  explicit NumpyRandom(uint32_t seed)
      : engine_(seed) {}  // RandomState(seed): MT19937, as the standard seeds it

  uint32_t up_to(uint32_t most);  // uniform in 0..most: masked to as few bits as hold `most`, until one fits
  template <class T>
  void shuffle(std::vector<T>& values) {  // RandomState.shuffle
    for (size_t i = values.size(); i-- > 1;) std::swap(values[i], values[up_to(static_cast<uint32_t>(i))]);
  }
  std::vector<int32_t> permutation(int32_t n);  // RandomState.permutation(n)

 private:
  std::mt19937 engine_;
};

}  // namespace octet
