// The way from a TensorFlow context to a GPU.
#ifndef SOFTPOOL_TENSORFLOW_GPU_H_
#define SOFTPOOL_TENSORFLOW_GPU_H_

#include <vector>

#include "softpool/engine/cuda_stream.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace softpool {

// TensorFlow's own stream. `scratch` holds what is allocated, for as long as it lives.
CudaStream StreamOf(tensorflow::OpKernelContext* ctx, std::vector<tensorflow::Tensor>* scratch);

}  // namespace softpool

#endif  // SOFTPOOL_TENSORFLOW_GPU_H_
