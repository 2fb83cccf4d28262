// octet train text on files as they come: formats, encodings, columns; and what is refused.
#include <algorithm>

#include "tests/tools/own_texts.h"

using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

const std::vector<OwnText>& two_classes() {
  static const std::vector<OwnText> texts = own_texts({{"bad", 60}, {"good", 90}});
  return texts;
}

std::string latin1(const std::string& utf8) {  // of text below U+0100
  std::string out;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const char c = utf8[i];
    if (c & 0x80) ++i;
    out += (c & 0x80) ? static_cast<char>(((c & 3) << 6) | (utf8[i] & 0x3F)) : c;
  }
  return out;
}

std::string tab_separated(const std::vector<OwnText>& texts) {
  std::string out = "label\ttext\n";
  for (const OwnText& row : texts) {
    out += row.label + "\t\"";
    for (const char c : row.text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    out += "\"\n";
  }
  return out;
}

std::string json_lines(const std::vector<OwnText>& texts) {
  std::string out;
  for (const OwnText& row : texts) out += Json{{"text", row.text}, {"label", row.label}}.dump() + "\n";
  return out;
}

// The text first, between columns that nobody asked for.
std::string many_columns(const std::vector<OwnText>& texts) {
  std::string csv = as_csv(texts), out = "id,what was said,when,verdict\n";
  int id = 1000;
  for (const OwnText& row : texts) {
    std::string quoted;
    for (const char c : row.text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    out += std::to_string(id) + ",\"" + quoted + "\",2024-01-" + std::to_string(10 + id % 20) +
           " 12:" + std::to_string(10 + id % 49) + "," + row.label + "\n";
    ++id;
  }
  return out;
}

}  // namespace

TEST_CASE("the same rows give the same weights, whatever file they come in") {
  const TextRuns runs;
  const std::string csv = as_csv(two_classes());
  runs.train("csv", {"--data", runs.file("csv.csv", csv)});
  CHECK(runs.events("csv").back()["val_accuracy"].get<double>() > 0.8);
  const std::pair<const char*, std::string> files[] = {{"windows.csv", as_csv(two_classes(), "\r\n")},
                                                       {"bom.csv", "\xEF\xBB\xBF" + csv},
                                                       {"latin1.csv", latin1(csv)},
                                                       {"tabs.tsv", tab_separated(two_classes())},
                                                       {"lines.jsonl", json_lines(two_classes())},
                                                       {"no-header.csv", csv.substr(csv.find('\n') + 1)},
                                                       {"columns.csv", many_columns(two_classes())}};
  for (const auto& [name, bytes] : files) {
    CAPTURE(name);
    runs.train(std::string(name) + ".run", {"--data", runs.file(name, bytes)});
    for (const char* file : {"vocab.txt", "best.safetensors", "last.safetensors"})
      CHECK((runs.bytes(std::string(name) + ".run/" + file) == runs.bytes(std::string("csv/") + file)));
  }
}

TEST_CASE("what was guessed of a file is said, and is a setting of the run from then on") {
  const TextRuns runs;
  const std::string data = runs.file("columns.csv", many_columns(two_classes()));
  const std::string out = runs.train("run", {"--data", data, "--epochs", "1"});
  CHECK(out.find("'what was said' is taken as the text") != std::string::npos);
  CHECK(out.find("'verdict' is taken as the label") != std::string::npos);
  const std::string config = runs.bytes("run/config.toml");
  CHECK(config.find("text_column = \"what was said\"\n") != std::string::npos);
  CHECK(config.find("label_column = \"verdict\"\n") != std::string::npos);
  CHECK(config.find("header = \"yes\"\n") != std::string::npos);
  const std::string again = runs.train("again", {"--config", runs.path("run/config.toml"), "--epochs", "1"});
  CHECK(again.find("is taken as") == std::string::npos);
  CHECK((runs.bytes("run/last.safetensors") == runs.bytes("again/last.safetensors")));

  // A file of two rows, of which nothing could be guessed, is read in the same way.
  const std::string two =
      runs.file("two.csv", "id,what was said,when,verdict\n1,a-own1,x,bad\n2,b-own2,y,good\n");
  CHECK(runs.eval("run", {"--data", two})["rows"] == 2);
  const std::string other = runs.file("other.csv", "said by me,mark\na-own1,bad\nb-own2,good\n");
  check_refused(run_octet({"eval", runs.path("run"), "--data", other}), 2,
                "no column 'what was said' for --text-column");
  CHECK(runs.eval("run", {"--data", other, "--text-column", "said by me", "--label-column", "2"})["rows"] ==
        2);
}

TEST_CASE("columns may be named or numbered, without regard to case, and a header be denied") {
  const TextRuns runs;
  const std::string data = runs.file("columns.csv", many_columns(two_classes()));
  const std::string named = runs.train("named", {"--data", data, "--text-column", "What Was Said",
                                                 "--label-column", "verdict", "--epochs", "1"});
  CHECK(named.find("is taken as") == std::string::npos);  // nothing was guessed
  runs.train("numbered", {"--data", data, "--text-column", "2", "--label-column", "4", "--epochs", "1"});
  CHECK((runs.bytes("named/last.safetensors") == runs.bytes("numbered/last.safetensors")));
  check_refused(run_process(runs.command(
                    "no", {"--data", data, "--header", "no", "--text-column", "2", "--label-column", "4"})),
                3, "the only row with the label 'verdict'");
}

TEST_CASE("--positive and --negative take a text a line, and other files are then labelled so") {
  const TextRuns runs;
  std::string good, bad;
  for (OwnText row : two_classes()) {
    std::replace(row.text.begin(), row.text.end(), '\n', ' ');
    (row.label == "good" ? good : bad) += row.text + (row.label == "good" ? "\r\n" : "\n");
  }
  runs.train("run", {"--positive", runs.file("pos.txt", good), "--negative", runs.file("neg.txt", bad)});
  const Json start = runs.events("run").front();
  CHECK(start["labels"] == Json({"negative", "positive"}));
  CHECK(start["train_rows"].get<int>() + start["validation_rows"].get<int>() == 150);
  CHECK(runs.eval("run")["accuracy"] == runs.eval("run", {"--rows", "validation"})["accuracy"]);
  CHECK(runs.eval("run", {"--rows", "all"})["rows"] == 150);
  const std::string other =
      runs.file("other.csv", "text,label\na-own1 a-own2,negative\nb-own1 b-own2 b-own3,positive\n");
  CHECK(runs.eval("run", {"--data", other})["accuracy"] == 1);
}

TEST_CASE("empty rows are refused with their line, or left out if asked") {
  const TextRuns runs;
  const std::string csv = as_csv(own_texts({{"bad", 20}, {"good", 20}}));
  const std::string data = runs.file("holes.csv", csv + "bad,\n,some text\n");
  check_refused(run_process(runs.command("run", {"--data", data})), 3,
                "is empty; --skip-empty leaves such rows out");
  const std::string out = runs.train("run", {"--data", data, "--skip-empty", "--epochs", "1"});
  CHECK(out.find("2 rows without text or label left out") != std::string::npos);
  CHECK(runs.eval("run", {"--rows", "all"})["rows"] == 40);
}

TEST_CASE("what cannot be trained on is refused in one sentence, and no folder is made") {
  const TextRuns runs;
  const std::string good = runs.file("good.csv", as_csv(two_classes()));
  const auto texts = [&](const std::string& header,
                         const std::vector<std::pair<std::string, std::string>>& rows) {
    std::string out = header + "\n";
    for (const auto& [label, text] : rows) out += label + "," + text + "\n";
    return runs.file("rows.csv", out);
  };
  const auto refused = [&](const Arguments& flags, int status, const std::string& text) {
    check_refused(run_process(runs.command("none", flags)), status, text);
    CHECK(!fs::exists(runs.path("none")));
  };
  refused({}, 2, "octet train text: no data; name a file by --data, or two by --positive and --negative");
  refused({"--data", runs.path("absent.csv")}, 3, runs.path("absent.csv"));
  refused({"--data", runs.file("empty.csv", "")}, 3, "the file is empty");
  refused({"--data", runs.file("png", std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16))}, 3,
          runs.path("png"));
  refused({"--data", runs.file("open.csv", "label,text\nbad,\"never closed\n")}, 3, "line 2");
  refused({"--data", good, "--text-column", "txt"}, 2,
          "no column 'txt' for --text-column. Columns: 1 'label' (");
  refused({"--data", good, "--label-column", "7"}, 2, "no column '7' for --label-column");
  refused({"--data", good, "--text-column", "2", "--label-column", "text"}, 2,
          "is both the text and the label");
  refused({"--data", good, "--label-column", "text"}, 3,
          "150 different labels in 150 rows ('a-own0 a-own3 word17 word4', ");
  refused({"--data", texts("text,review,mark", {{"a", "b,x"}, {"c", "d,y"}})}, 2, "the text could be");
  refused({"--data", texts("label,text", {{"bad", "one"}, {"bad", "two"}})}, 3,
          "all 2 rows are labelled 'bad'; at least two classes are needed");
  refused({"--data",
           texts("label,text",
                 {{"bad", "a"}, {"bad", "b"}, {"good", "c"}, {"good", "d"}, {"odd", "e"}, {"bad", "f"}})},
          3, "line 6: the only row with the label 'odd'");
  refused({"--data", good, "--positive", good, "--negative", good}, 2,
          "give --data, or --positive and --negative, not both");
  refused({"--positive", good}, 2, "--positive and --negative belong together");
  refused({"--data", good, "--validation-share", "0.6", "--test-share", "0.4"}, 2,
          "--validation-share and --test-share leave no rows to train on");
  refused({"--data", good, "--test-data", good, "--test-share", "0.4"}, 2,
          "give --test-data or --test-share, not both");
  std::string few = as_csv(own_texts({{"bad", 40}, {"good", 40}, {"odd", 2}}));
  refused({"--data", runs.file("few.csv", few), "--test-share", "0.4"}, 3,
          "few.csv: label 'odd' has 1 row left to split, 2 needed; give it more rows, or smaller shares");
  refused({"--data", runs.file("few.csv", few), "--validation-share", "0.9"}, 3,
          "few.csv: label 'odd' has 0 rows left to train on");
  refused({"--data", good, "--padding", "left"}, 2,
          "--padding left fills texts up to --max-length, which is not given");
  refused({"--data", good, "--min-freq", "1000"}, 2,
          "no word of the training rows occurs 1000 times; give a smaller --min-freq");
  refused({"--data", good, "--model", "lsmt"}, 2, "did you mean 'lstm'?");
  refused({"--data", good, "--best-by", "f1"}, 2, "Known: loss, accuracy, macro-f1");
  refused({"--data", good, "--validation-data", runs.file("alien.csv", "label,text\nbad,x\nugly,y\n")}, 3,
          "alien.csv, line 3: unknown label 'ugly', known from training are 'bad', 'good'");
  refused({"--data", good, "--test-data", runs.path("absent.csv")}, 3, runs.path("absent.csv"));
}

