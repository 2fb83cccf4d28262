#include "core/cpu/level.h"

#include <hwy/targets.h>

#include <cstdlib>
#include <string_view>

#include "core/error.h"

namespace octet::cpu {
namespace {

#ifdef __clang__  // clang-tidy 14 knows the features, but not the levels by name
#define OCTET_HAS_V2() __builtin_cpu_supports("sse4.2")
#define OCTET_HAS_V3() \
  (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
#define OCTET_HAS_V4() (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
#else
#define OCTET_HAS_V2() __builtin_cpu_supports("x86-64-v2")
#define OCTET_HAS_V3() __builtin_cpu_supports("x86-64-v3")
#define OCTET_HAS_V4() __builtin_cpu_supports("x86-64-v4")
#endif

Level widest() {
  __builtin_cpu_init();
  if (OCTET_HAS_V4()) return Level::V4;
  if (OCTET_HAS_V3()) return Level::V3;
  require(OCTET_HAS_V2(), ErrorKind::Device, "this CPU lacks SSE4.2, which octet needs");
  return Level::V2;
}

Level chosen() {
  const Level level = chosen_level(std::getenv("OCTET_CPU"), widest());
  // One call with everything that is too wide: a second one would take the first one back.
  if (level == Level::V3) hwy::DisableTargets(HWY_AVX3);
  if (level == Level::V2) hwy::DisableTargets(HWY_AVX3 | HWY_AVX2);
  return level;
}

}  // namespace

Level chosen_level(const char* wanted, Level widest) {
  if (!wanted) return widest;
  for (const Level level : {Level::V2, Level::V3, Level::V4}) {
    if (std::string_view(wanted) != name_of(level)) continue;
    require(level <= widest, ErrorKind::Usage, "OCTET_CPU is ", wanted, ", but this CPU has ",
            name_of(widest), " at most");
    return level;
  }
  fail(ErrorKind::Usage, "OCTET_CPU is '", wanted, "'; it can be v2, v3 or v4");
}

Level level() {
  static const Level level = chosen();
  return level;
}

const char* name_of(Level level) {
  switch (level) {
    case Level::V2:
      return "v2";
    case Level::V3:
      return "v3";
    case Level::V4:
      return "v4";
  }
  return "?";
}

}  // namespace octet::cpu
