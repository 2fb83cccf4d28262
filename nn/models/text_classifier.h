// What all classifiers of texts have in common.
#pragma once

#include "core/rng.h"
#include "nn/module.h"
#include "nn/packed_ids.h"

namespace octet {

class TextClassifier : public Module {
 public:
  // -> logits [batch, outputs]: one a text (binary cross-entropy), or one a class (cross-entropy). masks: the
  // dropout's stream, null to evaluate.
  virtual Variable forward(const PackedIds& texts, Rng* masks) const = 0;
};

}  // namespace octet
