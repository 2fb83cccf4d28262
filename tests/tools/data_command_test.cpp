// octet data, run as users run it.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/datasets/http_server.h"
#include "tests/datasets/pack.h"
#include "tests/support/process.h"
#include "tests/support/support.h"

using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Outcome run(Arguments arguments, std::vector<std::string> environment = {}) {
  arguments.insert(arguments.begin(), octet_program());
  return run_process(arguments, environment);
}

std::vector<Json> json_lines(const std::string& text) {
  std::vector<Json> lines;
  for (size_t at = 0, end; at < text.size(); at = end + 1) {
    end = text.find('\n', at);
    lines.push_back(Json::parse(text.substr(at, end - at)));
  }
  return lines;
}

// The program where no data is to be found: away from its build folder and without a home.
struct Nowhere {
  TemporaryFolder folder;
  Nowhere() {
    fs::create_directories(folder / "bin");
    fs::copy_file(octet_program(), folder / "bin/octet");
  }
  Outcome run(const std::string& arguments) const {
    return run_process({"sh", "-c", "cd " + (folder / "bin").string() + " && ./octet " + arguments},
                       {"LD_LIBRARY_PATH=" OCTET_BINARY_DIR, "HOME=/no/home", "OCTET_DATA="});
  }
};

const std::string kSmall =
    "ham\tOn my way!\nspam\tWIN a prize, call now\nham\tOn my way!\nham\tdo n't wait\n"
    "spam\tFREE entry\nham\t\nham\tok\nham\tok then\n";

// A file with this content, and what `check` and `describe` say of it.
void check_bad(const std::string& name, const std::string& bytes, const Arguments& parts) {
  const TemporaryFolder folder;
  const std::string path = (folder / name).string();
  write_file(path, bytes);
  for (const char* command : {"check", "describe"}) {
    const Outcome said = run({"data", command, "sms", "--data", path});
    INFO(name << ", " << command << ": " << said.err);
    CHECK(said.status == 3);
    CHECK(said.out.empty());
    CHECK(has(said.err, path));
    for (const std::string& part : parts) CHECK(has(said.err, part));
    CHECK(std::count(said.err.begin(), said.err.end(), '\n') == 1);
  }
}

}  // namespace

TEST_CASE("the well-known files are recognised by their content") {
  const fs::path csv = NEED_DATA("sms_spam.csv"), uci = NEED_DATA("SMSSpamCollection");
  const TemporaryFolder folder;
  const fs::path renamed = folder / "mine.csv", zip = folder / "any.zip";
  fs::copy_file(csv, renamed);
  write_file(zip, pack(Pack::Zip, {{"readme", "x"}, {"SMSSpamCollection", read_file(uci)}}));
  for (const auto& [path, known] :
       {std::pair{csv, "sms_spam.csv"}, std::pair{renamed, "sms_spam.csv"},
        std::pair{uci, "SMSSpamCollection"}, std::pair{zip, "SMSSpamCollection"}}) {
    const Outcome said = run({"data", "check", "sms", "--data", path.string()});
    INFO(path << ": " << said.err);
    CHECK(said.status == 0);
    CHECK(has(said.out, path.string()));
    CHECK(has(said.out, "good, 5,574 rows, UTF-8"));
    CHECK(has(said.out, std::string("well-known file ") + known));
    const Json json = Json::parse(run({"data", "check", "sms", "--json", "--data", path.string()}).out);
    CHECK(json["status"] == "known");
    CHECK(json["known"] == known);
    CHECK(json["rows"] == 5574);
    CHECK(json["sha256"].get<std::string>().size() == 64);
  }
}

TEST_CASE("data of one's own is good, but not under the name of a well-known file") {
  const TemporaryFolder folder;
  write_file(folder / "own.txt", kSmall);
  const Outcome own = run({"data", "check", "sms", "--data", (folder / "own.txt").string()});
  CHECK(own.status == 0);
  CHECK(has(own.out, "good, 8 rows"));
  CHECK(has(own.out, "note: none of the well-known files"));

  write_file(folder / "SMSSpamCollection", kSmall);
  for (const fs::path& path : {folder / "SMSSpamCollection", folder.path()}) {
    const Outcome changed = run({"data", "check", "sms", "--json", "--data", path.string()});
    CHECK(changed.status == 3);
    CHECK(has(changed.err, "this is not the SMSSpamCollection that it is named after"));
    CHECK(has(changed.err, "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d"));
    CHECK(Json::parse(changed.out)["status"] == "changed");
  }
}

