// octet bench, run as users run it, with as little work as it takes. How long anything took is not tested.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "nn/models/lstm_classifier.h"
#include "tests/tools/small_run.h"
#include "tools/commands/bench.h"
#include "tools/format.h"
#include "tools/table.h"

using namespace octet::testing;
using namespace octet::tools;
using doctest::Approx;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Outcome bench(const Arguments& arguments) { return run_octet(Arguments{"bench"} + arguments); }

std::vector<Json> json_lines(const Outcome& outcome) {
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  return events_in(outcome.out);
}

std::vector<std::string> keys_of(const Json& json) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  return keys;
}

// The rows of the table of bench optimizer under its header, by cells: two blanks or more part them.
using Cells = std::vector<std::string>;
std::vector<Cells> rows_of(const std::string& text) {
  std::vector<Cells> rows;
  const std::vector<std::string> lines = lines_of(text);
  for (size_t i = 1; i < lines.size() && !lines[i].empty(); ++i) {
    Cells& row = rows.emplace_back();
    for (size_t begin = 0; begin < lines[i].size();) {
      const size_t end = std::min(lines[i].find("  ", begin), lines[i].size());
      row.push_back(lines[i].substr(begin, end - begin));
      begin = std::min(lines[i].find_first_not_of(' ', end), lines[i].size());
    }
  }
  return rows;
}

void check_refused(const Arguments& arguments, int status, const std::string& part) {
  const Outcome said = bench(arguments);
  INFO(said.err);
  CHECK(said.status == status);
  CHECK(has(said.err, part));
  CHECK(said.out.empty());
}

}  // namespace

TEST_CASE("an optimizer case is a JSON line with the fixed fields, and they agree") {
  const auto lines =
      json_lines(bench({"optimizer", "--optimizer", "adam", "--state", "blockwise8", "--params", "8192,1e4",
                        "--repeats", "2", "--device", "cpu", "--json"}));
  REQUIRE(lines.size() == 2);
  const std::vector<std::string> keys = {
      "optimizer", "state",           "weight_dtype",          "device", "params",   "tensors", "ms",
      "norm_ms",   "bytes_per_param", "state_bytes_per_param", "gbps",   "copy_gbps"};
  for (const Json& line : lines) {
    CHECK(keys_of(line) == keys);
    CHECK(line["optimizer"] == "adam");
    CHECK(line["state"] == "blockwise8");
    CHECK(line["device"] == "cpu");
    CHECK(line["tensors"] == 1);
    // Weight read and written, gradient read, state read and written.
    const double state = line["state_bytes_per_param"], moved = line["bytes_per_param"];
    CHECK(moved == doctest::Approx(12 + 2 * state));
    const double bytes = moved * line["params"].get<double>();
    CHECK(line["gbps"].get<double>() == doctest::Approx(bytes / (line["ms"].get<double>() * 1e6)));
    CHECK(line["copy_gbps"].get<double>() > 0);
    CHECK(line["norm_ms"].get<double>() > 0);
  }
  CHECK(lines[0]["params"] == 8192);
  CHECK(lines[0]["state_bytes_per_param"] == 2.03125);
  CHECK(lines[1]["params"] == 10000);
}

TEST_CASE("a case may have several equal tensors") {
  const auto lines = json_lines(
      bench({"optimizer", "--state", "fp32", "--params", "1e3x12,7x1", "--repeats", "1", "--json"}));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["params"] == 12000);
  CHECK(lines[0]["tensors"] == 12);
  CHECK(lines[1]["params"] == 7);
  CHECK(lines[1]["tensors"] == 1);
  for (const char* wrong : {"5x0", "5x", "x5", "5x1.5", "5x-1", "5x2x3"}) {
    INFO(wrong);
    check_refused({"optimizer", "--params", wrong}, 2, "must be a whole number of at least 1");
  }
  check_refused({"optimizer", "--params", "1e5,5x0"}, 2, "--params 0 of '1e5,5x0': must be");
  check_refused({"optimizer", "--params", "1x100001"}, 2, "at most 100,000 tensors");
  check_refused({"optimizer", "--params", "9e15x2"}, 4, "no machine has memory");
}

