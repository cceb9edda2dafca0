// The inputs and outputs of a SavedModel, by the names that its signatures give them.
//
// TensorFlow's C API loads a SavedModel, but does not interpret its signatures: it returns the
// MetaGraphDef, a protocol buffer, as bytes. This code reads the few fields that matter from these
// bytes, so that neither protobuf nor TensorFlow's .proto files are needed.
#ifndef SOFTPOOL_PREDICT_SIGNATURE_H_
#define SOFTPOOL_PREDICT_SIGNATURE_H_

#include <stddef.h>
#include <stdint.h>

#define SIGNATURE_MAX_RANK 254  // TensorFlow's own limit

typedef struct {
  char* name;    // in the signature: "image"
  char* tensor;  // in the graph: "serving_default_image:0", or NULL if it is sparse or ragged
  int dtype;     // a TF_DataType
  int rank;      // -1 if any rank will do
  int64_t dims[SIGNATURE_MAX_RANK];  // -1 if any size will do
} TensorSpec;

typedef struct {
  TensorSpec* specs;  // in the order of their names
  size_t count;
} TensorSpecs;

typedef struct {
  TensorSpecs inputs, outputs;
} Signature;

// Finds the signature `name` in the bytes of a MetaGraphDef. Returns NULL if all went well, or else
// an error message. FreeSignature() frees the result in both cases.
const char* ReadSignature(const void* meta_graph, size_t size, const char* name,
                          Signature* signature);

void FreeSignature(Signature* signature);

#endif  // SOFTPOOL_PREDICT_SIGNATURE_H_
