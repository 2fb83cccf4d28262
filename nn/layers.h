// The layers. Parameter names and default initialisation are PyTorch's, so that checkpoints can be compared.
// A layer with dropout takes the stream of its masks; a null stream means evaluation: nothing is dropped.
#pragma once

#include <memory>

#include "autograd/functions.h"
#include "core/backend.h"
#include "nn/init.h"
#include "nn/module.h"

namespace octet {

class Linear : public Module {  // [.., in] -> [.., out]
 public:
  // weight [out, in] and bias [out], both uniform in +-1/sqrt(in).
  Linear(int64_t in, int64_t out, const Init& init, bool bias = true);
  Variable forward(const Variable& x) const {
    const ProfileRange range(x.device(), "Linear");
    return linear(x, weight_, bias_);
  }

 private:
  Variable weight_, bias_;
};

class Embedding : public Module {  // ids [..] -> [.., width]
 public:
  // weight [rows, width], normal(0, 1). Row `padding` (-1: none) starts at zero and is never trained; a
  // frozen embedding is not trained at all.
  Embedding(int64_t rows, int64_t width, const Init& init, int64_t padding = -1, bool frozen = false);
  virtual Variable forward(const Tensor& ids) const {
    const ProfileRange range(ids.device(), "Embedding");
    return embedding(weight_, ids, padding_);
  }

 protected:
  Embedding(Tensor weight, int64_t padding, bool frozen);  // weight [rows, width]

 private:
  int64_t padding_;
  Variable weight_;
};

class LayerNorm : public Module {  // [.., width] -> [.., width], over the last axis
 public:
  LayerNorm(int64_t width, const Init& init, double eps = 1e-5);  // weight ones, bias zeros
  Variable forward(const Variable& x) const {
    const ProfileRange range(x.device(), "LayerNorm");
    return layer_norm(x, weight_, bias_, eps_);
  }

 private:
  double eps_;
  Variable weight_, bias_;
};

// An embedding that is normalised behind the look-up and whose optimizer state stays in full precision: word
// vectors of rare words get large, seldom gradients, which quantized state bears worst. Dettmers et al.,
// "8-bit Optimizers via Block-wise Quantization", ICLR 2022, section 2.3.
class StableEmbedding : public Embedding {  // ids [..] -> [.., width]
 public:
  // weight [rows, width], Xavier uniform; norm.weight and norm.bias [width], those of a LayerNorm. Row
  // `padding` starts at zero and is never trained; the norm makes its bias of it. Frozen is the weight alone.
  StableEmbedding(int64_t rows, int64_t width, const Init& init, int64_t padding = -1, bool frozen = false);
  Variable forward(const Tensor& ids) const override { return norm_.forward(Embedding::forward(ids)); }

 private:
  LayerNorm norm_;
};

// One or the other: a table of `rows` vectors.
std::unique_ptr<Embedding> make_embedding(int64_t rows, int64_t width, bool stable, bool frozen,
                                          const Init& init);

class Dropout : public Module {
 public:
  explicit Dropout(double p);
  Variable forward(const Variable& x, Rng* masks) const { return masks ? dropout(x, p_, *masks) : x; }

 private:
  double p_;
};

class LSTM : public Module {  // packed [total, input] -> packed [total, directions * hidden] and last states
 public:
  // weight_ih_l0 [4 hidden, in], weight_hh_l0, bias_ih_l0, bias_hh_l0, then .._reverse, then layer 1; all
  // uniform in
  // +-1/sqrt(hidden). Dropout stands between layers, not behind the last.
  LSTM(const LstmConfig& config, double dropout, const Init& init);
  // index: see lstm(); equal rows of the input need to be there only once.
  LstmResult forward(const Variable& x, const PackingPtr& packing, Rng* masks, const Tensor& index = {},
                     const Variable& h0 = {}, const Variable& c0 = {}) const;
  // Whether sequences with the same beginning have the same states there: not if later inputs or masks of
  // their own reach them. Only then may the packing share it.
  bool can_share(Rng* masks) const { return !config_.bidirectional && !drops_between_layers(masks); }

 private:
  bool drops_between_layers(Rng* masks) const { return masks && dropout_ > 0 && config_.layers > 1; }

  LstmConfig config_;
  double dropout_;
  std::vector<Variable> weights_;
};

}  // namespace octet
