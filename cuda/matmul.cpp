// Matrix products by cuBLASLt, which is column-major: a row-major matrix is its transpose there, so it is
// asked for y^T = op(b)^T op(a)^T. Choosing an algorithm costs more than most products, so the choice is
// kept. Its scratch memory has the size of core/gpu_scratch.h whatever it chooses.
#include <array>
#include <compare>
#include <map>
#include <span>

#include "core/error.h"
#include "core/gpu_scratch.h"
#include "cuda/check.h"
#include "cuda/context.h"
#include "cuda/kernels.h"

namespace octet::cuda {
namespace {

constexpr size_t kMaxPlans = 4096;    // then all are forgotten: shapes that vary must not fill memory
constexpr uintptr_t kAlignment = 16;  // of addresses: what the widest loads need
// Bytes of scratch that the library is asked with. Its choices are tuned for these alone: with a limit of 16
// MiB and 4 KiB it no longer finds its own algorithm of 16 MiB (1024x8000x256 on an H200: 1,238 us for 93).
constexpr size_t kAskedScratch = 32u << 20u;
constexpr int kAskedChoices = 16;

// All that the choice of an algorithm depends on.
struct Product {
  int64_t batch, m, n, k;
  bool shared_b;
  bool transpose_a, transpose_b;
  bool bias;
  bool aligned;  // every address is a multiple of kAlignment
  DType dtype;
  MatmulPrecision precision;

  auto operator<=>(const Product&) const = default;  // NOLINT(modernize-use-nullptr): it is the 0 of <=>
  uintptr_t alignment() const { return aligned ? kAlignment : static_cast<uintptr_t>(size_of(dtype)); }
  int64_t scratch() const { return product_scratch(batch, m, n, k, size_of(dtype)); }
};

// How a product is asked for. The library's own terms for it hold no memory elsewhere.
struct Plan {
  cublasLtMatmulDescOpaque_t operation;
  cublasLtMatrixLayoutOpaque_t a, b, y;
  cublasLtMatmulAlgo_t algorithm;
  bool adds_bias;  // else y holds the bias beforehand and the product is added to it
};

template <class T>
void set(cublasLtMatmulDescOpaque_t& operation, cublasLtMatmulDescAttributes_t attribute, const T& value) {
  check(cublasLtMatmulDescSetAttribute(&operation, attribute, &value, sizeof value));
}
template <class T>
void set(cublasLtMatmulPreferenceOpaque_t& wanted, cublasLtMatmulPreferenceAttributes_t attribute,
         const T& value) {
  check(cublasLtMatmulPreferenceSetAttribute(&wanted, attribute, &value, sizeof value));
}

// batch row-major matrices [rows, cols], `stride` elements apart.
cublasLtMatrixLayoutOpaque_t layout(const Product& p, int64_t rows, int64_t cols, int64_t stride) {
  cublasLtMatrixLayoutOpaque_t result;
  check(cublasLtMatrixLayoutInit(&result, p.dtype == DType::F32 ? CUDA_R_32F : CUDA_R_64F,
                                 static_cast<uint64_t>(cols), static_cast<uint64_t>(rows), cols));
  const auto batch = static_cast<int32_t>(p.batch);
  check(cublasLtMatrixLayoutSetAttribute(&result, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch));
  check(cublasLtMatrixLayoutSetAttribute(&result, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride,
                                         sizeof stride));
  return result;
}

cublasComputeType_t compute_type(const Product& p) {
  if (p.dtype == DType::F64) return CUBLAS_COMPUTE_64F;
  switch (p.precision) {
    case MatmulPrecision::Tf32:
      return CUBLAS_COMPUTE_32F_FAST_TF32;
    case MatmulPrecision::Bf16:
      return CUBLAS_COMPUTE_32F_FAST_16BF;
    case MatmulPrecision::Fp32:
      break;
  }
  return CUBLAS_COMPUTE_32F;
}

// False if the library, asked with so many bytes of scratch, has no algorithm that does with the product's.
bool choose(const Context& c, const Product& p, cublasComputeType_t compute, bool adds_bias, size_t scratch,
            Plan& plan) {
  check(cublasLtMatmulDescInit(&plan.operation, compute, p.dtype == DType::F32 ? CUDA_R_32F : CUDA_R_64F));
  const auto op = [](bool transpose) { return int32_t{transpose ? CUBLAS_OP_T : CUBLAS_OP_N}; };
  set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSA, op(p.transpose_b));
  set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSB, op(p.transpose_a));
  plan.adds_bias = adds_bias;
  if (adds_bias) {
    set(plan.operation, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    // Of the pointer, the choice reads the alignment alone.
    set(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.alignment());
  }
  plan.a = layout(p, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, p.m * p.k);
  plan.b = layout(p, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, p.shared_b ? 0 : p.k * p.n);
  plan.y = layout(p, p.m, p.n, p.m * p.n);

  cublasLtMatmulPreferenceOpaque_t wanted;
  check(cublasLtMatmulPreferenceInit(&wanted));
  set(wanted, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, scratch);
  // Sums of a fixed order only: no parts of a sum that meet in y.
  set(wanted, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE | CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE});
  for (const auto operand :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    set(wanted, operand, static_cast<uint32_t>(p.alignment()));

  std::array<cublasLtMatmulHeuristicResult_t, kAskedChoices> choices;  // the best first
  int found = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(c.blas, &plan.operation, &plan.b, &plan.a, &plan.y, &plan.y, &wanted,
                                     kAskedChoices, choices.data(), &found);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return false;
  check(status);
  for (const auto& choice : std::span(choices).first(static_cast<size_t>(found))) {
    if (choice.state != CUBLAS_STATUS_SUCCESS) continue;
    if (choice.workspaceSize > static_cast<size_t>(p.scratch())) continue;
    plan.algorithm = choice.algo;
    return true;
  }
  return false;
}

Plan make_plan(const Context& c, const Product& p) {
  Plan plan{};
  const cublasComputeType_t compute = compute_type(p);
  for (const size_t scratch : {kAskedScratch, static_cast<size_t>(p.scratch())}) {
    if (p.bias && p.dtype == DType::F32 && choose(c, p, compute, true, scratch, plan)) return plan;
    if (choose(c, p, compute, false, scratch, plan)) return plan;
  }
  require(compute != CUBLAS_COMPUTE_64F && choose(c, p, CUBLAS_COMPUTE_32F, false, kAskedScratch, plan),
          ErrorKind::Device, "matmul: cuBLASLt has no algorithm for ", p.batch, " times ", p.m, "x", p.k,
          " by ", p.k, "x", p.n, " in ", p.dtype);
  return plan;
}

}  // namespace

