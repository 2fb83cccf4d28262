// Passes before the step, for what it must know of a whole tensor: the factor of rules that have one
// (rules/sums.h), the largest new values for a codec with one absmax a tensor, row and column means of
// matrices. A pass goes over pieces of tensors and leaves a few numbers for each; then those of a tensor are
// put together in their order, so nothing depends on threads. The step then finds in TensorSurvey what it
// needs. All of it stays on the device, and rules and codecs that need none of it have no such pass.
#pragma once

#include <cstddef>
#include <type_traits>

#include "core/host_device.h"
#include "optim/conclude.h"
#include "optim/step.h"

namespace octet::optim {

// Elements of a tensor in a piece: whole blocks of every size. In a plan of matrices a piece is a tile.
constexpr int64_t kPiece = 16384;
constexpr int kTileRows = 64, kTileColumns = 128;

struct SurveyPiece {
  double weight, measured;  // sums of squares
  float largest[kMaxSlots];
};

struct TensorSurvey {
  double factor;                // for the rule
  double mean_of_rows;          // of matrices: of the row means
  float old_absmax[kMaxSlots];  // the absmax before this step; StepTensor::absmax has the new one
};

// Sums over a tile: for each of its rows and columns.
struct TileSums {
  double row[kTileRows], column[kTileColumns];
};

inline bool needs_survey(bool rule_has_factor, Scale scale, size_t slots) {
  return rule_has_factor || (scale == Scale::Tensor && slots > 0);
}

OCTET_HD inline int64_t pieces_in(int64_t count, int64_t columns, bool matrices) {
  if (!matrices) return (count + kPiece - 1) / kPiece;
  if (count == 0) return 0;
  return ((count / columns + kTileRows - 1) / kTileRows) * ((columns + kTileColumns - 1) / kTileColumns);
}

// The scratch of a plan, at plan.survey, and its parts.
inline int64_t survey_bytes(const StepPlan& plan) {
  return plan.tensor_count * static_cast<int64_t>(sizeof(TensorSurvey)) +
         plan.piece_count *
             static_cast<int64_t>(sizeof(SurveyPiece) + (plan.matrices ? sizeof(TileSums) : 0));
}
OCTET_HD inline TensorSurvey* tensor_surveys(const StepPlan& plan) {
  return static_cast<TensorSurvey*>(plan.survey);
}
OCTET_HD inline SurveyPiece* survey_pieces(const StepPlan& plan) {
  return reinterpret_cast<SurveyPiece*>(tensor_surveys(plan) + plan.tensor_count);
}
OCTET_HD inline TileSums* tile_sums(const StepPlan& plan) {
  return reinterpret_cast<TileSums*>(survey_pieces(plan) + plan.piece_count);
}
static_assert(sizeof(TensorSurvey) % alignof(SurveyPiece) == 0 && sizeof(SurveyPiece) % 8 == 0);

// The tensor that a piece is of.
OCTET_HD inline int tensor_of_piece(const StepPlan& plan, int64_t piece) {
  int first = 0, after = plan.tensor_count;
  while (after - first > 1) {
    const int middle = first + (after - first) / 2;
    (plan.tensors[middle].first_piece <= piece ? first : after) = middle;
  }
  return first;
}

// A piece of a matrix: some rows and columns of it.
struct Tile {
  int64_t row, column;  // the first ones
  int rows, columns;
  int64_t bands, strips;  // tiles one below the other, and side by side
  int64_t band, strip;    // the place of this one

  // piece: counted within the tensor
  OCTET_HD Tile(const StepTensor& tensor, int64_t piece) {
    const int64_t all_rows = tensor.count / tensor.columns;
    bands = (all_rows + kTileRows - 1) / kTileRows;
    strips = (tensor.columns + kTileColumns - 1) / kTileColumns;
    band = piece / strips;
    strip = piece % strips;
    row = band * kTileRows;
    column = strip * kTileColumns;
    rows = static_cast<int>(all_rows - row < kTileRows ? all_rows - row : kTileRows);
    columns = static_cast<int>(tensor.columns - column < kTileColumns ? tensor.columns - column
                                                                      : int64_t{kTileColumns});
  }
};

template <class... Rule>
OCTET_HD double tensor_factor(TypeList<Rule...>, const StepPlan& plan, const TensorSums& sums) {
  const bool in_double = computes_in_double(Codecs(), plan.codec);
  double factor = 1;
  int place = 0;
  const auto try_rule = [&]<class R>(std::type_identity<R>) {
    if (place++ != plan.rule) return;
    if constexpr (has_factor<R>)
      factor = in_double ? static_cast<const typename R::template Update<double>*>(plan.update)->factor(sums)
                         : static_cast<const typename R::template Update<float>*>(plan.update)->factor(sums);
  };
  (try_rule(std::type_identity<Rule>()), ...);
  return factor;
}

}  // namespace octet::optim
