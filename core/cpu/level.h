// The CPU level in use: how wide the vector instructions are that kernels may choose.
#pragma once

namespace octet::cpu {

enum class Level { V2, V3, V4 };  // x86-64-v2 (SSE4.2), -v3 (AVX2, FMA), -v4 (AVX-512)

// The widest this machine has, or less if $OCTET_CPU says so (v2, v3, v4); asked once.
// Errors: OCTET_CPU names no level, or one that this machine lacks.
Level level();
// What level() makes of $OCTET_CPU (null: not set) on a CPU that has `widest`.
Level chosen_level(const char* wanted, Level widest);
const char* name_of(Level level);

}  // namespace octet::cpu
