// The settings of a training run. One visit() names every field once; flags, --help, config files, the JSON
// log and checkpoints all go through it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/fields.h"

namespace octet::tools {

// The names that `train` accepts.
inline constexpr std::string_view kTasks[] = {"sms", "imdb", "text"};
inline constexpr std::string_view kModels[] = {"bag", "lstm", "bilstm"};
inline constexpr std::string_view kOptimizers[] = {"adam",    "adamw",   "ademamix",  "lion",
                                                   "rmsprop", "adagrad", "momentum",  "sgd",
                                                   "lamb",    "lars",    "adafactor", "muon"};
inline constexpr std::string_view kCodecs[] = {"fp32",        "bf16",       "blockwise8",      "linear8",
                                               "tensorwise8", "blockwise4", "blockwise8-v0.36"};
inline constexpr std::string_view kSecondMoments[] = {"dither", "floor", "plain"};
inline constexpr std::string_view kRoundings[] = {"nearest", "stochastic"};
inline constexpr std::string_view kWeightTypes[] = {"fp32", "bf16"};
inline constexpr std::string_view kEmbeddingLayers[] = {"plain", "stable"};
inline constexpr std::string_view kBatchings[] = {"bucketed", "shuffled"};
inline constexpr std::string_view kPaddings[] = {"none", "left"};
inline constexpr std::string_view kEnds[] = {"first", "last"};
inline constexpr std::string_view kHeaders[] = {"auto", "yes", "no"};
inline constexpr std::string_view kClassWeights[] = {"none", "balanced"};
inline constexpr std::string_view kBests[] = {"loss", "accuracy", "macro-f1"};
inline constexpr std::string_view kDevices[] = {"cpu", "cuda"};
inline constexpr std::string_view kSchedules[] = {"constant", "linear", "cosine"};
inline constexpr std::string_view kNonfinitePolicies[] = {"stop", "skip"};
inline constexpr std::string_view kPrecisions[] = {"fp32", "tf32",
                                                   "bf16"};  // in the order of MatmulPrecision

struct TrainConfig {
  std::string task;  // empty: not named
  std::string optimizer = "adam";
  std::string state = "fp32";
  int64_t epochs = 50;
  int64_t seed = 2021;
  int64_t split_seed = 2021;
  std::string device = "cpu";
  std::string data;
  std::string out;
  std::string log;
  std::string tensorboard;
  std::string text_column;
  std::string label_column;
  std::string header = "auto";
  bool skip_empty = false;
  std::string positive;
  std::string negative;
  std::string validation_data;
  std::string test_data;
  double validation_share = 0.25;
  double test_share = 0;
  int64_t batch_size = 64;
  std::string batching = "bucketed";
  double lr = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  double dampening = 0;
  bool nesterov = false;
  double alpha = 0.99;
  bool centered = false;
  double beta3 = 0.9999;
  double alpha_slow = 5;
  int64_t t_alpha = 0;
  int64_t t_beta3 = 0;
  std::vector<std::string> no_decay;
  double clip_value = 0;
  double trust_coefficient = 1e-3;
  double max_trust = 0;
  double eps2 = 1e-3;
  double clip_threshold = 1;
  double decay_rate = 0.8;
  bool fixed_step = false;
  bool unfactored = false;
  double clip_norm = 0;
  double clip_percentile = 0;
  int64_t accumulate = 1;
  double ema = 0;
  std::string schedule = "constant";
  int64_t warmup_steps = 0;
  std::string second_moment = "dither";
  std::string rounding = "nearest";
  int64_t block_size = 256;
  int64_t min_8bit_size = 4096;
  std::vector<std::string> state_override;
  std::string weight_dtype = "fp32";
  std::string weight_rounding = "stochastic";
  std::string on_nonfinite = "stop";
  int64_t threads = 0;
  int64_t embedding = 100;
  std::string embedding_layer = "plain";
  std::string glove;
  bool freeze_embedding = false;
  int64_t hidden = 64;
  int64_t layers = 2;
  double dropout = 0.2;
  double head_dropout = 0;
  std::string model = "bilstm";
  int64_t min_freq = 5;
  int64_t max_words = 0;
  int64_t max_length = 0;
  std::string keep = "first";
  std::string padding = "none";
  std::string class_weights = "none";
  int64_t patience = 0;
  std::string best_by = "loss";
  std::string precision = "fp32";
  int64_t log_every = 0;
  std::string resume;
  bool json = false;

