#include "tools/command.h"
#include "tools/commands/declare.h"

namespace octet::tools {

std::span<const Command> commands() {
  // A command has a function that declares its flags, or null and the commands within it.
  static const Command table[] = {
      {"train", "trains a model",
       "octet train sms --state blockwise8 --epochs 50 --out runs/sms-8bit\n"
       "  octet train text --data reviews.csv --test-share 0.1 --out runs/reviews",
       declare_train},
      {"eval", "measures a trained model on data", "octet eval runs/sms-8bit --weights last", declare_eval},
      {"predict", "labels texts", "octet predict runs/sms-8bit \"WINNER!! Claim your prize now\"",
       declare_predict},
      {"report", "compares runs side by side", "octet report runs/sms-32bit runs/sms-8bit", declare_report},
      {"reproduce", "repeats the tables of a published report with seeds, intervals and verdicts",
       "octet reproduce all --device cuda --jobs 4 --max-seconds 1500 --html reproduce.html",
       declare_reproduce},
      {"memory", "what each purpose will hold, before training", "octet memory sms --state blockwise8",
       declare_memory},
      {"inspect", "what a run's optimizer state is like, and what storing it in fewer bits does",
       "octet inspect runs/sms-32bit --html inspect.html", declare_inspect},
      {"bench", "times optimizer steps and kernels", "octet bench optimizer --state blockwise8 --params 5e7",
       nullptr, bench_commands()},
      {"data", "lists, checks, describes and fetches data sets", "octet data describe sms", nullptr,
       data_commands()},
  };
  return table;
}

}  // namespace octet::tools
