// Root and quotient of the denominators that adaptive rules divide by. On a GPU the compiler's own have a
// branch for extreme operands, which keeps it from working on several elements at once; these have none.
#pragma once

#include <cmath>
#include <limits>

#include "core/host_device.h"

namespace octet::optim {

// The root of x, or of the smallest normal number if x is below that: so it is never 0, and an eps of 0
// divides nothing by 0. x: not negative.
template <class T>
OCTET_HD T root(T x) {
  constexpr T kLeast = std::numeric_limits<T>::min();
  x = kLeast > x ? kLeast : x;
#ifdef __CUDA_ARCH__
  if constexpr (sizeof(T) == 4) {
    // From an estimate within an ulp or two to the nearest float, as the compiler's own code goes on.
    float y;
    asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    const float s = x * y, half = 0.5f * y;
    return fmaf(fmaf(-s, s, x), half, s);
  }
#endif
  using std::sqrt;
  return sqrt(x);
}

// a / b, rounded correctly. b: root(x) plus something, so between 1e-19 and 1e20. On a GPU quotients of 1e-30
// or less may be off by an ulp.
template <class T>
OCTET_HD T quotient(T a, T b) {
#ifdef __CUDA_ARCH__
  if constexpr (sizeof(T) == 4) {
    float r;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(b));
    // Markstein: from the correctly rounded reciprocal, one correction rounds the quotient correctly.
    r = fmaf(fmaf(-b, r, 1.0f), r, r);
    const float q = a * r;
    return fmaf(fmaf(-b, q, a), r, q);
  }
#endif
  return a / b;
}

}  // namespace octet::optim
