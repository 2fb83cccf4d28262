// A run of octet train from its start, or from a checkpoint, to its end or a signal: it trains, shows how
// that goes, and leaves a folder of weights, checkpoint, settings, vocabulary, log and report.
#pragma once

#include "tools/checkpoint.h"
#include "tools/config.h"
#include "tools/folder_hold.h"

namespace octet::tools {

// Both return the exit code: 0, or that of a signal. Errors: those of reading the data, of folders and files,
// and NonFinite for a gradient, or a last validation loss, that is no number.
int begin_run(const TrainConfig& config);
// `hold`: of the folder that the checkpoint was read from.
int go_on_with_run(const TrainConfig& config, Checkpoint checkpoint, FolderHold hold);

}  // namespace octet::tools