struct MatmulPlans {
  std::map<Product, Plan> of;
};

namespace {

Plan& plan_for(Context& c, const Product& p) {
  if (!c.matmul_plans) c.matmul_plans = std::make_shared<MatmulPlans>();
  auto& plans = c.matmul_plans->of;
  if (const auto known = plans.find(p); known != plans.end()) return known->second;
  if (plans.size() >= kMaxPlans) plans.clear();
  return plans.emplace(p, make_plan(c, p)).first->second;
}

// y: [.., n], bias [n]
void fill_rows(const Tensor& y, const Tensor& bias, int64_t n) {
  layout_kernels().copy_block(bias, y, {y.numel() / n, n, 0, 0, 0, n});
}

void batched(const MatmulArgs& args) {
  const Op op("matmul.batched");
  Context& c = context(args.y);
  const DType dtype = args.y.dtype();
  require(dtype == DType::F32 || dtype == DType::F64, "matmul: needs f32 or f64, got ", dtype);
  if (args.y.numel() == 0) return;
  const auto address = [](const Tensor& x) { return reinterpret_cast<uintptr_t>(x.raw()); };
  Product p = {
      .batch = args.y.size(0),
      .m = args.y.size(1),
      .n = args.y.size(2),
      .k = args.a.size(args.transpose_a ? 1 : 2),
      .shared_b = args.b.size(0) == 1,
      .transpose_a = args.transpose_a,
      .transpose_b = args.transpose_b,
      .bias = args.bias.defined(),
      .aligned = (address(args.a) | address(args.b) | address(args.y) | address(args.bias)) % kAlignment == 0,
      .dtype = dtype,
      .precision = dtype == DType::F32 ? c.precision : MatmulPrecision::Fp32};
  if (p.k == 0) {
    if (p.bias) {
      fill_rows(args.y, args.bias, p.n);
    } else {
      check(cudaMemsetAsync(args.y.raw(), 0, static_cast<size_t>(args.y.bytes()), c.stream));
    }
    return;
  }
  if (p.shared_b && !p.transpose_a) p.m *= p.batch, p.batch = 1;  // one product of all rows
  if (p.batch == 1) p.shared_b = false;

  Plan& plan = plan_for(c, p);
  const bool onto_bias = p.bias && !plan.adds_bias;
  if (onto_bias) fill_rows(args.y, args.bias, p.n);
  if (plan.adds_bias) set(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, args.bias.raw());
  const Tensor scratch = workspace(args.y.device(), p.scratch());
  const double alpha64 = 1, beta64 = onto_bias ? 1 : 0;
  const float alpha32 = 1, beta32 = onto_bias ? 1 : 0;
  const bool wide = dtype == DType::F64;
  const void* alpha = wide ? static_cast<const void*>(&alpha64) : &alpha32;
  const void* beta = wide ? static_cast<const void*>(&beta64) : &beta32;
  check(cublasLtMatmul(c.blas, &plan.operation, alpha, args.b.raw(), &plan.b, args.a.raw(), &plan.a, beta,
                       args.y.raw(), &plan.y, args.y.raw(), &plan.y, &plan.algorithm, scratch.raw(),
                       static_cast<size_t>(scratch.bytes()), c.stream));
}

}  // namespace

MatmulKernels matmul_kernels() { return {.batched = batched}; }

}  // namespace octet::cuda
