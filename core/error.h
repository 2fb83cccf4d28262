// One exception type for everything that can go wrong; its kind decides the exit code of the program.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace octet {

enum class ErrorKind {
  Internal = 1,    // cannot write, or a fault of ours
  Usage = 2,       // unknown flag or name, value out of range
  Data = 3,        // bad or missing input data
  Memory = 4,      // a request that cannot be met, or an overflowing size
  NonFinite = 5,   // NaN or infinity in a loss or gradient, or in its squares
  Checkpoint = 6,  // checkpoint or weights corrupt, or of another model or vocabulary
  Device = 7,      // device or driver
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
};

// Throws an Error whose message is the parts one after another: fail(ErrorKind::Data, path, ": empty file").
template <class... Parts>
[[noreturn]] void fail(ErrorKind kind, const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw Error(kind, text.str());
}

// require(a.cols() == b.rows(), ErrorKind::Usage, "matmul: inner sizes differ, ", a.shape(), " x ",
// b.shape());
template <class... Parts>
void require(bool condition, ErrorKind kind, const Parts&... parts) {
  if (!condition) [[unlikely]]
    fail(kind, parts...);
}

// For calls of the library with wrong arguments; most checks are of this kind.
template <class... Parts>
void require(bool condition, const char* first, const Parts&... parts) {
  if (!condition) [[unlikely]]
    fail(ErrorKind::Usage, first, parts...);
}

}  // namespace octet
