// Pointwise operations as scalar functions, written once for every device. `slope` is the derivative; what it
// is given is the input or the output, whichever `kSaves` names, so that only one of them has to be kept.
#pragma once

#include <cmath>
#include <tuple>

#include "core/host_device.h"

namespace octet {

enum class Saves { Input, Output };

struct Exp {
  static constexpr const char* kName = "exp";
  static constexpr Saves kSaves = Saves::Output;
  template <class T>
  OCTET_HD static T value(T x) {
    return std::exp(x);
  }
  template <class T>
  OCTET_HD static T slope(T y) {
    return y;
  }
};
struct Log {
  static constexpr const char* kName = "log";
  static constexpr Saves kSaves = Saves::Input;
  template <class T>
  OCTET_HD static T value(T x) {
    return std::log(x);
  }
  template <class T>
  OCTET_HD static T slope(T x) {
    return T(1) / x;
  }
};
struct Sqrt {
  static constexpr const char* kName = "sqrt";
  static constexpr Saves kSaves = Saves::Output;
  template <class T>
  OCTET_HD static T value(T x) {
    return std::sqrt(x);
  }
  template <class T>
  OCTET_HD static T slope(T y) {
    return T(0.5) / y;
  }
};
struct Tanh {
  static constexpr const char* kName = "tanh";
  static constexpr Saves kSaves = Saves::Output;
  template <class T>
  OCTET_HD static T value(T x) {
    return std::tanh(x);
  }
  template <class T>
  OCTET_HD static T slope(T y) {
    return T(1) - y * y;
  }
};
struct Sigmoid {
  static constexpr const char* kName = "sigmoid";
  static constexpr Saves kSaves = Saves::Output;
  template <class T>
  OCTET_HD static T value(T x) {
    return T(1) / (T(1) + std::exp(-x));
  }
  template <class T>
  OCTET_HD static T slope(T y) {
    return y * (T(1) - y);
  }
};
struct Relu {
  static constexpr const char* kName = "relu";
  static constexpr Saves kSaves = Saves::Output;
  // A NaN passes through, so that it is found where it arises.
  template <class T>
  OCTET_HD static T value(T x) {
    return x < T(0) ? T(0) : x;
  }
  template <class T>
  OCTET_HD static T slope(T y) {
    return y > T(0) ? T(1) : T(0);
  }
};
// Exact: x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel, 2016).
struct Gelu {
  static constexpr const char* kName = "gelu";
  static constexpr Saves kSaves = Saves::Input;
  template <class T>
  OCTET_HD static T normal_cdf(T x) {
    return T(0.5) * std::erfc(x * T(-0.70710678118654752440));
  }
  template <class T>
  OCTET_HD static T value(T x) {
    return x * normal_cdf(x);
  }
  template <class T>
  OCTET_HD static T slope(T x) {
    return normal_cdf(x) + x * T(0.39894228040143267794) * std::exp(T(-0.5) * x * x);
  }
};

struct Add {
  static constexpr const char* kName = "add";
  template <class T>
  OCTET_HD static T value(T a, T b) {
    return a + b;
  }
};
struct Sub {
  static constexpr const char* kName = "sub";
  template <class T>
  OCTET_HD static T value(T a, T b) {
    return a - b;
  }
};
struct Mul {
  static constexpr const char* kName = "mul";
  template <class T>
  OCTET_HD static T value(T a, T b) {
    return a * b;
  }
};
struct Div {
  static constexpr const char* kName = "div";
  template <class T>
  OCTET_HD static T value(T a, T b) {
    return a / b;
  }
};

// Adding an operation is a struct above and a word here; both backends fold over these lists.
using UnaryOps = std::tuple<Exp, Log, Sqrt, Tanh, Sigmoid, Relu, Gelu>;
using BinaryOps = std::tuple<Add, Sub, Mul, Div>;
constexpr size_t kUnaryOps = std::tuple_size_v<UnaryOps>;
constexpr size_t kBinaryOps = std::tuple_size_v<BinaryOps>;

template <class Op, class List>
struct IndexIn;
template <class Op, class... Rest>
struct IndexIn<Op, std::tuple<Op, Rest...>> {
  static constexpr size_t value = 0;
};
template <class Op, class First, class... Rest>
struct IndexIn<Op, std::tuple<First, Rest...>> {
  static constexpr size_t value = 1 + IndexIn<Op, std::tuple<Rest...>>::value;
};

}  // namespace octet
