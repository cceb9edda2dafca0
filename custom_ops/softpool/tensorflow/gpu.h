// Access to a GPU through a TensorFlow context.
#ifndef SOFTPOOL_TENSORFLOW_GPU_H_
#define SOFTPOOL_TENSORFLOW_GPU_H_

#include <vector>

#include "softpool/engine/cuda_stream.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace softpool {

// Returns TensorFlow's own stream. `scratch` owns all memory that is allocated for the stream.
CudaStream StreamOf(tensorflow::OpKernelContext* ctx, std::vector<tensorflow::Tensor>* scratch);

}  // namespace softpool

#endif  // SOFTPOOL_TENSORFLOW_GPU_H_