TEST_CASE("a corpus is described: rows, classes, repeats, lengths, vocabulary, histogram") {
  const fs::path csv = NEED_DATA("sms_spam.csv");
  const Outcome said = run({"data", "describe", "sms", "--data", csv.string()});
  CHECK(said.status == 0);
  for (const char* part :
       {"f68d2d3f7cf0d382f6f8c922484db8c496bd610d2ae69dfd619011fad2479b01", "UTF-8",
        "5,574: ham 4,827 (86.60 %), spam 747 (13.40 %)", "5,160 different; 414 rows repeat an earlier one",
        "4,180 training and 1,394 validation rows with seed 2021", "1,751 entries", "|####"}) {
    INFO(part);
    CHECK(has(said.out, part));
  }
  CHECK(!has(said.out, "generated"));

  const Outcome outcome = run({"data", "describe", "sms", "--data", csv.string(), "--json"});
  const Json json = Json::parse(outcome.out);
  CHECK(json["generated"] == false);
  CHECK(json["rows"] == 5574);
  CHECK(json["classes"] == Json{{"ham", 4827}, {"spam", 747}});
  CHECK(json["distinct_texts"] == 5160);
  CHECK(json["vocabulary"]["entries"] == 1751);
  CHECK(json["vocabulary"]["training_rows"] == 4180);
  const double unknown = json["vocabulary"]["unknown_share_training"];
  CHECK(unknown > 0.1);
  CHECK(unknown < 0.2);
}

