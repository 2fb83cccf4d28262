// What a person sees while a run trains: on a terminal one line that is redrawn, elsewhere plain lines.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include "tools/events.h"

namespace octet::tools {

struct ProgressStyle {
  bool terminal = false;  // redraw a bar with carriage returns
  bool color = false;
  int width = 80;  // columns of the terminal
  // As `out` and the environment say: no bar if `out` is no terminal or TERM=dumb, no color with NO_COLOR.
  static ProgressStyle of(std::FILE* out);
};

struct ProgressPlan {
  int64_t epochs = 0;
  int64_t steps_per_epoch = 0;
  int64_t log_every = 0;       // steps between plain lines within an epoch; 0: none
  int64_t rows_per_epoch = 0;  // of which a resumed run may not take all of its first epoch
  std::string prefix = {};     // begins every line: "generated: " where the data are made up
};

class Progress {
 public:
  using Clock = std::function<double()>;  // seconds from any start

  // Writes to `out`, which must outlive the object. The clock starts now. Where SIGPIPE is ignored, a reader
  // of `out` that goes away is told of on stderr, once, and is no error.
  Progress(std::FILE* out, ProgressStyle style, ProgressPlan plan, Clock clock = steady_seconds);
  ~Progress();  // takes the bar away
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // After each step: `step` of this epoch (from 1), rows in it, its mean loss, live bytes by tag. Cheap: a
  // terminal is redrawn ten times a second at most, and `memory` is called only when it is shown.
  void step(int64_t epoch, int64_t step, int64_t rows, double loss,
            const std::function<BytesByTag()>& memory);
  // After each epoch: a line that stays.
  void epoch(const EpochEvent& event);
  // Any other line that stays, such as "saved to DIR".
  void note(const std::string& text);

  static double steady_seconds();

 private:
  void draw(const std::string& bar);
  void line(const std::string& text);
  void flush();
  double seconds_left(double steps_done) const;

  std::FILE* out_;
  ProgressStyle style_;
  ProgressPlan plan_;
  Clock clock_;
  double start_, epoch_start_, drawn_ = -1;
  int64_t epoch_rows_ = 0;
  double first_steps_ = -1;  // of a resumed epoch, done before this run
  bool bar_shown_ = false;
  bool unread_ = false;  // the reader of `out` has gone
};

}  // namespace octet::tools
