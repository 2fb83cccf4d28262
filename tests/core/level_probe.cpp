// Runs every kernel case at the CPU level that OCTET_CPU chooses and prints what came out: one line with the
// level and its vector widths, then for each output the entry, the case and a hash of the bytes, and a line
// "fault" for one that is not the reference's. A level is chosen once a process, so its test needs programs.

#include <bit>
#include <cstdio>

#include "core/cpu/level.h"
#include "core/cpu/lstm_cell.h"
#include "core/error.h"
#include "tests/support/kernel_cases.h"

int main() {
  using namespace octet;
  using namespace octet::testing;
  try {
    const char* level = cpu::name_of(cpu::level());
    std::printf("level %s, %d float32 lanes, %d float64 lanes\n", level,
                static_cast<int>(cpu::cell_lanes<float>()), static_cast<int>(cpu::cell_lanes<double>()));
    for (const KernelCase& c : kernel_cases())
      for (const KernelOutput& output : c.run(Device::cpu(), DType::F32)) {
        uint64_t hash = 0xCBF29CE484222325u;
        for (const double value : output.actual)
          hash = (hash ^ std::bit_cast<uint64_t>(value)) * 0x100000001B3u;
        std::printf("%s %s %s: %016llx\n", c.entry.c_str(), c.what.c_str(), output.name.c_str(),
                    static_cast<unsigned long long>(hash));
        const std::string fault = disagreement(output, 1e-5);
        if (!fault.empty()) std::printf("fault %s %s %s\n", c.entry.c_str(), c.what.c_str(), fault.c_str());
      }
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
}
