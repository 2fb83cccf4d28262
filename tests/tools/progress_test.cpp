#include "tools/progress.h"

#include <cmath>
#include <cstdlib>

#include "tests/support/process.h"
#include "tests/support/support.h"
#include "tools/format.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;

namespace {

struct Screen {
  TemporaryFolder folder;
  std::FILE* out = std::fopen((folder / "out").c_str(), "w");
  double now = 100;
  ~Screen() { std::fclose(out); }
  Progress::Clock clock() {
    return [this] { return now; };
  }
  std::string text() const {
    std::fflush(out);
    return read_file(folder / "out");
  }
};

BytesByTag memory() {
  BytesByTag bytes{};
  bytes[static_cast<size_t>(MemoryTag::Weights)] = 1438196;
  bytes[static_cast<size_t>(MemoryTag::OptimizerState)] = 1438196;
  return bytes;
}

// Steps of one second with 64 rows each.
void run_epoch(Screen& screen, Progress& progress, int64_t epoch, int steps) {
  for (int step = 1; step <= steps; ++step) {
    screen.now += 1;
    progress.step(epoch, step, 64, 0.5, memory);
  }
}

EpochEvent epoch_event(int64_t epoch) {
  EpochEvent event;
  event.epoch = epoch, event.train_loss = 0.25, event.val_loss = 0.125, event.val_accuracy = 0.975;
  event.seconds = 5, event.train_seconds = 4, event.peak_bytes = 2876392, event.peak_by_tag = memory();
  return event;
}

}  // namespace

TEST_CASE("without a terminal there are plain lines, one an epoch") {
  Screen screen;
  {
    Progress progress(screen.out, {}, {.epochs = 2, .steps_per_epoch = 4, .rows_per_epoch = 256},
                      screen.clock());
    run_epoch(screen, progress, 1, 4);
    progress.epoch(epoch_event(1));
    progress.note("saved");
  }
  CHECK(screen.text() ==
        "epoch 1/2  train loss 0.2500  val loss 0.1250  val accuracy 97.50 %  5.00 s  64 rows/s  eta 4.00 s  "
        "peak 2.88 MB\nsaved\n");
}

TEST_CASE("log-every adds plain lines within the epoch") {
  Screen screen;
  Progress progress(screen.out, {}, {.epochs = 2, .steps_per_epoch = 4, .log_every = 2}, screen.clock());
  run_epoch(screen, progress, 1, 3);
  CHECK(
      screen.text() ==
      "epoch 1/2  step 2/4  64 rows/s  loss 0.5000  eta 6.00 s  weights 1.44 MB, optimizer state 1.44 MB\n");
}

TEST_CASE("a terminal gets a bar that is redrawn, never wraps, and goes away") {
  Screen screen;
  {
    Progress progress(screen.out, {.terminal = true, .color = false, .width = 60},
                      {.epochs = 2, .steps_per_epoch = 4}, screen.clock());
    run_epoch(screen, progress, 1, 2);
  }
  const std::string first = "epoch 1/2 [#####...............]  64 rows/s  loss 0.5000  eta 7.00 s  weights";
  const std::string second = "epoch 1/2 [##########..........]  64 rows/s  loss 0.5000  eta 6.00 s  weights";
  CHECK(screen.text() == "\r\x1b[K" + first.substr(0, 59) + "\r\x1b[K" + second.substr(0, 59) + "\r\x1b[K");
}

TEST_CASE("the bar is drawn ten times a second at most, and memory is asked for only then") {
  Screen screen;
  Progress progress(screen.out, {.terminal = true}, {.epochs = 1, .steps_per_epoch = 1000}, screen.clock());
  int asked = 0;
  for (int step = 1; step <= 500; ++step) {
    screen.now += 0.001;
    progress.step(1, step, 64, 0.5, [&] { return ++asked, BytesByTag{}; });
  }
  CHECK(asked == 5);
}

TEST_CASE("color stands around the bar only and is off without it") {
  for (const bool color : {false, true}) {
    Screen screen;
    Progress progress(screen.out, {.terminal = true, .color = color}, {.epochs = 1, .steps_per_epoch = 2},
                      screen.clock());
    run_epoch(screen, progress, 1, 1);
    CHECK((screen.text().find("\x1b[32m##########\x1b[0m..........]") != std::string::npos) == color);
  }
}

TEST_CASE("the time left of a resumed run counts only its own steps") {
  Screen screen;
  Progress progress(screen.out, {}, {.epochs = 10, .steps_per_epoch = 4, .log_every = 4}, screen.clock());
  run_epoch(screen, progress, 9, 4);  // steps 33 to 36 of 40, a second each
  CHECK(screen.text().find("eta 4.00 s") != std::string::npos);
}

TEST_CASE("an epoch that a resumed run ends has the rate of all its rows, as its seconds are of all") {
  Screen screen;
  Progress progress(screen.out, {}, {.epochs = 2, .steps_per_epoch = 4, .rows_per_epoch = 256},
                    screen.clock());
  run_epoch(screen, progress, 1, 1);  // the last step alone was taken here
  progress.epoch(epoch_event(1));
  CHECK(screen.text().find("  64 rows/s  ") != std::string::npos);
}

TEST_CASE("a file is no terminal, and NO_COLOR and TERM=dumb are honoured on one") {
  Screen screen;
  CHECK(!ProgressStyle::of(screen.out).terminal);
  CHECK(!ProgressStyle::of(screen.out).color);
  // On a pseudo-terminal, which becomes the standard output of a child.
  const auto style_with = [](const char* name, const char* value) {
    const int master = posix_openpt(02 /* O_RDWR */);
    REQUIRE(master >= 0);
    REQUIRE(grantpt(master) == 0);
    REQUIRE(unlockpt(master) == 0);
    std::FILE* terminal = std::fopen(ptsname(master), "w");
    REQUIRE(terminal != nullptr);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    if (name) setenv(name, value, 1);
    const ProgressStyle style = ProgressStyle::of(terminal);
    std::fclose(terminal);
    return style;
  };
  CHECK(style_with(nullptr, "").terminal);
  CHECK(style_with(nullptr, "").color);
  CHECK(style_with("NO_COLOR", "1").terminal);
  CHECK(!style_with("NO_COLOR", "1").color);
  CHECK(style_with("NO_COLOR", "").color);  // empty counts as unset, as no-color.org says
  CHECK(!style_with("TERM", "dumb").terminal);
  unsetenv("NO_COLOR");
}

TEST_CASE("quantities read as a person writes them") {
  CHECK(format_bytes(0) == "0 B");
  CHECK(format_bytes(999) == "999 B");
  CHECK(format_bytes(1000) == "1.00 kB");
  CHECK(format_bytes(999999) == "1.00 MB");
  CHECK(format_bytes(12345678) == "12.3 MB");
  CHECK(format_bytes(123456789012) == "123 GB");
  CHECK(format_duration(0.712) == "0.71 s");
  CHECK(format_duration(59.96) == "1:00");
  CHECK(format_duration(245) == "4:05");
  CHECK(format_duration(3723) == "1:02:03");
  CHECK(format_duration(NAN) == "?");
  CHECK(format_count(5574) == "5,574");
  CHECK(format_count(999) == "999");
  CHECK(format_count(-1234567) == "-1,234,567");
  CHECK(format_fixed(-0.04274, 4) == "-0.0427");
  CHECK(format_fixed(INFINITY, 4) == "inf");
  CHECK(format_fixed(-NAN, 4) == "nan");
}
