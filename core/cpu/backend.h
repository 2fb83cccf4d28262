// The CPU backend: its memory and the families of its kernel table, one file each.
#pragma once

#include "core/backend.h"

namespace octet::cpu {

const Backend& backend();

void* allocate(Device device, int64_t bytes, MemoryTag tag);
void deallocate(Device device, void* data, int64_t bytes, MemoryTag tag);

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

}  // namespace octet::cpu
