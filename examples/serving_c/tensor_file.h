// TensorFlow's tensors in .npy files.
//
// A function that fails prints the reason on stderr, once, and returns false or NULL.
#ifndef SOFTPOOL_PREDICT_TENSOR_FILE_H_
#define SOFTPOOL_PREDICT_TENSOR_FILE_H_

#include <stdbool.h>
#include <stdio.h>
#include <tensorflow/c/c_api.h>

#include "signature.h"

// Reads a value for an input. The caller deletes the tensor.
TF_Tensor* ReadTensorFile(const char* path, const TensorSpec* spec);

bool WriteTensorFile(const char* path, const TF_Tensor* tensor);

// Prints a type and a shape: "float32 (?, 8, 8, 3)".
void PrintSpec(FILE* out, const TensorSpec* spec);

#endif  // SOFTPOOL_PREDICT_TENSOR_FILE_H_