TEST_CASE("eval and resume refuse data that is not as the run knows it") {
  const TextRuns runs;
  const std::string data = runs.file("data.csv", as_csv(two_classes()));
  runs.train("run", {"--data", data, "--epochs", "1"});
  check_refused(run_octet({"eval", runs.path("run"), "--rows", "test"}), 2, ": the run has no test rows");
  check_refused(run_octet({"eval", runs.path("run"), "--data", data, "--rows", "train"}), 2,
                "--rows train: all rows of --data are answered");
  check_refused(run_octet({"eval", runs.path("run"), "--text-column", "text"}), 2, "that --data names");
  check_refused(run_octet({"eval", runs.path("run"), "--data", data, "--header", "maybe"}), 2,
                "Known: auto, yes, no");
  check_refused(
      run_octet({"eval", runs.path("run"), "--data", runs.file("alien.csv", "label,text\nbad,x\nugly,y\n")}),
      3, "alien.csv, line 3: unknown label 'ugly'");
  runs.file("data.csv", as_csv(own_texts({{"bad", 60}, {"good", 90}, {"odd", 9}})));
  check_refused(run_octet({"eval", runs.path("run")}), 3,
                "data.csv: its labels are not those that the run was trained on; the file has changed");
  const Outcome resumed = run_octet({"train", "--resume", runs.path("run")});
  CHECK(resumed.status == 6);
  CHECK(resumed.err.find("the run was trained on other data") != std::string::npos);
}
