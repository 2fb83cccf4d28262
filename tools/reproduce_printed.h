// What the report that `octet reproduce` repeats printed: ML Reproducibility Challenge 2022, ReScience C, on
// "8-bit Optimizers via Block-wise Quantization" (Dettmers et al., ICLR 2022).
#pragma once

namespace octet::tools {

struct Printed {
  double loss, seconds, megabytes;  // validation loss of the last epoch; "MB" as printed
};
struct PrintedColumn {
  const char* table;
  const char* column;
  Printed bits32, bits8;
};

inline constexpr PrintedColumn kPrintedSms[] = {
    {"Table 1", "50 epochs", {0.085, 32.026, 196.46}, {0.102, 29.493, 182.79}},
    {"Table 1", "100 epochs", {0.148, 64.274, 422.36}, {0.232, 58.991, 402.04}},
};
inline constexpr PrintedColumn kPrintedImdb[] = {
    {"Table 2", "2 layers", {0.337, 143.513, 151.36}, {0.588, 138.941, 150.62}},
    {"Table 2", "4 layers", {0.351, 263.314, 225.61}, {0.693, 273.591, 224.51}},
    {"Table 2", "6 layers", {0.693, 390.358, 301.11}, {0.693, 375.265, 298.89}},
};
inline constexpr PrintedColumn kPrintedBert = {
    "Table 3", "BERT-base", {0.684, 737.112, 2816.19}, {3.586, 673.059, 2171.2}};
inline constexpr double kPrintedBertF1[] = {0.876, 0.666};  // weighted F1: 32-bit, 8-bit

}  // namespace octet::tools
