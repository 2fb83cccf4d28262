// The SMS Spam Collection (Almeida, Hidalgo, Yamakami 2011; UCI Machine Learning Repository): 5,574 text
// messages, ham 0 or spam 1.
//
// Read in every shape it circulates in, told apart by content and not by name:
//   - the UCI file: label<TAB>text, no header, no quoting;
//   - CSV with the header "type","text" (sms_spam.csv) or v1,v2,,, (Kaggle's spam.csv, whose three further
//   columns
//     hold the rest of a few messages that were cut at a comma; they are put back);
//   - either of them in a zip, tar, gz, xz...: the UCI zip as downloaded.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "datasets/text_corpus.h"

namespace octet {

// Names that are looked for in a folder, in this order.
std::span<const std::string_view> sms_file_names();

// Reads a file, or the first of sms_file_names() in a folder. Bytes are taken as UTF-8; if they are not, as
// Latin-1, provided that the layout is one of the above and that the odd bytes are no damaged UTF-8 (more
// bytes out of place than well-formed multi-byte characters). Errors (Data) with file, line and value:
// whatever input_file.h, archive.h and csv.h report, binary data, an unknown layout, invalid UTF-8 (byte
// offset), an unknown label, a field over 1 MiB, no rows, one class only.
TextCorpus read_sms(const std::filesystem::path& file_or_folder);

// The same from bytes that are unpacked already; `source` stands in messages.
TextCorpus parse_sms(std::string_view bytes, const std::string& source);

// The corpus in the layout of the UCI file. Texts with line breaks or tabs in them cannot be written so
// (Usage).
std::string sms_as_uci(const TextCorpus& corpus);

}  // namespace octet
