// What every suite needs: doctest, golden files, temporary folders, and skips that are counted.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <optional>
#include <string>

namespace octet::testing {

// The file or folder `name` among the golden files ($OCTET_GOLDEN, else ../shared/golden), or nothing.
std::optional<std::filesystem::path> golden_file(const std::string& name);

// The file `name` among the data sets ($OCTET_DATA, else ../shared/data), or nothing.
std::optional<std::filesystem::path> data_file(const std::string& name);

// The exit code by which ctest knows a suite of which nothing could run.
constexpr int kSkipped = 77;
// Runs the test cases, prints the line that is added up, and returns the program's exit code.
int run_suite(int argc, char** argv);

// Counts the running test case as skipped and prints why; with CI=true it fails instead.
void skip_case(const std::string& reason);

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& bytes);

// A folder that is deleted with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The message of the octet::Error that `body` throws, checked to be of `kind`; fails the test if none is
// thrown.
#define CHECK_ERROR(kind_, text_, ...)                                      \
  do {                                                                      \
    bool thrown_ = false;                                                   \
    try {                                                                   \
      __VA_ARGS__;                                                          \
    } catch (const octet::Error& error_) {                                  \
      thrown_ = true;                                                       \
      CHECK(error_.kind() == (kind_));                                      \
      const std::string message_ = error_.what();                           \
      INFO(message_);                                                       \
      CHECK(message_.find(text_) != std::string::npos);                     \
    }                                                                       \
    CHECK_MESSAGE(thrown_, "no octet::Error was thrown by: " #__VA_ARGS__); \
  } while (false)

// const auto path = NEED_GOLDEN("codebooks.json");   (returns from the test case, counted as skipped, when
// absent)
#define NEED_FILE_(finder_, name_)                                       \
  (*({                                                                   \
    auto found_ = octet::testing::finder_(name_);                        \
    if (!found_) {                                                       \
      octet::testing::skip_case(std::string(name_) + " is not at hand"); \
      return;                                                            \
    }                                                                    \
    found_;                                                              \
  }))
#define NEED_GOLDEN(name_) NEED_FILE_(golden_file, name_)
#define NEED_DATA(name_) NEED_FILE_(data_file, name_)

}  // namespace octet::testing
