#include "tools/progress.h"

#include <stdio_ext.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "tools/format.h"

namespace octet::tools {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr int kBarWidth = 20;

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value && *value;
}

std::string loss_text(double loss) { return format_fixed(loss, 4); }

std::string rate_text(int64_t rows, double seconds) {
  if (rows == 0 || !(seconds > 0)) return "";
  return format_count(std::llround(static_cast<double>(rows) / seconds)) + " rows/s";
}

// Joins the parts that are not empty by two spaces.
std::string spaced(std::initializer_list<std::string> parts) {
  std::string text;
  for (const std::string& part : parts)
    if (!part.empty()) (text += text.empty() ? "" : "  ") += part;
  return text;
}

}  // namespace

ProgressStyle ProgressStyle::of(std::FILE* out) {
  ProgressStyle style;
  const int file = fileno(out);
  const char* term = std::getenv("TERM");
  style.terminal = file >= 0 && isatty(file) && !(term && std::strcmp(term, "dumb") == 0);
  style.color = style.terminal && !is_set("NO_COLOR");
  winsize size{};
  if (style.terminal && ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = size.ws_col;
  return style;
}

double Progress::steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Progress::Progress(std::FILE* out, ProgressStyle style, ProgressPlan plan, Clock clock)
    : out_(out),
      style_(style),
      plan_(std::move(plan)),
      clock_(std::move(clock)),
      start_(clock_()),
      epoch_start_(start_) {}

Progress::~Progress() {
  if (bar_shown_) draw("");
}

double Progress::seconds_left(double steps_done) const {
  const double here = steps_done - std::max(0.0, first_steps_);
  const double total = static_cast<double>(plan_.epochs) * static_cast<double>(plan_.steps_per_epoch);
  return here > 0 ? (clock_() - start_) / here * (total - steps_done) : NAN;
}

void Progress::step(int64_t epoch, int64_t step, int64_t rows, double loss,
                    const std::function<BytesByTag()>& memory) {
  epoch_rows_ += rows;
  const double done = static_cast<double>((epoch - 1) * plan_.steps_per_epoch + step);
  if (first_steps_ < 0) first_steps_ = done - 1;
  const double now = clock_();
  const bool last = step == plan_.steps_per_epoch;
  if (style_.terminal ? drawn_ >= 0 && now - drawn_ < kRedrawSeconds && !last
                      : plan_.log_every == 0 || step % plan_.log_every != 0)
    return;
  drawn_ = now;

  const std::string where = (style_.terminal ? plan_.prefix : "") + "epoch " + std::to_string(epoch) + "/" +
                            std::to_string(plan_.epochs);
  const std::string loss_shown = std::isnan(loss) ? "" : "loss " + loss_text(loss);
  const std::string rest = spaced({rate_text(epoch_rows_, now - epoch_start_), loss_shown,
                                   "eta " + format_duration(seconds_left(done)), format_tags(memory())});
  if (!style_.terminal) {
    line(spaced({where, "step " + std::to_string(step) + "/" + std::to_string(plan_.steps_per_epoch), rest}));
    return;
  }
  const int64_t filled =
      std::min<int64_t>(kBarWidth, kBarWidth * step / std::max<int64_t>(1, plan_.steps_per_epoch));
  const std::string full(static_cast<size_t>(filled), '#'),
      open(static_cast<size_t>(kBarWidth - filled), '.');
  std::string bar = where + " [";
  // A line that wraps cannot be redrawn, so what does not fit is left out: the last column stays free.
  const auto room = static_cast<size_t>(std::max(0, style_.width - 1));
  const std::string plain = (bar + full + open + "]  " + rest).substr(0, room);
  const size_t first = bar.size(), end = first + full.size();
  if (!style_.color || plain.size() < end) {
    draw(plain);
  } else {
    draw(bar + "\x1b[32m" + full + "\x1b[0m" + plain.substr(end));
  }
}

void Progress::epoch(const EpochEvent& event) {
  const auto done = static_cast<double>(event.epoch * plan_.steps_per_epoch);
  const std::string eta = event.epoch < plan_.epochs ? "eta " + format_duration(seconds_left(done)) : "";
  line(spaced({"epoch " + std::to_string(event.epoch) + "/" + std::to_string(plan_.epochs),
               "train loss " + loss_text(event.train_loss), "val loss " + loss_text(event.val_loss),
               "val accuracy " + format_fixed(100 * event.val_accuracy, 2) + " %",
               format_duration(event.seconds), rate_text(plan_.rows_per_epoch, event.train_seconds), eta,
               "peak " + format_bytes(event.peak_bytes)}));
  epoch_rows_ = 0;
  epoch_start_ = clock_();
  drawn_ = -1;
}

void Progress::note(const std::string& text) { line(text); }

void Progress::flush() {
  if ((std::fflush(out_) == 0 && !std::ferror(out_)) || errno != EPIPE) return;
  unread_ = true;
  __fpurge(out_);  // what was not read would be tried again at the end, and fail
  std::clearerr(out_);
  std::fputs("octet: nobody reads the output any more; the run goes on, Ctrl-C stops and saves it\n", stderr);
}

void Progress::draw(const std::string& bar) {
  if (unread_) return;
  std::fprintf(out_, "\r\x1b[K%s", bar.c_str());
  flush();
  bar_shown_ = !bar.empty();
}

void Progress::line(const std::string& text) {
  if (bar_shown_) draw("");
  if (unread_) return;
  std::fprintf(out_, "%s%s\n", plan_.prefix.c_str(), text.c_str());
  flush();
}

}  // namespace octet::tools
