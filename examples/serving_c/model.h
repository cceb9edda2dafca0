// A SavedModel and the libraries of ops that it needs, through TensorFlow's C API.
//
// A function that fails prints the reason on stderr, once, and returns false or NULL.
#ifndef SOFTPOOL_PREDICT_MODEL_H_
#define SOFTPOOL_PREDICT_MODEL_H_

#include <stdbool.h>
#include <stddef.h>
#include <tensorflow/c/c_api.h>

#include "signature.h"

typedef struct {
  TF_Graph* graph;
  TF_Session* session;
  Signature signature;  // "serving_default"
} Model;

// Prints an error message on stderr. Returns false.
bool Fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

// Registers the ops of a library for all models that are loaded afterwards.
bool LoadOps(const char* library);

// Loads the SavedModel in a folder. CloseModel() frees the model, also if loading it failed.
bool LoadModel(const char* folder, Model* model);

// Runs a model. `values` has a tensor for each input, in the order of the signature. `results` must
// hold NULLs, and gets a tensor for each output in `wanted`. The caller deletes these tensors, also
// if the function failed.
bool RunModel(const Model* model, TF_Tensor* const* values, const TensorSpec* const* wanted,
              size_t count, TF_Tensor** results);

void CloseModel(Model* model);

#endif  // SOFTPOOL_PREDICT_MODEL_H_
