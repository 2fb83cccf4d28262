// What follows for each tensor from the pieces of a survey. A block of threads has a tensor.
#include "cuda/optim/survey.cuh"

namespace octet::cuda {
namespace {

constexpr int kTensorThreads = 1024;  // a large tensor has thousands of pieces

struct Surveyed {
  const StepTensor& tensor;
  TensorSurvey& survey;
  const SurveyPiece* pieces;
  int64_t count;  // of them

  __device__ explicit Surveyed(const StepPlan& plan)
      : tensor(plan.tensors[blockIdx.x]),
        survey(optim::tensor_surveys(plan)[blockIdx.x]),
        pieces(optim::survey_pieces(plan) + tensor.first_piece),
        count(optim::pieces_in(tensor.count, tensor.columns, plan.matrices)) {}
  __device__ bool stepped() const { return tensor.gradient && tensor.count > 0; }
};

__global__ void __launch_bounds__(kTensorThreads)
    factor_kernel(const __grid_constant__ StepPlan plan, const StepControl* control) {
  wait_for_previous();
  const Surveyed at(plan);
  if (control->bad_tensor >= 0 || !at.stepped()) return;
  double sums[2] = {};
  for (int64_t i = threadIdx.x; i < at.count; i += blockDim.x) {
    sums[0] += at.pieces[i].weight;
    sums[1] += at.pieces[i].measured;
  }
  BlockFold<Sum, 2>()(sums);
  if (threadIdx.x == 0)
    at.survey.factor = optim::tensor_factor(optim::Rules(), plan, {sums[0], sums[1], at.tensor.count});
}

__global__ void __launch_bounds__(kTensorThreads)
    absmax_kernel(const __grid_constant__ StepPlan plan, const StepControl* control, int slots) {
  wait_for_previous();
  const Surveyed at(plan);
  if (control->bad_tensor >= 0 || !at.stepped()) return;
  BlockFold<Largest, 1> find_largest;
  for (int slot = 0; slot < slots; ++slot) {
    uint32_t largest[1] = {};
    for (int64_t i = threadIdx.x; i < at.count; i += blockDim.x)
      largest[0] = max(largest[0], __float_as_uint(at.pieces[i].largest[slot]));
    find_largest(largest);
    if (threadIdx.x != 0) continue;
    at.survey.old_absmax[slot] = *at.tensor.absmax[slot];
    *at.tensor.absmax[slot] = __uint_as_float(largest[0]);
  }
}

__global__ void __launch_bounds__(kTensorThreads)
    mean_of_rows_kernel(const __grid_constant__ StepPlan plan, const StepControl* control) {
  wait_for_previous();
  const Surveyed at(plan);
  if (control->bad_tensor >= 0 || !at.stepped()) return;
  const bool in_double = optim::computes_in_double(optim::Codecs(), plan.codec);
  const int64_t rows = at.tensor.count / at.tensor.columns;
  double sum[1] = {};
  for (int64_t i = threadIdx.x; i < rows; i += blockDim.x)
    sum[0] += in_double ? static_cast<const double*>(at.tensor.state[0])[i]
                        : static_cast<const float*>(at.tensor.state[0])[i];
  BlockFold<Sum, 1>()(sum);
  if (threadIdx.x == 0) at.survey.mean_of_rows = sum[0] / static_cast<double>(rows);
}

}  // namespace

void find_factors(const Context& c, const StepPlan& plan, const StepControl* control) {
  launch_early(c, factor_kernel, static_cast<unsigned>(plan.tensor_count), kTensorThreads, plan, control);
}

void find_absmax(const Context& c, const StepPlan& plan, const StepControl* control, int slots) {
  launch_early(c, absmax_kernel, static_cast<unsigned>(plan.tensor_count), kTensorThreads, plan, control,
               slots);
}

void find_mean_of_rows(const Context& c, const StepPlan& plan, const StepControl* control) {
  launch_early(c, mean_of_rows_kernel, static_cast<unsigned>(plan.tensor_count), kTensorThreads, plan,
               control);
}

}  // namespace octet::cuda