TEST_CASE("without --state every codec is measured, and each stores what it should") {
  const auto lines = json_lines(bench({"optimizer", "--params", "16384", "--repeats", "1", "--json"}));
  const std::pair<const char*, double> wanted[] = {{"fp32", 8},
                                                   {"bf16", 4},
                                                   {"blockwise8", 2.03125},
                                                   {"linear8", 2.03125},
                                                   {"tensorwise8", 2 + 8.0 / 16384},
                                                   {"blockwise4", 1.03125},
                                                   {"blockwise8-v0.36", 2 + 8.0 / 2048}};
  REQUIRE(lines.size() == std::size(wanted));
  for (size_t i = 0; i < lines.size(); ++i) {
    CHECK(lines[i]["state"] == wanted[i].first);
    CHECK(lines[i]["state_bytes_per_param"] == wanted[i].second);
  }
}

TEST_CASE("a list of codecs, a rule, a block size and threads are taken") {
  const auto lines =
      json_lines(bench({"optimizer", "--optimizer", "adamw", "--state", "bf16,blockwise8", "--block-size",
                        "64", "--threads", "1", "--params", "16384", "--repeats", "1", "--json"}));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["optimizer"] == "adamw");
  CHECK(lines[1]["state_bytes_per_param"] == 2 + 8.0 / 64);
}

TEST_CASE("the SMS model has 19 tensors, the sizes of the model itself") {
  const octet::LstmClassifier model({.vocabulary = 1751}, octet::Init{octet::Rng(1)});
  std::vector<octet::Shape> shapes;
  for (const octet::NamedParameter& p : model.parameters()) shapes.push_back(p.variable.value().shape());
  CHECK(shapes == sms_shapes());
  const auto lines =
      json_lines(bench({"optimizer", "--shapes", "sms", "--state", "fp32", "--repeats", "1", "--json"}));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["params"] == 359549);
  CHECK(lines[0]["tensors"] == 19);
}

TEST_CASE("the BERT base encoder with pooler has 199 tensors and 109,482,240 weights") {
  CHECK(bert_base_shapes().size() == 199);
  CHECK(elements_in(bert_base_shapes()) == 109'482'240);
}

TEST_CASE("weights in bf16 move half of their bytes, and those of small tensors do not") {
  const auto lines = json_lines(bench({"optimizer", "--weight-dtype", "bf16", "--state", "blockwise8",
                                       "--params", "8192,4096,4095", "--repeats", "1", "--json"}));
  REQUIRE(lines.size() == 3);
  for (const Json& line : lines) CHECK(line["weight_dtype"] == "bf16");
  // Weight read and written in bf16, gradient read in f32, two slots of a byte and an absmax each 256.
  const double state = 2 * (1 + 4.0 / 256);
  CHECK(lines[0]["bytes_per_param"].get<double>() == 2 * 2 + 4 + 2 * state);
  CHECK(lines[1]["bytes_per_param"].get<double>() == 2 * 2 + 4 + 2 * state);
  CHECK(lines[2]["bytes_per_param"].get<double>() == 2 * 4 + 4 + 2 * 8);
  CHECK(has(bench({"optimizer", "--weight-dtype", "bf16", "--params", "4096", "--repeats", "1"}).out,
            "\nweights of 4,096 elements or more are bf16, gradients f32\n"));
}

