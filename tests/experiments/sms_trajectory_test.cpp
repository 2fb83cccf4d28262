// Forty steps of the SMS experiment against PyTorch: same weights, same batches, dropout 0.

#include <cmath>
#include <nlohmann/json.hpp>

#include "autograd/functions.h"
#include "core/safetensors.h"
#include "datasets/batches.h"
#include "datasets/sha256.h"
#include "nn/models/lstm_classifier.h"
#include "optim/optimizer.h"
#include "tests/support/support.h"
#include "tools/text_data.h"

using namespace octet;
using Json = nlohmann::json;

namespace {

struct Texts {
  std::vector<std::vector<int32_t>> sequences;  // by row of the corpus
  std::vector<int32_t> labels;
};

Variable mean_loss(const LstmClassifier& model, const Texts& texts, const std::vector<int32_t>& rows,
                   DType dtype) {
  std::vector<std::span<const int32_t>> sequences;
  std::vector<double> targets;
  for (const int32_t row : rows) {
    sequences.emplace_back(texts.sequences[static_cast<size_t>(row)]);
    targets.push_back(texts.labels[static_cast<size_t>(row)]);
  }
  const Variable logits = model.forward(pack_ids(sequences, Device::cpu()), nullptr);
  const Tensor target =
      Tensor::from(targets, {static_cast<int64_t>(rows.size()), 1}).to(dtype, MemoryTag::Data);
  return binary_cross_entropy(logits, target);
}

double relative(double x, double reference) { return std::abs(x - reference) / std::abs(reference); }

double weight_norm(const Module& model) {
  double squares = 0;
  for (const NamedParameter& p : model.parameters())
    for (const double w : p.variable.value().to(DType::F64, MemoryTag::Data).to_vector<double>())
      squares += w * w;
  return std::sqrt(squares);
}

void check_run(const std::string& precision, const Json& golden, const TensorFile& weights,
               const Texts& texts, const std::vector<int32_t>& validation, double tolerance) {
  CAPTURE(precision);
  const DType dtype = precision == "float64" ? DType::F64 : DType::F32;
  const Json& expected = golden.at(precision);
  LstmClassifier model({.vocabulary = 1751, .dropout = 0}, Init{Rng(1), Device::cpu(), dtype});
  model.load(weights, "sms_trajectory.safetensors");
  CHECK(model.parameter_count() == golden.at("parameters").get<int64_t>());
  CHECK(relative(weight_norm(model), golden.at("initial_weight_norm").get<double>()) < 1e-6);

  optim::HyperParameters hyper;
  hyper.lr = 1e-3;
  optim::GroupOptions options;
  options.codec = dtype == DType::F64 ? "fp64" : "fp32";
  options.hyper = hyper;
  optim::Optimizer optimizer({{model.parameters(), options}});
  double worst_loss = 0, worst_norm = 0;
  for (size_t step = 0; step < 40; ++step) {
    optimizer.zero_grad();
    const Variable loss = mean_loss(model, texts, golden["batches"][step].get<std::vector<int32_t>>(), dtype);
    loss.backward();
    if (step == 0)
      for (const NamedParameter& p : model.parameters()) {
        double squares = 0;
        for (const double g : p.variable.grad().to(DType::F64, MemoryTag::Data).to_vector<double>())
          squares += g * g;
        CAPTURE(p.name);
        CHECK(relative(std::sqrt(squares), expected["first_grad_norms"].at(p.name).get<double>()) <
              tolerance);
      }
    optimizer.step();
    worst_loss = std::max(worst_loss, relative(loss.value().item(), expected["losses"][step].get<double>()));
    worst_norm =
        std::max(worst_norm, relative(optimizer.grad_norm(), expected["grad_norms"][step].get<double>()));
  }
  MESSAGE(precision << ": largest relative difference of a loss " << worst_loss << ", of a gradient norm "
                    << worst_norm);
  CHECK(worst_loss < tolerance);
  CHECK(worst_norm < tolerance * 10);
  CHECK(relative(weight_norm(model), expected["final_weight_norm"].get<double>()) < tolerance);

  const NoGrad no_grad;
  std::vector<int32_t> lengths;
  for (const int32_t row : validation)
    lengths.push_back(static_cast<int32_t>(texts.sequences[static_cast<size_t>(row)].size()));
  double sum = 0;
  const std::vector<Batch> batches = sorted_batches(lengths, 64);
  for (const Batch& batch : batches) {
    std::vector<int32_t> rows;
    for (const int32_t i : batch.rows) rows.push_back(validation[static_cast<size_t>(i)]);
    sum += mean_loss(model, texts, rows, dtype).value().item();
  }
  const Json& after = expected.at("validation_after");
  CHECK(static_cast<int64_t>(batches.size()) == after.at("batches").get<int64_t>());
  CHECK(relative(sum / static_cast<double>(batches.size()), after.at("mean_of_batch_means").get<double>()) <
        tolerance);
}

}  // namespace

TEST_CASE("forty steps of SMS training follow PyTorch in float64 and float32") {
  const Json golden = Json::parse(octet::testing::read_file(NEED_GOLDEN("sms_trajectory.json")));
  const TensorFile weights = read_safetensors(NEED_GOLDEN("sms_trajectory.safetensors").string());
  tools::TrainConfig config;
  config.task = "sms";
  config.data = NEED_DATA("sms_spam.csv").string();
  const tools::TextData data = tools::load_text_data(config);
  // Back from the split to the rows of the corpus, which the golden batches name.
  const std::string split = octet::testing::read_file(NEED_GOLDEN("sms_split.csv"));
  Texts texts;
  texts.sequences.resize(5574);
  texts.labels.resize(5574);
  std::vector<int32_t> validation;
  size_t order = 0;
  for (size_t begin = split.find('\n') + 1; begin < split.size();
       begin = split.find('\n', begin) + 1, ++order) {
    const size_t comma = split.find(',', begin);
    const auto row = static_cast<size_t>(std::stoi(split.substr(comma + 1)));
    const bool train = order < data.train.sequences.size();
    const tools::EncodedTexts& part = train ? data.train : data.validation;
    const size_t at = train ? order : order - data.train.sequences.size();
    texts.sequences[row] = part.sequences[at];
    texts.labels[row] = part.labels[at];
    if (!train) validation.push_back(static_cast<int32_t>(row));
  }
  REQUIRE(order == 5574);

  std::string ids;
  for (size_t step = 0; step < 40; ++step)
    for (const int32_t row : golden["batches"][step].get<std::vector<int32_t>>())
      ids.append(reinterpret_cast<const char*>(texts.sequences[static_cast<size_t>(row)].data()),
                 texts.sequences[static_cast<size_t>(row)].size() * sizeof(int32_t));
  CHECK(sha256_hex(ids) == golden.at("ids_int32_le_sha256").get<std::string>());

  check_run("float64", golden, weights, texts, validation, 1e-8);
  check_run("float32", golden, weights, texts, validation, 1e-4);
}
