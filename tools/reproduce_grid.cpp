#include "tools/reproduce_grid.h"

#include <iterator>

#include "tools/tasks.h"

namespace octet::tools {

Grid sms_grid(int64_t epochs) {
  Grid grid{.task = "sms", .title = "Table 1, SMS", .epochs = epochs, .planned_epochs = 100};
  for (const bool last : {false, true}) {
    const int64_t epoch = last ? epochs : (epochs + 1) / 2;
    grid.columns.push_back(
        {std::to_string(epoch) + (epoch == 1 ? " epoch" : " epochs"), 2, epoch, &kPrintedSms[last]});
  }
  grid.chance_accuracy = 4827.0 / 5574;  // ham
  return grid;
}

Grid imdb_grid(int64_t epochs) {
  Grid grid{.task = "imdb", .title = "Table 2, IMDB", .epochs = epochs, .planned_epochs = 5};
  for (size_t i = 0; i < std::size(kPrintedImdb); ++i)
    grid.columns.push_back(
        {kPrintedImdb[i].column, static_cast<int64_t>(2 * i + 2), epochs, &kPrintedImdb[i]});
  grid.chance_accuracy = 0.5;
  return grid;
}

std::string GridRun::cell() const {
  return task + (task == "imdb" ? "-" + std::to_string(layers) + "layers" : "") + "-" +
         std::to_string(epochs) + "ep";
}

std::string GridRun::name() const {
  return cell() + "-" + std::string(kGridStates[state].name) + "-seed" + std::to_string(seed);
}

TrainConfig GridRun::config(const std::string& device) const {
  TrainConfig config;
  config.task = task;
  task_of(config).defaults(config);
  config.device = device;
  config.layers = layers;
  config.epochs = epochs;
  config.seed = seed;
  config.state = kGridStates[state].codec;
  if (kGridStates[state].plain_2048) config.second_moment = "plain", config.block_size = 2048;
  return config;
}

std::vector<std::string> GridRun::flags(const std::string& device) const {
  std::vector<std::string> flags = {task,
                                    "--device",
                                    device,
                                    "--layers",
                                    std::to_string(layers),
                                    "--epochs",
                                    std::to_string(epochs),
                                    "--seed",
                                    std::to_string(seed),
                                    "--state",
                                    std::string(kGridStates[state].codec)};
  if (kGridStates[state].plain_2048)
    flags.insert(flags.end(), {"--second-moment", "plain", "--block-size", "2048"});
  return flags;
}

std::vector<GridRun> runs_of(const std::vector<Grid>& grids, int64_t seeds) {
  std::vector<GridRun> runs;
  for (int64_t seed = 1; seed <= seeds; ++seed)
    for (const Grid& grid : grids)
      for (size_t i = 0; i < grid.columns.size(); ++i) {
        // Columns that are epochs of the same run have one run.
        if (i > 0 && grid.columns[i].layers == grid.columns[i - 1].layers) continue;
        for (size_t state = 0; state < std::size(kGridStates); ++state)
          runs.push_back({grid.task, grid.columns[i].layers, grid.epochs, state, seed});
      }
  return runs;
}

}  // namespace octet::tools
