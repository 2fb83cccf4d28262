#include <limits>
#include <set>

#include "core/backend.h"
#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "tests/support/kernel_cases.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

std::set<std::string> entry_names() {
  std::set<std::string> names;
  kernels(Device::cpu()).visit([&](const std::string& name, const auto&) { names.insert(name); });
  return names;
}

void check_all(DType dtype, double tolerance) {
  for (const KernelCase& c : kernel_cases())
    for (const KernelOutput& output : c.run(Device::cpu(), dtype)) {
      CAPTURE(c.entry);
      CAPTURE(c.what);
      CHECK(disagreement(output, tolerance) == "");
    }
}

}  // namespace

TEST_CASE("the kernel table has no empty entry and no name twice") {
  int entries = 0;
  kernels(Device::cpu()).visit([&](const std::string& name, const auto& function) {
    ++entries;
    const bool there = function != nullptr;
    CHECK_MESSAGE(there, name << " is missing");
  });
  CHECK(entries == static_cast<int>(entry_names().size()));
}

TEST_CASE("every entry of the kernel table has cases, and every case an entry") {
  const std::set<std::string> names = entry_names();
  std::set<std::string> covered;
  for (const KernelCase& c : kernel_cases()) {
    CHECK_MESSAGE(names.count(c.entry), "no entry is called " << c.entry);
    covered.insert(c.entry);
  }
  for (const std::string& name : names) CHECK_MESSAGE(covered.count(name), name << " has no case");
}

TEST_CASE("every kernel agrees with a float64 reference to 1e-5 in float32") { check_all(DType::F32, 1e-5); }

TEST_CASE("every kernel agrees with a float64 reference to 1e-12 in float64") {
  check_all(DType::F64, 1e-12);
}

TEST_CASE("every kernel gives the same bytes with one, two and three threads") {
  for (const KernelCase& c : kernel_cases()) {
    CAPTURE(c.entry);
    CAPTURE(c.what);
    cpu::set_thread_count(1);
    const std::vector<KernelOutput> alone = c.run(Device::cpu(), DType::F32);
    for (const int threads : {2, 3}) {
      cpu::set_thread_count(threads);
      const std::vector<KernelOutput> together = c.run(Device::cpu(), DType::F32);
      REQUIRE(alone.size() == together.size());
      for (size_t i = 0; i < alone.size(); ++i) CHECK(alone[i].actual == together[i].actual);
    }
  }
  cpu::set_thread_count(0);
}

TEST_CASE("the comparison finds a wrong, a missing and an unwritten element") {
  const std::vector<double> expected = {1, -2, 0.5};
  CHECK(disagreement({"y", expected, expected}, 1e-5) == "");
  CHECK(disagreement({"y", {1, -2, 0.500015}, expected}, 1e-5) == "");
  CHECK(disagreement({"y", {1, -2, 0.5001}, expected}, 1e-5).find("element 2: 0.5001") != std::string::npos);
  CHECK(disagreement({"y", {1, -2}, expected}, 1e-5).find("2 elements") != std::string::npos);
  CHECK(disagreement({"y", {1, std::numeric_limits<double>::quiet_NaN(), 0.5}, expected}, 1e-5) != "");
  CHECK(disagreement({"y", {1, -2, 0.5 + 1e-9}, expected, true}, 1e-5) != "");
  CHECK(disagreement({"y", {1e-4}, {0}}, 1e-5) != "");
}

TEST_CASE("ids and labels out of range are named with their place") {
  const auto at = [](int64_t i) {
    return Tensor::from(std::vector<int32_t>{0, static_cast<int32_t>(i)}, {2});
  };
  const Tensor table = Tensor::zeros({3, 2}, DType::F32, Device::cpu(), MemoryTag::Data);
  const Tensor y = Tensor::zeros({2, 2}, DType::F32, Device::cpu(), MemoryTag::Data);
  const KernelTable& k = kernels(Device::cpu());
  CHECK_ERROR(ErrorKind::Data, "id 3 at position 1 is not in a table of 3 rows",
              k.embedding.forward(table, at(3), y));
  CHECK_ERROR(ErrorKind::Data, "id -2 at position 1", k.embedding.forward(table, at(-2), y));
  const Tensor loss = Tensor::zeros({}, DType::F32, Device::cpu(), MemoryTag::Data);
  CHECK_ERROR(ErrorKind::Data, "label 2 of row 1 is not in 0..1", k.loss.cross_entropy(y, at(2), loss));
  CHECK_ERROR(ErrorKind::Data, "label -1 of row 1", k.loss.cross_entropy(y, at(-1), loss));
}
