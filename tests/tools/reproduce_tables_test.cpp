#include <cmath>

#include "core/error.h"
#include "tests/support/support.h"
#include "tools/reproduce_audit.h"
#include "tools/reproduce_gather.h"
#include "tools/reproduce_sizes.h"
#include "tools/reproduce_tables.h"
#include "tools/reproduce_view.h"

namespace octet::tools {
namespace {

using testing::TemporaryFolder;
using testing::write_file;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A made-up result: `loss` in all epochs.
GridResult made(const GridRun& run, double loss, double accuracy = 0.85) {
  GridResult result;
  result.run = run;
  result.status = "ok";
  result.config = run.config("cpu");
  result.build = "0.1.0";
  result.device_name = "cpu";
  result.data_sha256 = "aa";
  result.finished = "2026-01-02T03:04:05Z";
  result.peak_bytes = 1000;
  for (int64_t epoch = 1; epoch <= run.epochs; ++epoch) {
    EpochEvent event;
    event.epoch = epoch;
    event.val_loss = loss;
    event.val_accuracy = accuracy;
    event.seconds = 2;
    event.peak_bytes = 1000;
    result.epochs.push_back(event);
  }
  return result;
}

// Ten seeds of the IMDB grid. `loss` of a run's state.
template <class Loss>
std::vector<GridResult> imdb_results(Loss loss, double accuracy = 0.85) {
  std::vector<GridResult> results;
  for (const GridRun& run : runs_of({imdb_grid()}, 10)) {
    const double wobble =
        0.0005 * static_cast<double>((run.seed * 7 + static_cast<int64_t>(run.state) * 3) % 10);
    results.push_back(made(run, loss(run) + 0.01 * static_cast<double>(run.seed) + wobble, accuracy));
  }
  return results;
}

TEST_CASE("the grid has the columns of both tables, four states and pairs of seeds") {
  const auto runs = runs_of({sms_grid(), imdb_grid()}, 20);
  CHECK(runs.size() == 20 * (4 + 3 * 4));
  CHECK(runs[0].name() == "sms-100ep-fp32-seed1");
  CHECK(runs[15].name() == "imdb-6layers-5ep-blockwise8-v0.36-seed1");
  CHECK(runs[16].seed == 2);
  const TrainConfig fp32 = runs[0].config("cpu"), coded = runs[1].config("cpu"),
                    control = runs[2].config("cpu");
  CHECK(fp32.seed == coded.seed);
  CHECK(fp32.split_seed == coded.split_seed);
  CHECK(coded.second_moment == "dither");
  CHECK(coded.block_size == 256);
  CHECK(control.second_moment == "plain");
  CHECK(control.block_size == 2048);
  CHECK(sms_grid().columns[0].epoch == 50);
  CHECK(sms_grid().columns[1].epoch == 100);
  CHECK(!sms_grid().shortened());
  CHECK(sms_grid(10).shortened());
}

TEST_CASE("a table has means, paired differences and a verdict for each cell") {
  const auto results = imdb_results([](const GridRun& run) { return run.state == kV036 ? 0.55 : 0.33; });
  const ReproducedTable table = make_table(imdb_grid(), results, 10);
  REQUIRE(table.columns.size() == 3);
  const TableColumn& two = table.columns[0];
  CHECK(two.cells[kFp32].losses.size() == 10);
  CHECK(two.cells[kFp32].loss() == doctest::Approx(0.33 + 0.055 + 0.00225));
  CHECK(two.cells[kFp32].seconds == 10);
  CHECK(two.cells[kDefault8].to_fp32.pairs == 10);
  CHECK(two.cells[kDefault8].to_fp32.finding == Finding::Equal);
  CHECK(contains(two.cells[kDefault8].verdict, "the loss equals fp32's within 2 %"));
  CHECK(two.cells[kV036].to_fp32.finding == Finding::FarHigher);
  CHECK(contains(two.cells[kV036].verdict, "higher than fp32's, by +0.2"));
  CHECK(contains(table.verdict, "2 layers, 4 layers, 6 layers: free: equal to fp32 within 2 %"));
  // 0.588 was printed at 2 layers, 0.693 at 4: what lies near 0.6 explains the one and not the other.
  CHECK(contains(two.map_verdict, "and that explains the printed value"));
  CHECK(contains(table.columns[1].map_verdict, "higher than its control's"));
  CHECK(contains(table.columns[1].map_verdict, "but the size does not fit"));
}

TEST_CASE("the verdict on the map rests on v0.36 and its control alone") {
  // fp32 and the default are far off; the map does nothing.
  const auto results = imdb_results([](const GridRun& run) { return run.state < kControl ? 0.2 : 0.5; });
  const ReproducedTable table = make_table(imdb_grid(), results, 10);
  CHECK(contains(table.columns[0].map_verdict, "so the map explains nothing here"));
  const auto lower = imdb_results([](const GridRun& run) { return run.state == kV036 ? 0.3 : 0.5; });
  CHECK(contains(make_table(imdb_grid(), lower, 10).columns[0].map_verdict,
                 "so the map does not explain a higher loss"));
}

TEST_CASE("where nothing is learned the tie is no verdict, and says ln 2") {
  const auto results = imdb_results([](const GridRun&) { return std::log(2.0); }, 0.5);
  const ReproducedTable table = make_table(imdb_grid(), results, 10);
  CHECK(contains(table.columns[2].cells[kDefault8].verdict, "a tie that tells nothing"));
  CHECK(contains(table.columns[2].cells[kDefault8].verdict, "ln 2 is 0.6931"));
  CHECK(contains(table.verdict, "no verdict, as nothing is learned with either"));
  CHECK(contains(table.columns[2].map_verdict, "cannot be told, as no run learns"));
}

TEST_CASE("few runs, and runs that spread, are not enough, which is said with what they resolve") {
  auto results = imdb_results([](const GridRun&) { return 0.33; });
  std::erase_if(results, [](const GridResult& result) { return result.run.seed > 2; });
  ReproducedTable table = make_table(imdb_grid(), results, 10);
  CHECK(contains(table.columns[0].cells[kDefault8].verdict, "not enough runs: 2 pairs, a test needs 3"));
  CHECK(contains(table.verdict, "not enough runs for a verdict"));
  const auto wild = imdb_results([](const GridRun& run) {
    return 0.33 + (run.state == kDefault8 ? 0.1 * static_cast<double>(run.seed % 2) - 0.05 : 0);
  });
  table = make_table(imdb_grid(), wild, 10);
  CHECK(contains(table.columns[0].cells[kDefault8].verdict,
                 "not enough runs: 10 pairs resolve a margin of 0.0"));
  CHECK(contains(table.columns[0].cells[kDefault8].verdict, "pairs would show equality"));
  table = make_table(imdb_grid(), {}, 10);
  CHECK(contains(table.notes[0], "0 of 120 runs"));
  CHECK(contains(table.columns[0].map_verdict, "not enough runs"));
}

TEST_CASE("runs that end with values that are not finite are counted, and their pairs left out") {
  auto results = imdb_results([](const GridRun&) { return 0.33; });
  for (GridResult& result : results)
    if (result.run.state == kV036 && result.run.seed == 4)
      result.status = "non-finite", result.epochs.resize(2);
  const ReproducedTable table = make_table(imdb_grid(), results, 10);
  const TableCell& cell = table.columns[0].cells[kV036];
  CHECK(cell.failed == 1);
  CHECK(cell.to_fp32.pairs == 9);
  CHECK(contains(cell.verdict, "1 of 10 runs ended with values that are not finite"));
}

TEST_CASE("a result reads back as it was written, and any changed byte is noticed") {
  const GridRun run = runs_of({imdb_grid(2)}, 1)[6];
  const std::string text = format_result(made(run, 0.4));
  const GridResult back = parse_result(text);
  CHECK(back.run.name() == run.name());
  CHECK(format_result(back) == text);
  CHECK(back.seconds_until(1) == 2);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text.substr(0, text.size() - 1);
    if (i < damaged.size())
      damaged[i] = static_cast<char>(damaged[i] ^ 1);
    else
      damaged.resize(i / 2);
    bool noticed = false;
    try {
      (void)parse_result(damaged);
    } catch (const Error& error) {
      noticed = error.kind() == ErrorKind::Data;
    }
    if (!noticed) FAIL("byte " << i << " of " << text);
  }
  GridResult other = made(run, 0.4);
  other.config.lr = 0.5;
  CHECK_ERROR(ErrorKind::Data, "setting lr is not that of the experiment",
              (void)parse_result(format_result(other)));
  other = made(run, 0.4);
  other.epochs.pop_back();
  CHECK_ERROR(ErrorKind::Data, "has 1 epochs of 2", (void)parse_result(format_result(other)));
}

TEST_CASE("results of other data, devices and builds are refused, by name and with a remedy") {
  const auto runs = runs_of({imdb_grid(1)}, 1);
  const TemporaryFolder a, b;
  for (const TemporaryFolder* folder : {&a, &b}) std::filesystem::create_directories(*folder / "results");
  const auto put = [](const TemporaryFolder& folder, const GridResult& result) {
    write_file(result_path(folder.path().string(), result.run), format_result(result));
  };
  put(a, made(runs[0], 0.4));
  GridResult other = made(runs[1], 0.4);
  const auto gather = [&](const GridIdentity& identity = {}, bool any_build = false) {
    put(b, other);
    return gather_results(runs, a.path().string(), {b.path().string()}, identity, any_build);
  };
  CHECK(gather().results.size() == 2);
  other.data_sha256 = "bb";
  CHECK_ERROR(ErrorKind::Usage, "a result of data with SHA-256 bb, where the others are of aa",
              (void)gather());
  other = made(runs[1], 0.4);
  other.build = "0.2.0";
  CHECK_ERROR(ErrorKind::Usage, "--any-build", (void)gather());
  CHECK(gather({}, true).results.size() == 2);
  other = made(runs[1], 0.4);
  other.config.device = "cuda";
  CHECK_ERROR(ErrorKind::Usage, "device cuda", (void)gather());
  other = made(runs[1], 0.4);
  CHECK_ERROR(ErrorKind::Usage, "build 0.1.0, where the others are of 0.3.0",
              (void)gather({.build = "0.3.0", .device = "cpu", .sha256 = {}}));
  CHECK_ERROR(ErrorKind::Data, "no results in it",
              (void)gather_results(runs, a.path().string(), {"/nowhere"}, {}, false));
  // A file under another run's name is damage as well.
  write_file(result_path(b.path().string(), runs[2]), format_result(other));
  const GatheredResults gathered = gather();
  REQUIRE(gathered.warnings.size() == 1);
  CHECK(contains(gathered.warnings[0], "is the result of " + runs[1].name()));
}

TEST_CASE("all nine points of the audit hold, each with its arithmetic") {
  const std::vector<AuditPoint> points = audit({});
  REQUIRE(points.size() == 9);
  for (size_t i = 0; i < points.size(); ++i) {
    INFO(points[i].claim);
    CHECK(points[i].number == static_cast<int>(i) + 1);
    CHECK(points[i].steps.size() >= 2);
    CHECK(points[i].holds());
  }
  CHECK(contains(points[0].steps[0].arithmetic, "42,156,544 B / 2^20 x 10 = 402.04"));
  CHECK(contains(points[3].steps[0].arithmetic, "weighted p F1 = 0.6656"));
  CHECK(contains(points[5].steps[2].arithmetic, "saves 1.49 MiB"));
}

TEST_CASE("a run whose memory grows with its epochs breaks the first point") {
  const GridRun run = runs_of({sms_grid()}, 1)[0];
  GridResult result = made(run, 0.1);
  CHECK(audit({result})[0].holds());
  result.epochs.back().peak_bytes *= 2;
  CHECK(!audit({result})[0].holds());
}

TEST_CASE(
    "the models of the report have as many parameters as it says, and the memory cells their verdicts") {
  CHECK(fp32_state_bytes(sms_model()) == 8 * 359549);
  CHECK(fp32_state_bytes(imdb_model(6)) == 8 * 263809);
  CHECK(fp32_state_bytes(bert_model()) == 8 * int64_t{109486854});
  const std::vector<MemoryCell> cells = memory_audit();
  REQUIRE(cells.size() == 12);
  CHECK(cells[3].mebibytes == doctest::Approx(40.204));
  CHECK(cells[3].as_printed == "impossible");
  CHECK(cells[5].as_printed == "possible");
  CHECK(cells[7].as_printed == "possible");
  CHECK(cells[9].as_printed == "impossible by state alone");
  CHECK(contains(cells[9].why, "2.22 MiB saved; 8-bit state can save 1.49"));
}

TEST_CASE("JSON, Markdown and the page say the same, and escape what they hold") {
  const auto results = imdb_results([](const GridRun& run) { return run.state == kV036 ? 0.55 : 0.33; });
  Reproduction all{.tables = {make_table(imdb_grid(), results, 10)},
                   .memory = memory_audit(),
                   .audit = audit(results),
                   .command = "octet reproduce <imdb>"};
  const auto json = to_json(all);
  CHECK(json.at("tables")[0].at("columns").size() == 3);
  CHECK(json.at("tables")[0].at("columns")[0].at("cells")[3].at("to_fp32").at("finding") == "far higher");
  CHECK(json.at("audit").size() == 9);
  const std::string page = to_html(all), markdown = to_markdown(all), text = to_text(all);
  CHECK(contains(page, "octet reproduce &lt;imdb&gt;"));
  CHECK(!contains(page, "<imdb>"));
  for (const std::string& shown : {page, markdown, text}) {
    CHECK(contains(shown, "Table 2, IMDB"));
    CHECK(contains(shown, "TOST"));
    CHECK(contains(shown, "42,156,544"));
  }
  // With no results at all as well.
  all.tables = {make_table(sms_grid(), {}, 20)};
  CHECK(!contains(to_text(all) + to_html(all) + to_json(all).dump(), "nan"));
}

}  // namespace
}  // namespace octet::tools
