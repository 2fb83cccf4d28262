// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3"
// (SC 2011). Pure arithmetic, the same on every device: number i of a stream needs no number before it.
#pragma once

#include <array>
#include <cstdint>

#include "core/host_device.h"

namespace octet {

struct PhiloxKey {
  uint32_t k0, k1;
};

// Four random 32-bit words of one 128-bit counter (lowest word first).
OCTET_HD inline void philox4x32(uint32_t c[4], PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * c[2];
    const uint32_t next0 = static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ key.k0;
    const uint32_t next2 = static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ key.k1;
    c[0] = next0;
    c[1] = static_cast<uint32_t>(p1);
    c[2] = next2;
    c[3] = static_cast<uint32_t>(p0);
    key.k0 += 0x9E3779B9u;
    key.k1 += 0xBB67AE85u;
  }
}

// The four words of counter `block` of the stream `key`.
OCTET_HD inline void philox_block(uint64_t key, uint64_t block, uint32_t out[4]) {
  out[0] = static_cast<uint32_t>(block);
  out[1] = static_cast<uint32_t>(block >> 32);
  out[2] = 0;
  out[3] = 0;
  philox4x32(out, {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
}

}  // namespace octet
