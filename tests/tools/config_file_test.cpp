#include "tools/config_file.h"
#include "tests/support/support.h"
#include "tests/tools/train_flags.h"
#include "tools/toml.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;

namespace {

struct Rejected {
  const char *text, *message;
};

TrainConfig from_text(const std::string& text) {
  TrainConfig config;
  apply_toml(config, text, "run.toml");
  return config;
}

}  // namespace

TEST_CASE("a config file sets fields, with comments, blanks, either dash and arrays over lines") {
  const TrainConfig c = from_text(
      "\xef\xbb\xbf# a run\r\n"
      "\n"
      "task = \"sms\"   # the task\n"
      "  epochs=5\r\n"
      "batch-size = 1_28\n"
      "lr = 1e-3\n"
      "out = 'C:\\raw'\n"
      "data = \"tab\\t, quote \\\", \\u00e9 \\U0001F600\"\n"
      "state_override = [\n  \"a=fp32\", # first\n  'b=bf16',\n]\n"
      "json = true");
  CHECK(c.task == "sms");
  CHECK(c.epochs == 5);
  CHECK(c.batch_size == 128);
  CHECK(c.lr == 1e-3);
  CHECK(c.out == "C:\\raw");
  CHECK(c.data == "tab\t, quote \", \xc3\xa9 \xf0\x9f\x98\x80");
  CHECK(c.state_override == std::vector<std::string>{"a=fp32", "b=bf16"});
  CHECK(c.json);
  CHECK(from_text("") == TrainConfig());
}

TEST_CASE("flags win over the config file, and the file over the defaults") {
  const TemporaryFolder folder;
  write_file(folder / "run.toml", "epochs = 5\nlr = 0.01\n");
  const TrainConfig c = parse_flags({"--config", (folder / "run.toml").string(), "--epochs", "7"});
  CHECK(c.epochs == 7);
  CHECK(c.lr == 0.01);
  CHECK(c.seed == 2021);
}

TEST_CASE("an unknown key is a usage error with its line and the nearest key") {
  CHECK_ERROR(ErrorKind::Usage, "run.toml:3: unknown key 'epoch', did you mean 'epochs'?",
              from_text("# x\nlr = 0.1\nepoch = 5\n"));
  CHECK_ERROR(ErrorKind::Usage, "run.toml:5: unknown key 'zzzzzz'; known: task, optimizer",
              from_text("state_override = [\n'a=fp32'\n]\n\nzzzzzz = 1\n"));
}

TEST_CASE("a value that does not fit is a usage error with its line") {
  const Rejected table[] = {
      {"lr = nan", "run.toml:1: lr = nan: must be greater than 0 and at most 100"},
      {"\nepochs = -5", "run.toml:2: epochs = -5: must be at least 1 and at most 1000000"},
      {"epochs = \"5\"", "run.toml:1: epochs = \"5\": must be a whole number"},
      {"epochs = ['5']", "run.toml:1: epochs = [...]: must be a whole number"},
      {"optimizer = adam", "run.toml:1: optimizer = adam: must be a name in quotes"},
      {"optimizer = \"adm\"", "run.toml:1: optimizer: unknown name 'adm', did you mean 'adam'?"},
      {"json = 1", "run.toml:1: json = 1: must be true or false"},
      {"state_override = \"a=fp32\"", "must be an array of texts in quotes"},
  };
  for (const Rejected& row : table) {
    INFO(row.text);
    CHECK_ERROR(ErrorKind::Usage, row.message, from_text(row.text));
  }
}

TEST_CASE("what is not a setting is rejected by line") {
  const Rejected table[] = {
      {"[table]\n", "run.toml:1: settings are not in tables"},
      {"lr\n", "run.toml:1: 'lr' must be followed by '='"},
      {"lr =\n", "run.toml:1: the value is missing"},
      {"= 5\n", "run.toml:1: a line must be a key"},
      {"lr = 0.1 0.2\n", "run.toml:1: unexpected text after the value of 'lr'"},
      {"out = \"abc\n", "run.toml:1: a text in quotes does not end in its line"},
      {"out = \"a\\q\"", "run.toml:1: unknown escape '\\q'"},
      {"out = \"\\uD800\"", "unknown escape '\\u'"},
      {"out = \"\\u12", "unknown escape '\\u'"},
      {"state_override = [1]", "an array must hold texts"},
      {"state_override = ['a=fp32' 'b=fp32']", "must be separated by ','"},
      {"state_override = ['a=fp32',", "an array must hold texts in quotes and end with ']'"},
      {"lr = 0.1\nepochs = 3\nlr = 0.2\n", "run.toml:3: 'lr' was already set in line 1"},
      {"out = \"\\", "unknown escape"},
  };
  for (const Rejected& row : table) {
    INFO(row.text);
    CHECK_ERROR(ErrorKind::Usage, row.message, from_text(row.text));
  }
}

TEST_CASE("arbitrary bytes are parsed or rejected, never worse") {
  // Every prefix and every one-byte change of a file that uses all of the syntax.
  const std::string good = "a = 1_0 # c\r\n'b' = \"\\u00e9\\n\"\nc = ['x', \"y\"]\n";
  int accepted = 0, rejected = 0;
  const auto attempt = [&](const std::string& text) {
    try {
      parse_toml(text, "x");
      ++accepted;
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Usage);
      ++rejected;
    }
  };
  for (size_t n = 0; n <= good.size(); ++n) attempt(good.substr(0, n));
  for (size_t i = 0; i < good.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = good;
      text[i] = static_cast<char>(byte);
      attempt(text);
    }
  }
  CHECK(accepted > 1000);
  CHECK(rejected > 1000);
}

TEST_CASE("a config file that is missing or a folder is a data error with its path") {
  const TemporaryFolder folder;
  TrainConfig c;
  CHECK_ERROR(ErrorKind::Data, "no.toml: cannot read the config file: No such file or directory",
              apply_config_file(c, (folder / "no.toml").string()));
  CHECK_ERROR(ErrorKind::Data, "is a folder", apply_config_file(c, folder.path().string()));
}
