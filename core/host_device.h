// Marks scalar functions that the CPU and the CUDA backend compile from one source.
#pragma once

#ifdef __CUDACC__
#define OCTET_HD __host__ __device__
#else
#define OCTET_HD
#endif
