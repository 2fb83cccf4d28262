#include "core/shape.h"

#include <limits>
#include <vector>

#include "core/error.h"
#include "tests/support/support.h"

using namespace octet;

namespace {
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
}

TEST_CASE("a shape counts its elements, rows and columns") {
  const Shape scalar, cube = {2, 3, 5}, empty = {4, 0}, no_rows = {0, 4};
  CHECK(scalar.rank() == 0);
  CHECK(scalar.numel() == 1);
  CHECK(scalar.rows() == 1);
  CHECK(scalar.cols() == 1);
  CHECK(cube.numel() == 30);
  CHECK(cube.rows() == 6);
  CHECK(cube.cols() == 5);
  CHECK(empty.numel() == 0);
  CHECK(empty.cols() == 0);
  CHECK(no_rows.rows() == 0);
  CHECK(no_rows.cols() == 4);
  CHECK(cube.text() == "[2,3,5]");
  CHECK(scalar.text() == "[]");
}

TEST_CASE("axes count from the front and, when negative, from the back") {
  const Shape shape = {2, 3, 5};
  CHECK(shape[0] == 2);
  CHECK(shape[-1] == 5);
  CHECK(shape[-3] == 2);
  CHECK(shape.axis(-2) == 1);
  CHECK_ERROR(ErrorKind::Usage, "no axis 3 in [2,3,5]", shape[3]);
  CHECK_ERROR(ErrorKind::Usage, "no axis -4 in [2,3,5]", shape[-4]);
  CHECK_ERROR(ErrorKind::Usage, "no axis 0 in []", Shape{}[0]);
}

TEST_CASE("shapes are equal when rank and sizes are") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK(!(Shape{2, 3} == Shape{3, 2}));
  CHECK(!(Shape{2, 3} == Shape{2, 3, 1}));
  CHECK(!(Shape{} == Shape{1}));
  Shape changed = {2, 3};
  changed.set(-1, 7);
  CHECK(changed == Shape{2, 7});
  CHECK(changed.numel() == 14);
}

TEST_CASE("an element count that overflows is a memory error with the sizes") {
  CHECK(Shape{kMost}.numel() == kMost);
  CHECK(Shape{1, kMost, 1}.numel() == kMost);
  CHECK_ERROR(ErrorKind::Memory, "[9223372036854775807,2]", Shape{kMost, 2});
  CHECK_ERROR(ErrorKind::Memory, "[4294967296,4294967296]", Shape{int64_t{1} << 32, int64_t{1} << 32});
  CHECK_ERROR(ErrorKind::Memory, "64-bit", Shape{1 << 16, 1 << 16, 1 << 16, 1 << 16});
  // 3 * 6148914691236517206 wraps around to 2: a plausible count that is wrong.
  CHECK_ERROR(ErrorKind::Memory, "[3,6148914691236517206]", Shape{3, 6148914691236517206});
  Shape shape = {2, 3};
  CHECK_ERROR(ErrorKind::Memory, "64-bit", shape.set(0, kMost));
}

TEST_CASE("a shape with a zero is empty, however large its other sizes are") {
  CHECK(Shape{kMost, kMost, 0}.numel() == 0);
  CHECK(Shape{0, kMost, kMost}.numel() == 0);
}

TEST_CASE("negative sizes and more than six axes are errors that show them") {
  CHECK_ERROR(ErrorKind::Usage, "negative size in [2,-1]", Shape{2, -1});
  CHECK_ERROR(ErrorKind::Usage, "negative size in [0,-3]", Shape{0, -3});
  CHECK(Shape{1, 2, 3, 4, 5, 6}.numel() == 720);
  CHECK_ERROR(ErrorKind::Usage, "7 axes, at most 6", Shape{1, 1, 1, 1, 1, 1, 1});
  CHECK_ERROR(ErrorKind::Usage, "1000 axes", Shape(std::vector<int64_t>(1000, 1)));
}

TEST_CASE("broadcast aligns trailing axes and stretches size 1, also over zero") {
  CHECK(broadcast({3, 5}, {5}, "add") == Shape{3, 5});
  CHECK(broadcast({4, 1, 3}, {2, 1}, "add") == Shape{4, 2, 3});
  CHECK(broadcast({}, {2, 3}, "add") == Shape{2, 3});
  CHECK(broadcast({}, {}, "add") == Shape{});
  CHECK(broadcast({0, 3}, {1, 3}, "add") == Shape{0, 3});
  CHECK(broadcast({1}, {0}, "add") == Shape{0});
  CHECK_ERROR(ErrorKind::Usage, "add: shapes do not broadcast, [2,3] and [2]", broadcast({2, 3}, {2}, "add"));
  CHECK_ERROR(ErrorKind::Usage, "[0] and [2]", broadcast({0}, {2}, "add"));
  CHECK_ERROR(ErrorKind::Memory, "64-bit", broadcast({kMost, 1}, {1, 2}, "add"));
}
