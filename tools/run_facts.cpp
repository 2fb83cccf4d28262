#include "tools/run_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/backend.h"
#include "core/cpu/thread_pool.h"
#include "tools/config_file.h"
#include "tools/format.h"
#include "tools/rule_settings.h"
#include "tools/version.h"
#include "tools/word_vectors.h"

namespace octet::tools {

using Json = nlohmann::ordered_json;

Json run_facts(const TextData& data, const Trainer& trainer) {
  Json facts = {{"build", build_text()},
                {"device_name", describe(trainer.device())},
                {"threads", cpu::thread_count()},
                {"data_source", data.source},
                {"data_sha256", data.sha256},
                {"generated", data.generated},
                {"labels", data.label_names},
                {"train_rows", data.train.rows()},
                {"validation_rows", data.validation.rows()},
                {"vocabulary", data.encoder.size()},
                {"parameters", trainer.model().parameter_count()},
                {"state_bytes", trainer.optimizer().state_bytes()}};
  if (data.test.rows() > 0) facts["test_rows"] = data.test.rows();
  if (!data.glove_sha256.empty()) facts["glove_sha256"] = data.glove_sha256;
  if (data.vectors)
    facts.update({{"glove_words", data.vectors->words},
                  {"glove_as_written", data.vectors->as_written},
                  {"glove_lower_cased", data.vectors->lower_cased},
                  {"glove_token_share", data.vectors->token_share}});
  return facts;
}

std::string config_text(const TrainConfig& config, const Json& facts) {
  std::string text = "# The settings of an octet run; octet train --config FILE repeats it.\n";
  for (const auto& [key, value] : facts.items()) text += "# " + key + " " + value.dump() + "\n";
  // Where this run writes is no setting of its repetition, which would write over it.
  TrainConfig repeatable = config;
  repeatable.out.clear();
  repeatable.log.clear();
  repeatable.tensorboard.clear();
  repeatable.resume.clear();
  repeatable.json = false;
  return text + to_toml(repeatable);
}

std::vector<std::string> opening_lines(const TrainConfig& config, const TextData& data,
                                       const Trainer& trainer) {
  std::vector<std::string> lines;
  const auto say = [&lines](std::string line) { lines.push_back(std::move(line)); };
  const std::string test =
      data.test.rows() > 0 ? fmt::format(", {} to test", format_count(data.test.rows())) : "";
  say(fmt::format("{}: {} rows to train, {} to validate{}, from {}", config.task,
                  format_count(data.train.rows()), format_count(data.validation.rows()), test, data.source));
  say(fmt::format("vocabulary {}, {} parameters, {} ({}), {} on {} thread{}",
                  format_count(data.encoder.size()), format_count(trainer.model().parameter_count()),
                  optimizer_text(config), format_bytes(trainer.optimizer().state_bytes()), config.device,
                  cpu::thread_count(), cpu::thread_count() == 1 ? "" : "s"));
  for (std::string& line : lines_about_settings(config, config.epochs * trainer.steps_per_epoch()))
    say(std::move(line));
  const auto stored = [](const NamedParameter& parameter) {
    return parameter.variable.dtype() == DType::BF16;
  };
  if (config.weight_dtype == "bf16" && std::ranges::none_of(trainer.model().parameters(), stored))
    say(fmt::format("no effect on these weights: {}, as no matrix has {} elements ({})",
                    flag_name("weight_dtype"), format_count(config.min_8bit_size),
                    flag_name("min_8bit_size")));
  for (const std::string& note : data.notes) say(note);
  if (data.vectors)
    for (std::string& line : lines_about(*data.vectors)) say(std::move(line));
  if (config.freeze_embedding)
    say(std::string("the embedding is frozen: it keeps ") +
        (config.glove.empty() ? "its random vectors, as no --glove is given" : "its vectors"));
  if (!trainer.device().is_cpu()) say(describe(trainer.device()));
  if (config.precision == "bf16")
    say("precision bf16: matrix products; the recurrence of the LSTM stays in fp32 (with more than "
        "128 units cuDNN runs it in tf32)");
  return lines;
}

}  // namespace octet::tools
