// TensorFlow's tensors in .npy files.
//
// What goes wrong is said on stderr, once, by the function that then returns false or NULL.
#ifndef SOFTPOOL_PREDICT_TENSOR_FILE_H_
#define SOFTPOOL_PREDICT_TENSOR_FILE_H_

#include <stdbool.h>
#include <stdio.h>
#include <tensorflow/c/c_api.h>

#include "signature.h"

// Reads what an input takes. The caller deletes the tensor.
TF_Tensor* ReadTensorFile(const char* path, const TensorSpec* spec);

bool WriteTensorFile(const char* path, const TF_Tensor* tensor);

// Prints a type and a shape: "float32 (?, 8, 8, 3)".
void PrintSpec(FILE* out, const TensorSpec* spec);

#endif  // SOFTPOOL_PREDICT_TENSOR_FILE_H_
