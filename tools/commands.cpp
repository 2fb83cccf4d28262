#include "tools/command.h"
#include "tools/commands/declare.h"

namespace octet::tools {

std::span<const Command> commands() {
  static const Command table[] = {
      {"train", "trains a model", "octet train sms --state blockwise8 --epochs 50 --out runs/sms-8bit",
       declare_train},
      {"eval", "measures a trained model on data", "octet eval runs/sms-8bit --weights last", declare_eval},
      {"predict", "labels texts", "octet predict runs/sms-8bit \"WINNER!! Claim your prize now\"",
       declare_predict},
      {"report", "compares runs side by side", "octet report runs/sms-32bit runs/sms-8bit", declare_report},
      {"memory", "what each purpose will hold, before training", "octet memory sms --state blockwise8",
       declare_memory},
  };
  return table;
}

}  // namespace octet::tools
