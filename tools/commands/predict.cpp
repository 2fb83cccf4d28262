#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/cpu/thread_pool.h"
#include "core/names.h"
#include "datasets/input_file.h"
#include "datasets/utf8.h"
#include "tools/commands/declare.h"
#include "tools/config.h"
#include "tools/evaluate.h"
#include "tools/field_flags.h"
#include "tools/format.h"
#include "tools/run_folder.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::string folder, file, device, weights = "best";
  std::vector<std::string> texts;
  bool json = false;
};

// Texts are answered as they come, so that a pipe can be followed; this many at a time from a file.
constexpr size_t kBatch = 64;

class Predictor {
 public:
  Predictor(const Flags& flags)
      : folder_(flags.folder),
        json_(flags.json),
        trained_(load_trained(flags.folder, flags.weights, flags.device)) {}

  void add(std::string text, const std::string& where) {
    if (const auto bad = first_invalid_utf8(text)) {
      flush();  // what came before is good
      fail(ErrorKind::Data, where, ": invalid UTF-8 at byte ", *bad, "; convert the text to UTF-8 first");
    }
    texts_.push_back(std::move(text));
    if (texts_.size() == kBatch) flush();
  }

  void flush() {
    if (texts_.empty()) return;
    EncodedTexts batch;
    for (const std::string& text : texts_) batch.sequences.push_back(trained_.encoder.ids(text));
    batch.labels.assign(texts_.size(), 0);
    const ModelForm form = ModelForm::of(trained_.config, static_cast<int64_t>(trained_.label_names.size()));
    const Evaluation result =
        evaluate(*trained_.model, batch, form, static_cast<int64_t>(kBatch), trained_.device);
    for (size_t i = 0; i < texts_.size(); ++i) {
      const std::string& label = trained_.label_names[static_cast<size_t>(result.answer(i))];
      const double of_label = result.certainty(i);
      ++answers_;
      not_finite_ += !std::isfinite(of_label);
      if (json_) {
        std::printf("%s\n",
                    Json{{"label", label}, {"probability", of_label}, {"text", texts_[i]}}.dump().c_str());
      } else {
        std::printf("%s\t%s\t%s\n", label.c_str(), format_fixed(of_label, 4).c_str(), texts_[i].c_str());
      }
    }
    std::fflush(stdout);
    texts_.clear();
  }

  // The rest of the answers. Error (NonFinite): some are of no use, and were shown like the others.
  void finish() {
    flush();
    require(not_finite_ == 0, ErrorKind::NonFinite, folder_, ": ", not_finite_, " of ", answers_,
            " answers have a probability that is not finite, so these weights are of no use");
  }

 private:
  std::string folder_;
  bool json_;
  TrainedModel trained_;
  std::vector<std::string> texts_;
  int64_t answers_ = 0, not_finite_ = 0;
};

int predict(const Flags& flags) {
  require(flags.file.empty() || flags.texts.empty(), "octet predict: give texts or --file, not both");
  const bool from_input = flags.texts.size() == 1 && flags.texts[0] == "-";
  require(!flags.file.empty() || !flags.texts.empty(),
          "octet predict: no text given; give it as an argument, in a file with --file FILE, or - for "
          "standard input");
  if (!flags.device.empty()) require_name("device", flags.device, kDevices);
  Predictor predictor(flags);
  if (from_input) {
    std::ios::sync_with_stdio(false);  // without it nothing is known of the bytes that wait
    std::string line;
    for (int64_t number = 1; std::getline(std::cin, line); ++number) {
      if (line.ends_with('\r')) line.pop_back();
      predictor.add(line, "standard input, line " + std::to_string(number));
      if (std::cin.rdbuf()->in_avail() <= 0) predictor.flush();  // somebody may be waiting for the answer
    }
  } else if (!flags.file.empty()) {
    const std::string bytes = read_input_file(flags.file);
    int64_t number = 0;
    for (std::string_view rest = bytes; !rest.empty();) {
      std::string_view line = take_line(rest);
      if (line.ends_with('\r')) line.remove_suffix(1);
      predictor.add(std::string(line), flags.file + ":" + std::to_string(++number));
    }
  } else {
    for (size_t i = 0; i < flags.texts.size(); ++i)
      predictor.add(flags.texts[i], "text " + std::to_string(i + 1));
  }
  predictor.finish();
  return 0;
}

}  // namespace

std::function<int()> declare_predict(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  add_argument(app, "folder", flags->folder, "DIR", "the --out folder of a run");
  add_option(app, "text", flags->texts, "TEXT", "texts to label; - reads standard input, a text a line");
  add_option(app, "--file", flags->file, "FILE", "a file with a text a line");
  add_option(app, "--device", flags->device, "NAME", "cpu or cuda; empty: as the run");
  add_option(app, "--weights", flags->weights, "NAME", "best or last [best]");
  add_switch(app, "--json", flags->json, "a JSON line a text instead of label, probability and text");
  return [flags] { return predict(*flags); };
}

}  // namespace octet::tools
