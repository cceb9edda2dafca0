// The way from a TensorFlow context to a GPU.
#ifndef TF_SOFTPOOL_TENSORFLOW_GPU_H_
#define TF_SOFTPOOL_TENSORFLOW_GPU_H_

#include <vector>

#include "kernels/cuda_stream.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace softpool {

// TensorFlow's own stream. `scratch` holds what is allocated, for as long as it lives.
CudaStream StreamOf(tensorflow::OpKernelContext* ctx, std::vector<tensorflow::Tensor>* scratch);

}  // namespace softpool

#endif  // TF_SOFTPOOL_TENSORFLOW_GPU_H_