TEST_CASE("muon has no bytes to compare where it steps matrices, and says who stepped what") {
  const Arguments muon = {"optimizer", "--optimizer", "muon", "--state", "fp32", "--repeats", "1"};
  const auto lines = json_lines(bench(muon + Arguments{"--shapes", "sms", "--json"}));
  REQUIRE(lines.size() == 1);
  for (const char* key : {"bytes_per_param", "gbps", "copy_gbps"}) {
    INFO(key);
    CHECK(lines[0][key].is_null());
  }
  CHECK(lines[0]["ms"].get<double>() > 0);
  CHECK(lines[0]["state_bytes_per_param"].get<double>() >= 4);
  const std::string text = bench(muon + Arguments{"--shapes", "sms"}).out;
  CHECK(
      has(text, "\nmuon steps matrices by matrix products: they decide, so there are no bytes to compare\n"));
  for (const Cells& row : rows_of(text))
    if (row[0] == "muon") CHECK(Cells(row.end() - 3, row.end()) == Cells{"-", "-", "-"});
  const auto vectors = json_lines(bench(muon + Arguments{"--params", "1000", "--json"}));
  REQUIRE(vectors.size() == 1);
  CHECK(vectors[0]["bytes_per_param"] == 2 * 4 + 4 + 2 * 8);
  CHECK(has(bench(muon + Arguments{"--params", "1000"}).out,
            "\nnone of these tensors is a matrix: adamw stepped them; --shapes has matrices\n"));
}

TEST_CASE("the numbers of a row agree with each other") {
  const std::string text = bench({"optimizer", "--state", "fp32,blockwise8", "--params", "3e5x2,2e5",
                                  "--repeats", "2", "--threads", "1"})
                               .out;
  const std::vector<Cells> rows = rows_of(text);
  REQUIRE(rows.size() == 6);  // two codecs and the norm pass, of two cases
  for (size_t i = 0; i < rows.size(); ++i) {
    const Cells& row = rows[i];
    REQUIRE(row.size() == 11);
    INFO(row[0] << " " << row[1] << " " << row[2]);
    const auto number = [&](size_t column) {
      std::string digits = row[column];
      std::erase(digits, ',');
      return std::stod(digits);
    };
    // Columns as in the header, less what rounding to the digits shown takes.
    const double params = number(2), ms = number(4), ns = number(5), bytes = number(6), gbps = number(8);
    CHECK(row[0] == (i % 3 == 2 ? "norm pass" : "adam"));
    CHECK(row[1] == (i % 3 == 0 ? "fp32" : "blockwise8"));
    CHECK(params == (i < 3 ? 6e5 : 2e5));
    CHECK(number(3) == (i < 3 ? 2 : 1));
    CHECK(ns == Approx(ms * 1e6 / params).epsilon(0.05).scale(0));
    CHECK(gbps == Approx(bytes / ns).epsilon(0.05).scale(0));
    CHECK(row[6] == (i % 3 == 0 ? "28.00" : i % 3 == 1 ? row[6] : "4.00"));
    const double share = 100 * gbps / number(9);
    CHECK(std::abs(number(10) - share) <= 0.6 + 0.05 * share);  // in whole percents
    CHECK(row[10].ends_with(" %"));
    if (i % 3 == 1) {
      CHECK(number(7) == Approx(2.03125).epsilon(1e-3));
      CHECK(bytes == Approx(12 + 2 * number(7)).epsilon(1e-3));
    }
  }
}

TEST_CASE("people get an aligned table with the unit of every column") {
  const Outcome said = bench({"optimizer", "--params", "16384", "--repeats", "1"});
  CHECK(said.status == 0);
  for (const char* part : {"ns/param", "bytes/param", "state bytes/param", "GB/s", "copy GB/s", "of copy",
                           "16,384", "blockwise8", "norm pass  blockwise8", "threads"}) {
    INFO(part);
    CHECK(has(said.out, part));
  }
  Table table({"name", "n"}, 1);
  table.row({"a", "1"});
  table.row({"longer", "10"});
  CHECK(table.text() == "name     n\na        1\nlonger  10\n");
  CHECK_THROWS(table.row({"one cell"}));
}