  bool operator==(const TrainConfig&) const = default;

  // Calls v(Field, member, constraint) for every field in the order of --help.
  template <class V>
  void visit(V&& v) {
    using enum Affects;
    const auto in = [&v](std::string_view group) {
      return [&v, group](Field field, auto& member, const auto& constraint) {
        field.group = group;
        v(field, member, constraint);
      };
    };
    const auto run = in("Run and output"), data_ = in("Data"), model_ = in("Model"),
               training = in("Training"), rule = in("Update rule"),
               state_ = in("Optimizer state and weights");
    constexpr Range probability{.low = 0, .high = 1, .below_high = true};
    constexpr Range seeds{0, 0x1p53};  // whole numbers that every reader of JSON keeps exact
    run(Field{"task", "what to train", Numbers, true}, task, Choice{kTasks});
    rule(Field{"optimizer", "update rule; some have defaults of their own, named below"}, optimizer,
         Choice{kOptimizers});
    state_(Field{"state", "how optimizer state is stored", StateFormat}, state, Choice{kCodecs});
    training(Field{"epochs", "passes over the training rows"}, epochs, Range{1, 1e6});
    run(Field{"seed", "seed of initialisation, batches and dropout"}, seed, seeds);
    data_(Field{"split_seed", "seed of the split into training and validation rows"}, split_seed, seeds);
    run(Field{"device", "where to compute"}, device, Choice{kDevices});
    data_(Field{"data", "file or folder of the data set; empty: look in the usual places", RunOnly}, data,
          Text{"PATH"});
    run(Field{"out",
              "folder for weights, checkpoint, config, vocabulary and log; empty: octet-run, or octet-run-2 "
              "... if taken",
              RunOnly},
        out, Text{"DIR"});
    run(Field{"log", "JSON Lines file; empty: log.jsonl in the --out folder", RunOnly}, log, Text{"FILE"});
    run(Field{"tensorboard",
              "folder for event files of TensorBoard, which a new one is added to; empty: none", RunOnly},
        tensorboard, Text{"DIR"});
    data_(Field{"text_column", "text: name or number (from 1) of the column with the texts; empty: guessed"},
          text_column, Text{"COLUMN"});
    data_(Field{"label_column", "text: name or number of the column with the labels; empty: guessed"},
          label_column, Text{"COLUMN"});
    data_(Field{"header", "text: whether the first row of --data names the columns"}, header,
          Choice{kHeaders});
    data_(Field{"skip_empty", "text: leave out rows without text or label instead of refusing the file"},
          skip_empty, Switch{});
    data_(Field{"positive", "text: in place of --data, a file with one positive text a line", RunOnly},
          positive, Text{"FILE"});
    data_(Field{"negative", "text: and one with the negative ones", RunOnly}, negative, Text{"FILE"});
    data_(Field{"validation_data", "text: file of the validation rows; empty: a share of --data", RunOnly},
          validation_data, Text{"FILE"});
    data_(Field{"test_data", "text: file of rows to answer once, at the end; empty: --test-share", RunOnly},
          test_data, Text{"FILE"});
    data_(Field{"validation_share", "share of the rows for validation"}, validation_share,
          Range{.low = 0, .high = 1, .above_low = true, .below_high = true});
    data_(Field{"test_share", "text: share of the rows to answer once, at the end"}, test_share, probability);
    training(Field{"batch_size", "rows per step"}, batch_size, Range{1, 65536});
    training(Field{"batching", "rows of like length together, or in any order"}, batching,
             Choice{kBatchings});
    rule(Field{"lr", "learning rate"}, lr, Range{.low = 0, .high = 100, .above_low = true});
    rule(Field{"beta1", "decay of the mean of gradients"}, beta1, probability);
    rule(Field{"beta2", "decay of the mean of squared gradients; lion: of the mean, 0.99"}, beta2,
         probability);
    rule(Field{"eps",
               "added to the denominator of the update; adagrad: 1e-10; lamb: 1e-6; adafactor: to squares, "
               "1e-30"},
         eps, Range{.low = 0, .high = 1, .above_low = true});
    rule(Field{"weight_decay",
               "decoupled in adamw, ademamix, lion, lamb, adafactor and muon, coupled in the other rules"},
         weight_decay, Range{0, 100});
    rule(Field{"momentum", "decay of the sum of steps; rmsprop, and momentum and lars: 0.9, muon: 0.95"},
         momentum, probability);
    rule(Field{"dampening", "share of a gradient that the momentum leaves out"}, dampening, Range{0, 1});
    rule(Field{"nesterov", "momentum, muon: step by the momentum that comes next; muon: on"}, nesterov,
         Switch{});
    rule(Field{"alpha", "rmsprop: decay of the means"}, alpha, probability);
    rule(Field{"centered", "rmsprop: divide by the standard deviation of gradients"}, centered, Switch{});
    rule(Field{"beta3", "ademamix: decay of the slow mean"}, beta3, probability);
    rule(Field{"alpha_slow", "ademamix: weight of the slow mean, alpha in its paper"}, alpha_slow,
         Range{0, 1000});
    rule(Field{"t_alpha", "ademamix: steps in which alpha-slow grows from 0"}, t_alpha, Range{0, 1e9});
    rule(Field{"t_beta3", "ademamix: steps in which beta3 grows from beta1"}, t_beta3, Range{0, 1e9});
    rule(
        Field{"no_decay",
              "parameters without weight decay: a pattern of names, or norm-and-bias for all with fewer than "
              "two "
              "axes; repeatable"},
        no_decay, Patterns{});
    training(Field{"clip_value", "largest element of the gradient, before its norm is taken; 0: no clipping"},
             clip_value, Range{0, 1e30});
    rule(Field{"trust_coefficient", "lars: ratio of a tensor's step to its weights"}, trust_coefficient,
         Range{.low = 0, .high = 1000, .above_low = true});
    rule(Field{"max_trust",
               "lamb: largest ratio of weights to step that a tensor's step is scaled by; 0: any"},
         max_trust, Range{0, 1e30});
    rule(Field{"eps2", "adafactor: least root mean square of weights that its step is relative to"}, eps2,
         Range{0, 1000});
    rule(Field{"clip_threshold", "adafactor: root mean square that a tensor's direction is clipped to"},
         clip_threshold, Range{.low = 0, .high = 1e30, .above_low = true});
    rule(Field{"decay_rate", "adafactor: after t steps a new square has weight t^-decay-rate"}, decay_rate,
         Range{0, 100});
    rule(Field{"fixed_step", "adafactor: step by lr itself, not relative to the weights and 1/sqrt(t)"},
         fixed_step, Switch{});
    rule(Field{"unfactored", "adafactor: keep a second moment for every weight of a matrix"}, unfactored,
         Switch{});
    training(Field{"clip_norm", "largest global norm of the gradient; 0: no clipping"}, clip_norm,
             Range{0, 1e30});
    training(Field{"clip_percentile",
                   "percentile of the last 100 global norms that the gradient's is limited to; 0 or 100: no "
                   "clipping"},
             clip_percentile, Range{0, 100});
    training(Field{"accumulate", "batches whose gradients make one step, as one batch of all their rows"},
             accumulate, Range{1, 65536});
    training(
        Field{"ema",
              "decay of a moving average of the weights, which is then what is evaluated and saved; 0: none"},
        ema, probability);
    training(Field{"schedule", "course of the learning rate"}, schedule, Choice{kSchedules});
    training(Field{"warmup_steps", "steps of linear increase before the schedule"}, warmup_steps,
             Range{0, 1e9});
    state_(
        Field{
            "second_moment",
            "second moments in codes: floor keeps a positive one above 0, dither also rounds it up or down "
            "so "
            "that its mean stays (in bf16, too), plain does neither and leaves first moments, too, as in the "
            "paper"},
        second_moment, Choice{kSecondMoments});
    state_(Field{"rounding",
                 "of all state but fp32: to the nearest code, or up or down so that the mean stays, as "
                 "blockwise4 and ademamix's slow mean always are"},
           rounding, Choice{kRoundings});
    state_(Field{"block_size", "elements that share one scale in 8-bit state", StateFormat}, block_size,
           Range{.low = 64, .high = 4096, .power_of_two = true});
    state_(
        Field{"min_8bit_size",
              "tensors with fewer elements keep fp32 weights, and fp32 state in place of codes", StateFormat},
        min_8bit_size, Range{0, 0x1p53});
    state_(Field{"state_override",
                 "PATTERN=NAME: state of the parameters whose name matches; repeatable, the first that "
                 "matches counts",
                 StateFormat},
           state_override, Overrides{kCodecs});
    state_(Field{"weight_dtype",
                 "how weights are stored; bf16: matrices of --min-8bit-size elements or more, whose "
                 "gradients and arithmetic stay fp32",
                 StateFormat},
           weight_dtype, Choice{kWeightTypes});
    state_(Field{"weight_rounding",
                 "of bf16 weights after a step: up or down so that the mean stays, or to the nearest, which "
                 "loses small steps",
                 StateFormat},
           weight_rounding, Choice{kRoundings});
    training(Field{"on_nonfinite",
                   "after a gradient that is not finite, or a norm above 2^60: stop, or skip the step"},
             on_nonfinite, Choice{kNonfinitePolicies});
    run(Field{"threads", "CPU threads; 0: all", RunOnly}, threads, Range{0, 1024});
    model_(Field{"embedding", "width of a word vector"}, embedding, Range{1, 65536});
    model_(Field{"embedding_layer",
                 "stable: Xavier initialisation, layer norm behind it, and state kept in fp32"},
           embedding_layer, Choice{kEmbeddingLayers});
    model_(
        Field{
            "glove",
            "word vectors that the embedding of a new run starts from, in GloVe's text format, plain, packed "
            "or in a zip; "
            "they bring their width where --embedding is not given"},
        glove, Text{"FILE"});
    model_(Field{"freeze_embedding", "leave word vectors as they are: no gradient and no optimizer state"},
           freeze_embedding, Switch{});
    model_(Field{"hidden", "width of an LSTM layer in each direction"}, hidden, Range{1, 65536});
    model_(Field{"layers", "LSTM layers"}, layers, Range{1, 64});
    model_(Field{"dropout", "share dropped between layers"}, dropout, probability);
    model_(Field{"head_dropout", "share dropped before the last linear layer"}, head_dropout, probability);
    model_(Field{"model", "LSTM in one direction or both, or bag: the mean of a text's word vectors"}, model,
           Choice{kModels});
    data_(Field{"min_freq", "words seen less often have no vector of their own"}, min_freq, Range{1, 1e9});
    data_(Field{"max_words", "words that have a vector of their own, the most frequent; 0: all"}, max_words,
          Range{0, 1e9});
    data_(Field{"max_length", "words of a text that are read; 0: all"}, max_length, Range{0, 1e6});
    data_(Field{"keep", "which end of a text that is longer"}, keep, Choice{kEnds});
    data_(Field{"padding", "left: texts are filled up to --max-length on the left, with word 0"}, padding,
          Choice{kPaddings});
    training(
        Field{"class_weights", "balanced: every class counts alike in the loss, however many rows it has"},
        class_weights, Choice{kClassWeights});
    training(Field{"patience", "stop after so many epochs without a better one; 0: never"}, patience,
             Range{0, 1e6});
    training(Field{"best_by", "what makes an epoch better, and its weights best.safetensors"}, best_by,
             Choice{kBests});
    run(Field{"precision", "arithmetic of matrix products; tensors stay fp32; tf32 and bf16 need a GPU"},
        precision, Choice{kPrecisions});
    run(Field{"log_every",
              "steps between progress lines, and on a GPU between looks at loss and non-finite gradients; 0: "
              "every epoch",
              RunOnly},
        log_every, Range{0, 1e9});
    run(Field{"resume", "folder of a run to continue", RunOnly}, resume, Text{"DIR", true});
    run(Field{"json", "events as JSON Lines on standard output instead of progress", RunOnly}, json,
        Switch{});
  }
};

}  // namespace octet::tools
