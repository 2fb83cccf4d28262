// The passes of a rule's form for matrices on the CPU, a tile at a time.
#if defined(OCTET_OPTIM_CPU_MATRIX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_MATRIX_INL_H_
#undef OCTET_OPTIM_CPU_MATRIX_INL_H_
#else
#define OCTET_OPTIM_CPU_MATRIX_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include <hwy/highway.h>
#include "optim/cpu/kernels.h"
#include "optim/cpu/norm-inl.h"
#include "optim/cpu/step-inl.h"
#include "optim/survey.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

template <class Rule, class T>
class MatrixTiles {
 public:
  MatrixTiles(const StepPlan& plan, const StepControl& control, int64_t piece)
      : plan_(plan),
        tensor_(plan.tensors[tensor_of_piece(plan, piece)]),
        tile_(tensor_, piece - tensor_.first_piece),
        piece_(survey_pieces(plan)[piece]),
        sums_(tile_sums(plan)[piece]),
        max_value_(static_cast<T>(plan.max_value)),
        scale_(static_cast<T>(control.scale)),
        weights_(plan, control.steps) {
    std::memcpy(&update_, plan.update, sizeof update_);
  }

  // First pass: squares of gradients by row and column, and of the weights.
  void measure_lines() {
    std::fill_n(sums_.column, tile_.columns, 0.0);
    piece_.weight = 0;
    std::array<T, kTileColumns> g;
    for_each_row([&](int row, const T* gradient, int64_t first) {
      for (int j = 0; j < tile_.columns; ++j)
        g[static_cast<size_t>(j)] = scale_ * limited(gradient[j], max_value_);
      for (int j = 0; j < tile_.columns; ++j) {
        const auto x = static_cast<double>(g[static_cast<size_t>(j)]);
        sums_.column[j] += x * x;
      }
      sums_.row[row] = sum_of_squares(g.data(), tile_.columns);
      piece_.weight += sum_of_squares(weights_.load(tensor_, first, tile_.columns), tile_.columns);
    });
  }

  // Then the first tile of each band updates its rows, the first of each strip its columns.
  void update_lines() {
    const TileSums* const first = &sums_ - (&piece_ - survey_pieces(plan_) - tensor_.first_piece);
    if (tile_.strip == 0)
      for (int i = 0; i < tile_.rows; ++i) {
        double sum = 0;
        for (int64_t s = 0; s < tile_.strips; ++s) sum += first[tile_.band * tile_.strips + s].row[i];
        T& row = static_cast<T*>(tensor_.state[0])[tile_.row + i];
        row = update_.line(row, sum / static_cast<double>(tensor_.columns));
      }
    const int64_t rows = tensor_.count / tensor_.columns;
    if (tile_.band == 0)
      for (int j = 0; j < tile_.columns; ++j) {
        double sum = 0;
        for (int64_t b = 0; b < tile_.bands; ++b) sum += first[b * tile_.strips + tile_.strip].column[j];
        T& column = static_cast<T*>(tensor_.state[1])[tile_.column + j];
        column = update_.line(column, sum / static_cast<double>(rows));
      }
  }

  // Second pass: squares of the directions.
  void measure_directions() {
    piece_.measured = 0;
    const std::array<T, kTileColumns> columns = column_factors();
    for_each_row([&](int row, const T* gradient, int64_t) {
      std::array<T, kTileColumns> u;
      directions(row_factor(row), columns.data(), gradient, u.data());
      piece_.measured += sum_of_squares(u.data(), tile_.columns);
    });
  }

  // Third pass.
  void update() {
    const std::array<T, kTileColumns> columns = column_factors();
    const T factor = static_cast<T>(survey().factor);
    for_each_row([&](int row, const T* gradient, int64_t first) {
      std::array<T, kTileColumns> u;
      directions(row_factor(row), columns.data(), gradient, u.data());
      T* const weight = weights_.load(tensor_, first, tile_.columns);
      for (int j = 0; j < tile_.columns; ++j) update_.step(weight[j], u[static_cast<size_t>(j)], factor);
      weights_.store(tensor_, first, tile_.columns);
    });
  }

 private:
  const TensorSurvey& survey() const { return tensor_surveys(plan_)[&tensor_ - plan_.tensors]; }

  // Calls body(row, its gradients, its first element).
  template <class Body>
  void for_each_row(const Body& body) {
    for (int i = 0; i < tile_.rows; ++i) {
      const int64_t first = (tile_.row + i) * tensor_.columns + tile_.column;
      body(i, static_cast<const T*>(tensor_.gradient) + first, first);
    }
  }
  void directions(T row, const T* HWY_RESTRICT columns, const T* HWY_RESTRICT gradient,
                  T* HWY_RESTRICT u) const {
    for (int j = 0; j < tile_.columns; ++j)
      u[j] = update_.direction(scale_ * limited(gradient[j], max_value_), row, columns[j]);
  }
  T row_factor(int row) const {
    return update_.row_factor(static_cast<const T*>(tensor_.state[0])[tile_.row + row],
                              survey().mean_of_rows);
  }
  std::array<T, kTileColumns> column_factors() const {
    std::array<T, kTileColumns> out{};
    for (int j = 0; j < tile_.columns; ++j)
      out[static_cast<size_t>(j)] =
          update_.column_factor(static_cast<const T*>(tensor_.state[1])[tile_.column + j]);
    return out;
  }

  const StepPlan& plan_;
  const StepTensor& tensor_;
  const Tile tile_;
  SurveyPiece& piece_;
  TileSums& sums_;
  const T max_value_, scale_;
  typename Rule::template Update<T> update_;
  Weights<T, kTileColumns> weights_;
};

template <class Rule, class T, void (MatrixTiles<Rule, T>::*kPass)()>
void matrix_pass(const StepPlan& plan, const StepControl& control, int64_t piece) {
  (MatrixTiles<Rule, T>(plan, control, piece).*kPass)();
}
template <class Rule, class T>
MatrixKernels matrix_kernels() {
  using Tiles = MatrixTiles<Rule, T>;
  return {&matrix_pass<Rule, T, &Tiles::measure_lines>, &matrix_pass<Rule, T, &Tiles::update_lines>,
          &matrix_pass<Rule, T, &Tiles::measure_directions>, &matrix_pass<Rule, T, &Tiles::update>};
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
