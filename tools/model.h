// The model that a config describes.
#pragma once

#include <memory>

#include "nn/init.h"
#include "nn/models/text_classifier.h"
#include "tools/config.h"

namespace octet::tools {

// `vocabulary`: ids; `outputs`: logits a text; `init`: which weights are BF16, the config says. Errors
// (Usage): settings that the model does not have.
std::unique_ptr<TextClassifier> make_model(const TrainConfig& config, int32_t vocabulary, int64_t outputs,
                                           Init init);

}  // namespace octet::tools
