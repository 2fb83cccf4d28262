// Times read_glove on a file of the published one's size and prints a JSON line: the lines of a smaller file
// are repeated, with other words, up to 400,000.
//   bench_glove SMALLER_FILE [--lines N] [--words N] [--threads N] [--repeats N]
// The file lies in the folder for temporary files, so it is in the page cache when it is read.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "datasets/archive.h"
#include "datasets/glove.h"

using namespace octet;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Of all threads: on a busy machine, what the work itself takes.
double cpu_now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::string text_of(const std::filesystem::path& path) {
  UnpackedFile file(path, "word vectors", [](std::string_view) { return true; });
  std::string text;
  std::vector<char> piece(size_t{1} << 20);
  while (const size_t got = file.read_some(piece.data(), piece.size())) text.append(piece.data(), got);
  return text;
}

// The words that a model of some size would ask for, spread over the file.
std::vector<std::string> write_longer(const std::string& text, const std::filesystem::path& to, int64_t lines,
                                      int64_t words) {
  std::ofstream out(to, std::ios::binary);
  std::vector<std::string> wanted;
  size_t at = 0;
  int64_t round = 0;
  for (int64_t line = 0; line < lines; ++line) {
    if (at >= text.size()) at = 0, ++round;
    const size_t end = text.find('\n', at);
    const size_t space = text.find(' ', at);
    std::string word = text.substr(at, space - at);
    if (round > 0) word += "_" + std::to_string(round);
    if (line % std::max<int64_t>(1, lines / words) == 0) wanted.push_back(word);
    out << word << std::string_view(text).substr(space, end + 1 - space);
    at = end + 1;
  }
  out.close();
  require(out.good(), ErrorKind::Internal, to.string(), ": cannot write");
  return wanted;
}

void run(const std::string& source, std::map<std::string, int64_t>& flags) {
  cpu::set_thread_count(static_cast<int>(flags["--threads"]));
  const auto path = std::filesystem::temp_directory_path() / "octet-bench-glove.txt";
  const std::vector<std::string> names =
      write_longer(text_of(source), path, flags["--lines"], flags["--words"]);
  const std::vector<std::string_view> words(names.begin(), names.end());
  const int64_t dimension = glove_dimension(path, 0);
  double best = 1e300, best_cpu = 1e300;
  GloveVectors vectors;
  for (int64_t i = 0; i < flags["--repeats"]; ++i) {
    const double start = now(), cpu_start = cpu_now();
    vectors = read_glove(path, dimension, words, Rng(1));
    best = std::min(best, now() - start);
    best_cpu = std::min(best_cpu, cpu_now() - cpu_start);
  }
  const auto bytes = static_cast<double>(std::filesystem::file_size(path));
  const auto found = std::count(vectors.matches.begin(), vectors.matches.end(), GloveMatch::AsWritten);
  std::printf(
      "{\"lines\":%lld,\"dimension\":%lld,\"mb\":%.1f,\"words\":%zu,\"found\":%lld,\"threads\":%d,"
      "\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"mb_per_s\":%.0f}\n",
      static_cast<long long>(vectors.lines), static_cast<long long>(dimension), bytes / 1e6, words.size(),
      static_cast<long long>(found), cpu::thread_count(), best, best_cpu, bytes / 1e6 / best);
  std::filesystem::remove(path);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    require(argc >= 2, "bench_glove: name a file of word vectors");
    std::map<std::string, int64_t> flags = {
        {"--lines", 400000}, {"--words", 20000}, {"--threads", 0}, {"--repeats", 5}};
    for (int i = 2; i < argc; i += 2) {
      require(flags.count(argv[i]) && i + 1 < argc, "bench_glove: ", argv[i], " is no flag or has no value");
      flags[argv[i]] = std::stoll(argv[i + 1]);
    }
    run(argv[1], flags);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
