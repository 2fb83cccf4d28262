// The survey of a plan on the CPU: passes over its pieces on all threads, and what follows from them for each
// tensor.
#pragma once

#include <algorithm>

#include "core/cpu/thread_pool.h"
#include "optim/cpu/kernels.h"
#include "optim/registry.h"
#include "optim/survey.h"

namespace octet::optim {

// Calls body(survey of a tensor, tensor, its pieces, their number) for those that are stepped.
template <class Body>
void for_each_surveyed(const StepPlan& plan, const Body& body) {
  for (int t = 0; t < plan.tensor_count; ++t) {
    const StepTensor& tensor = plan.tensors[t];
    if (!tensor.gradient || tensor.count == 0) continue;
    body(tensor_surveys(plan)[t], tensor, survey_pieces(plan) + tensor.first_piece,
         pieces_in(tensor.count, tensor.columns, plan.matrices));
  }
}

// Calls body(piece) for the pieces of tensors that are stepped.
template <class Body>
void for_each_piece(const StepPlan& plan, const Body& body) {
  cpu::parallel_for(plan.piece_count, [&](int64_t piece) {
    if (plan.tensors[tensor_of_piece(plan, piece)].gradient) body(piece);
  });
}

inline void find_factors(const StepPlan& plan) {
  for_each_surveyed(
      plan, [&](TensorSurvey& survey, const StepTensor& tensor, const SurveyPiece* pieces, int64_t count) {
        TensorSums sums{.count = tensor.count};
        for (int64_t i = 0; i < count; ++i) {
          sums.weight += pieces[i].weight;
          sums.measured += pieces[i].measured;
        }
        survey.factor = tensor_factor(Rules(), plan, sums);
      });
}

// The new absmax of every tensor; the step still needs the old one.
inline void find_absmax(const StepPlan& plan, size_t slots) {
  for_each_surveyed(
      plan, [&](TensorSurvey& survey, const StepTensor& tensor, const SurveyPiece* pieces, int64_t count) {
        for (size_t slot = 0; slot < slots; ++slot) {
          survey.old_absmax[slot] = *tensor.absmax[slot];
          uint32_t largest = 0;  // of the bits: so what is not finite is larger than what is
          for (int64_t i = 0; i < count; ++i)
            largest = std::max(largest, std::bit_cast<uint32_t>(pieces[i].largest[slot]));
          *tensor.absmax[slot] = std::bit_cast<float>(largest);
        }
      });
}

inline void find_mean_of_rows(const StepPlan& plan, bool in_double) {
  for_each_surveyed(plan, [&](TensorSurvey& survey, const StepTensor& tensor, const SurveyPiece*, int64_t) {
    const int64_t rows = tensor.count / tensor.columns;
    double sum = 0;
    for (int64_t i = 0; i < rows; ++i)
      sum += in_double ? static_cast<const double*>(tensor.state[0])[i]
                       : static_cast<double>(static_cast<const float*>(tensor.state[0])[i]);
    survey.mean_of_rows = sum / static_cast<double>(rows);
  });
}

inline void survey_plan(const LevelKernels& kernels, const StepPlan& plan, const StepControl& control) {
  const CodecInfo& codec = codec_at(plan.codec);
  const CodecIo& io = kernels.io[plan.codec];
  const auto survey = [&](LevelKernels::Survey pass) {
    for_each_piece(plan, [&](int64_t piece) {
      const StepTensor& tensor = plan.tensors[tensor_of_piece(plan, piece)];
      const int64_t from = (piece - tensor.first_piece) * kPiece;
      pass(plan, io, tensor, from, std::min(from + kPiece, tensor.count), control,
           survey_pieces(plan)[piece]);
    });
  };
  const LevelKernels::Survey sums = codec.stored != codec.value ? kernels.survey_buffered[plan.rule]
                                    : codec.value == DType::F64 ? kernels.survey_double[plan.rule]
                                                                : kernels.survey_direct[plan.rule];
  if (sums) {
    survey(sums);
    find_factors(plan);
  }
  if (io.scale == Scale::Tensor) {
    survey(kernels.survey_maxima[plan.rule]);
    find_absmax(plan, rule_at(plan.rule).slots.size());
  }
}

// Survey and step of a plan of matrices.
inline void step_matrices(const LevelKernels& kernels, const StepPlan& plan, const StepControl& control) {
  const bool in_double = codec_at(plan.codec).value == DType::F64;
  const MatrixKernels& matrix =
      in_double ? kernels.matrix_double[plan.rule] : kernels.matrix_float[plan.rule];
  const auto run = [&](auto* pass) {
    for_each_piece(plan, [&](int64_t piece) { pass(plan, control, piece); });
  };
  run(matrix.measure_lines);
  run(matrix.update_lines);
  find_mean_of_rows(plan, in_double);
  run(matrix.measure_directions);
  find_factors(plan);
  run(matrix.update);
}

}  // namespace octet::optim
