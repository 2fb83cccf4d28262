// The families of the CUDA backend's kernel table, one file each, and the other parts of its Backend.
#pragma once

#include "core/backend.h"

namespace octet::cuda {

void* allocate(Device device, int64_t bytes, MemoryTag tag);
void deallocate(Device device, void* data, int64_t bytes, MemoryTag tag);
void upload(Device device, void* to, const void* from, int64_t bytes);
void copy_from_host(Device device, void* to, const void* from, int64_t bytes);
void copy_to_host(Device device, void* to, const void* from, int64_t bytes);
void synchronize(Device device);

MemoryKernels memory_kernels();
PointwiseKernels pointwise_kernels();
ReduceKernels reduce_kernels();
MatmulKernels matmul_kernels();
SoftmaxKernels softmax_kernels();
LayerNormKernels layer_norm_kernels();
EmbeddingKernels embedding_kernels();
LossKernels loss_kernels();
DropoutKernels dropout_kernels();
LayoutKernels layout_kernels();
RecurrentKernels recurrent_kernels();

const optim::StepTable& steps();  // cuda/optim/

}  // namespace octet::cuda