TEST_CASE("what cannot be measured is refused before anything is") {
  check_refused({"optimizer", "--optimizer", "adm"}, 2, "did you mean 'adam'?");
  check_refused({"optimizer", "--state", "blockwse8"}, 2,
                "unknown name 'blockwse8', did you mean 'blockwise8'?");
  check_refused({"optimizer", "--state", "fp64"}, 2, "Known: fp32, bf16, blockwise8");
  check_refused({"optimizer", "--state", "fp32,"}, 2, "unknown name ''");
  check_refused({"optimizer", "--shapes", "bert"}, 2, "did you mean 'bert-base'?");
  check_refused({"optimizer", "--shapes", "sms", "--params", "5000"}, 2, "cannot be given together");
  check_refused({"optimizer", "--block-size", "100"}, 2, "a power of two");
  check_refused({"optimizer", "--repeats", "0"}, 2, "--repeats 0: must be at least 1");
  check_refused({"optimizer", "--threads", "-1"}, 2, "--threads -1");
  check_refused({"optimizer", "--device", "gpu"}, 2, "Known: cpu, cuda");
  check_refused({"optimizer", "--params"}, 2, "--params");
  check_refused({"optimizer", "--parms", "5"}, 2, "did you mean '--params'?");
  check_refused({"optimiser"}, 2, "did you mean 'optimizer'?");
  check_refused({}, 2, "known are optimizer, ops");
  for (const char* count :
       {"0", "-5", "nan", "inf", "-inf", "1.5", "many", "1e", "5000,", ",5000", "0x10", "-1e400"}) {
    INFO(count);
    check_refused({"optimizer", "--params", count}, 2, "must be a whole number of at least 1");
  }
}

TEST_CASE("more weights than there is memory for exit 4 with the numbers") {
  for (const char* count : {"1e15", "9007199254740992", "99999999999999999999", "1e400"}) {
    INFO(count);
    const Outcome said = bench({"optimizer", "--params", count, "--json"});
    CHECK(said.status == 4);
    CHECK(said.out.empty());
    CHECK(has(said.err, "memory"));
  }
  CHECK(has(bench({"optimizer", "--params", "1e15"}).err, "1,000,000,000,000,000 weights"));
}

TEST_CASE("ops measures every family of kernels") {
  const auto lines = json_lines(bench({"ops", "--repeats", "1", "--threads", "1", "--json"}));
  const std::vector<std::string> keys = {"op",     "size", "device",    "ms",
                                         "gflops", "gbps", "copy_gbps", "share_of_roof"};
  std::string ops;
  for (const Json& line : lines) {
    CHECK(keys_of(line) == keys);
    CHECK(line["device"] == "cpu");
    CHECK(line["ms"].get<double>() > 0);
    CHECK(line["gbps"].is_null() == line["copy_gbps"].is_null());
    ops += line["op"].get<std::string>() + "\n";
  }
  for (const char* op :
       {"matmul recurrent gates\n", "lstm forward\n", "lstm backward\n", "embedding\n",
        "embedding backward\n", "dropout\n", "softmax\n", "softmax backward\n", "layer norm\n",
        "layer norm backward\n", "cross-entropy\n", "cross-entropy backward\n", "binary cross-entropy\n",
        "add\n", "tanh\n", "sum of rows\n", "transpose\n", "f32 to bf16\n"}) {
    INFO(op);
    CHECK(has(ops, op));
  }
  const Outcome table = bench({"ops", "--repeats", "1"});
  CHECK(table.status == 0);
  CHECK(has(table.out, "GFLOP/s"));
  check_refused({"ops", "--repeats", "none"}, 2, "--repeats none");
}

TEST_CASE("help of every bench command names its flags, defaults and an example") {
  for (const char* command : {"optimizer", "ops"}) {
    const Outcome said = bench({command, "--help"});
    INFO(said.out);
    CHECK(said.status == 0);
    CHECK(has(said.out, std::string("Usage: octet bench ") + command));
    CHECK(has(said.out, std::string("Example:\n  octet bench ") + command));
  }
  const std::string help = bench({"optimizer", "--help"}).out;
  for (const char* part : {"[adam]", "[359549,1e7,5e7]", "[256]", "[10]", "bert-base, sms"}) {
    INFO(part);
    CHECK(has(help, part));
  }
}
