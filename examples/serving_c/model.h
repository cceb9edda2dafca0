// A SavedModel and the libraries of ops that it needs, through TensorFlow's C API.
//
// What goes wrong is said on stderr, once, by the function that then returns false or NULL.
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

// Says on stderr what is wrong. Returns false.
bool Fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

// Registers the ops of a library, for all models that are loaded afterwards.
bool LoadOps(const char* library);

// Loads the SavedModel in a folder. CloseModel() frees it, and what there is of it after a failure.
bool LoadModel(const char* folder, Model* model);

// Runs a model. `values` are those of all inputs, in the order of the signature; `results`, NULLs
// that become those of the outputs `wanted`, are the caller's to delete, after a failure too.
bool RunModel(const Model* model, TF_Tensor* const* values, const TensorSpec* const* wanted,
              size_t count, TF_Tensor** results);

void CloseModel(Model* model);

#endif  // SOFTPOOL_PREDICT_MODEL_H_