TEST_CASE("the IMDB corpus is checked, and described by its words, its split and its vocabulary") {
  const fs::path packed = NEED_DATA("imdb_50k.csv.xz");
  const Json check = Json::parse(run({"data", "check", "imdb", "--json", "--data", packed.string()}).out);
  CHECK(check["status"] == "known");
  CHECK(check["known"] == "imdb_50k.csv");
  CHECK(check["rows"] == 50'000);
  const Outcome said = run({"data", "describe", "imdb", "--json", "--data", packed.string()});
  CHECK(said.status == 0);
  const Json json = Json::parse(said.out);
  CHECK(json["classes"] == Json{{"negative", 25'000}, {"positive", 25'000}});
  CHECK(json["distinct_texts"] == 49'582);
  CHECK(json["ambiguous_texts"] == 0);
  CHECK(json["tokens"]["total"] == 6'077'649);
  CHECK(json["vocabulary"]["entries"] == 1001);
  CHECK(json["vocabulary"]["training_rows"] == 37'500);
  CHECK(json["vocabulary"]["validation_rows"] == 12'500);
  const double unknown = json["vocabulary"]["unknown_share_validation"];
  CHECK(unknown > 0.35);
  CHECK(unknown < 0.5);
}

TEST_CASE("reviews of one's own are described exactly, and bad ones are named") {
  const TemporaryFolder folder;
  const std::string path = (folder / "own.csv").string();
  const std::string head = "review,sentiment\n";
  write_file(path,
             head +
                 "A good film,positive\n\"Bad, bad film\",negative\nthe,positive\n\"No!<br />\",negative\n" +
                 "film film film,positive\nworst,negative\n");
  const Json json =
      Json::parse(run({"data", "describe", "imdb", "--json", "--vocabulary-size", "2", "--data", path}).out);
  CHECK(json["rows"] == 6);
  CHECK(json["tokens"]["total"] == 2 + 3 + 0 + 1 + 3 + 1);
  CHECK(json["tokens"]["shortest"] == 0);
  CHECK(json["vocabulary"]["entries"] == 3);
  for (const auto& [bytes, part] :
       {std::pair{"review,sentiment\na,good\n", "line 2: unknown label 'good'"},
        std::pair{"text,label\na,positive\n", "line 1: not an IMDB corpus"},
        std::pair{"review,sentiment\n\"a,positive\n", "line 2: a quote is opened here and never closed"},
        std::pair{"review,sentiment\na,positive\nb,negative\n", "label 0 has a single row"}}) {
    write_file(path, bytes);
    const Outcome said = run({"data", "describe", "imdb", "--data", path});
    INFO(said.err);
    CHECK(said.status == 3);
    CHECK(has(said.err, part));
    CHECK(std::count(said.err.begin(), said.err.end(), '\n') == 1);
  }
}

TEST_CASE("the vocabulary follows --min-freq and --split-seed") {
  const fs::path csv = NEED_DATA("sms_spam.csv");
  const auto vocabulary = [&](const Arguments& flags) {
    Arguments arguments = {"data", "describe", "sms", "--json", "--data", csv.string()};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return Json::parse(run(arguments).out)["vocabulary"];
  };
  const Json all = vocabulary({"--min-freq", "1"}), other = vocabulary({"--split-seed", "7"});
  CHECK(all["entries"] > 5000);
  CHECK(all["unknown_share_training"] == 0.0);
  CHECK(all["unknown_share_validation"] > 0.0);
  CHECK(other["hash"] != vocabulary({})["hash"]);
  CHECK(vocabulary({"--min-freq", "1000000"})["entries"] == 2);  // <unk> and <pad>
}

TEST_CASE("a small file is described exactly") {
  const TemporaryFolder folder;
  write_file(folder / "own.txt", kSmall);
  const Json json =
      Json::parse(run({"data", "describe", "sms", "--json", "--data", (folder / "own.txt").string()}).out);
  CHECK(json["rows"] == 8);
  CHECK(json["classes"] == Json{{"ham", 6}, {"spam", 2}});
  CHECK(json["distinct_texts"] == 7);
  CHECK(json["empty_texts"] == 1);
  CHECK(json["tokens"]["total"] == 4 + 6 + 4 + 3 + 2 + 0 + 1 + 2);
  CHECK(json["tokens"]["shortest"] == 0);
  CHECK(json["tokens"]["longest"] == 6);
}

TEST_CASE("without data, list and check say how to get it, and every line of describe says generated") {
  const Nowhere nowhere;
  const Outcome list = nowhere.run("data list");
  CHECK(list.status == 0);
  CHECK(has(list.out, "not found: octet data fetch sms\n"));
  CHECK(has(list.out, "CC BY 4.0"));
  CHECK(has(list.out, "not found: octet data fetch glove\n"));
  const std::vector<Json> lines_of_json = json_lines(nowhere.run("data list --json").out);
  CHECK(lines_of_json.size() == 3);
  for (const Json& json : lines_of_json) {
    CHECK(json["found"] == false);
    CHECK(json["path"].is_null());
  }

  const Outcome check = nowhere.run("data check sms");
  CHECK(check.status == 3);
  CHECK(has(check.err, "octet data fetch sms"));

  const Outcome describe = nowhere.run("data describe sms");
  CHECK(describe.status == 0);
  CHECK(has(describe.out, "5,574: ham 4,827"));
  int lines = 0;
  for (size_t at = 0, end; at < describe.out.size(); at = end + 1, ++lines) {
    end = describe.out.find('\n', at);
    CHECK(describe.out.substr(at, 9) == "generated");
  }
  CHECK(lines > 15);
  CHECK(Json::parse(nowhere.run("data describe sms --json").out)["generated"] == true);
}

TEST_CASE("list shows where a data set was found") {
  const TemporaryFolder folder;
  write_file(folder / "SMSSpamCollection", kSmall);
  const std::string environment = "OCTET_DATA=" + folder.path().string();
  const Outcome said = run({"data", "list"}, {environment});
  CHECK(said.status == 0);
  CHECK(has(said.out, "found   " + (folder / "SMSSpamCollection").string() + ", " +
                          std::to_string(kSmall.size()) + " B\n"));
  const Json json = json_lines(run({"data", "list", "--json"}, {environment}).out).at(0);
  CHECK(json["name"] == "sms");
  CHECK(json["bytes"] == kSmall.size());
  CHECK(json["fetch"] == "octet data fetch sms");
  const Outcome missing = run({"data", "list"}, {"OCTET_DATA=/no/such/folder"});
  CHECK(missing.status == 3);
  CHECK(has(missing.err, "OCTET_DATA=/no/such/folder: no such file"));
}

TEST_CASE("bad input exits 3 with the file, the line and the reason") {
  check_bad("empty.csv", "", {"the file is empty"});
  check_bad("junk.bin", std::string("\1\0\2\tx\n", 6), {"binary data"});
  check_bad("words.txt", "just some words\n", {"line 1: not an SMS corpus"});
  check_bad("columns.txt", "ham\tone\nspam\ttwo\nham\tthree\tfour\n", {"line 3: 2 columns wanted, 3 found"});
  check_bad("columns.csv", "type,text\nham,one\nspam\n", {"line 3: 2 columns wanted, 1 found"});
  check_bad("label.txt", "ham\tone\nspma\ttwo\n", {"line 2: unknown label 'spma'"});
  check_bad("one.txt", "ham\tone\nham\ttwo\n", {"all 2 rows are labelled 'ham'"});
  check_bad("header.csv", "type,text\n", {"no rows are left"});
  check_bad("quote.csv", "type,text\nham,\"one\nspam,two\n",
            {"line 2: a quote is opened here and never closed"});
  check_bad("utf8.txt", "ham\t\xc3\xa9\xc3\xa9 caf\xc3\nspam\tx\n", {"line 1: byte 12"});
  const std::string zip = pack(Pack::Zip, {{"SMSSpamCollection", kSmall}});
  check_bad("cut.zip", zip.substr(0, zip.size() / 2), {"truncated"});
  check_bad("other.zip", pack(Pack::Zip, {{"readme", "x"}}), {"holds readme"});
}

TEST_CASE("a path that cannot be read exits 3") {
  const TemporaryFolder folder;
  Outcome said = run({"data", "check", "sms", "--data", (folder / "absent").string()});
  CHECK(said.status == 3);
  CHECK(has(said.err, "absent: no such file"));
  said = run({"data", "describe", "sms", "--data", folder.path().string()});
  CHECK(said.status == 3);
  CHECK(has(said.err, "the folder holds none of sms_spam.csv, SMSSpamCollection"));
}

TEST_CASE("unknown names and flags exit 2 with the nearest") {
  const auto check_usage = [](const Arguments& arguments, const std::string& part) {
    const Outcome said = run(arguments);
    INFO(said.err);
    CHECK(said.status == 2);
    CHECK(has(said.err, part));
    CHECK(said.out.empty());
  };
  check_usage({"data"}, "known are list, check, describe, fetch");
  check_usage({"data", "descirbe"}, "unknown command 'descirbe', did you mean 'describe'?");
  check_usage({"data", "--josn"}, "unknown flag '--josn'");
  check_usage({"data", "check", "smss"}, "unknown name 'smss', did you mean 'sms'?");
  check_usage({"data", "fetch", "imagenet"}, "unknown name 'imagenet'. Known: sms, imdb, glove");
  check_usage({"data", "fetch"}, "which data set? Known: sms, imdb, glove");
  check_usage({"data", "check", "glove"}, "unknown name 'glove'. Known: sms, imdb");
  check_usage({"data", "describe"}, "which data set? Known: sms, imdb");
  check_usage({"data", "describe", "sms", "--min-frq", "3"}, "did you mean '--min-freq'?");
  check_usage({"data", "describe", "sms", "--min-freq", "0"}, "--min-freq 0: must be at least 1");
  check_usage({"data", "describe", "sms", "--min-freq", "nan"}, "--min-freq nan");
  check_usage({"data", "describe", "sms", "--split-seed", "-1"}, "--split-seed -1");
  check_usage({"data", "list", "sms"}, "unexpected argument 'sms'");
}

TEST_CASE("fetch keeps nothing that is not the known file, and says what was wrong") {
  const TemporaryFolder folder;
  const auto fetch = [&](const std::string& url, const std::string& to) {
    return run({"data", "fetch", "sms", "--url", url, "--to", to}, {"no_proxy=127.0.0.1"});
  };
  const std::string to = (folder / "cache").string();
  {
    HttpServer server(std::string(203415, 'x'));  // of the right size
    const Outcome said = fetch(server.url(), to);
    CHECK(said.status == 3);
    CHECK(has(said.out, "CC BY 4.0"));
    CHECK(has(said.err, "1587ea43e58e82b14ff1f5425c88e17f8496bfcdb67a583dbff9eefaf9963ce3 is known"));
    CHECK(fs::is_empty(to));
  }
  {
    HttpServer server(std::string("tiny"));
    const Outcome said = fetch(server.url(), to);
    CHECK(said.status == 3);
    CHECK(has(said.err, "203415 are known of this file"));
    CHECK(fs::is_empty(to));
  }
  {
    HttpServer server("x", {.status = 404});
    const Outcome said = fetch(server.url(), to);
    CHECK(said.status == 3);
    CHECK(has(said.err, "404"));
  }
  CHECK(fetch("http://127.0.0.1:1/x", to).status == 3);  // nobody listens there
}

TEST_CASE("fetch into a folder that cannot be made exits 1") {
  const TemporaryFolder folder;
  write_file(folder / "file", "x");
  const Outcome said =
      run({"data", "fetch", "sms", "--url", "http://127.0.0.1:1/x", "--to", (folder / "file/sub").string()});
  CHECK(said.status == 1);
  CHECK(has(said.err, "cannot create the folder"));
}

TEST_CASE("help of every data command names its flags, defaults and an example") {
  CHECK(has(run({"data", "--help"}).out, "Usage: octet data COMMAND"));
  for (const char* command : {"list", "check", "describe", "fetch"}) {
    const Outcome said = run({"data", command, "--help"});
    INFO(said.out);
    CHECK(said.status == 0);
    CHECK(has(said.out, std::string("Usage: octet data ") + command));
    CHECK(has(said.out, std::string("Example:\n  octet data ") + command));
    CHECK(has(said.out, "--json"));
  }
  CHECK(has(run({"data", "describe", "--help"}).out, "[5]"));
}
