// A corpus of labelled texts in memory: what every reader of a named corpus returns.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace octet {

struct TextCorpus {
  std::string name;      // "sms"
  std::string path;      // the file it was read from; empty when generated
  std::string entry;     // the entry inside path, where path is an archive
  std::string sha256;    // of the bytes that were read: of the entry, where path is an archive
  std::string encoding;  // of those bytes: "UTF-8", "Latin-1", ...; the texts here are always UTF-8
  bool generated = false;
  std::vector<std::string> texts;  // one a row, in file order
  std::vector<int32_t> labels;     // one a row, an index of label_names
  std::vector<std::string> label_names;

  int64_t rows() const { return static_cast<int64_t>(texts.size()); }
  // "shared/data/sms_spam.csv", "sms.zip (SMSSpamCollection)" or "generated", for messages and logs.
  std::string source() const;
};

// Errors (Data), naming the source: no rows, rows of one class only, texts and labels that do not pair up.
void require_trainable(const TextCorpus& corpus);

}  // namespace octet
