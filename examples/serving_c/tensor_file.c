#define _XOPEN_SOURCE 700

#include "tensor_file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "model.h"
#include "npy.h"

// The types that NumPy and TensorFlow share.
typedef struct {
  TF_DataType dtype;
  char kind;
  int size;
  const char* name;
} Type;

static const Type kTypes[] = {
    {TF_HALF, 'f', 2, "float16"},        {TF_FLOAT, 'f', 4, "float32"},
    {TF_DOUBLE, 'f', 8, "float64"},      {TF_INT8, 'i', 1, "int8"},
    {TF_INT16, 'i', 2, "int16"},         {TF_INT32, 'i', 4, "int32"},
    {TF_INT64, 'i', 8, "int64"},         {TF_UINT8, 'u', 1, "uint8"},
    {TF_UINT16, 'u', 2, "uint16"},       {TF_UINT32, 'u', 4, "uint32"},
    {TF_UINT64, 'u', 8, "uint64"},       {TF_BOOL, 'b', 1, "bool"},
    {TF_COMPLEX64, 'c', 8, "complex64"}, {TF_COMPLEX128, 'c', 16, "complex128"},
};
static const size_t kTypeCount = sizeof kTypes / sizeof *kTypes;

static const Type* TypeOfTensor(int dtype) {
  for (size_t i = 0; i < kTypeCount; ++i) {
    if ((int)kTypes[i].dtype == dtype) return &kTypes[i];
  }
  return NULL;
}

static const Type* TypeOfFile(const NpyHeader* header) {
  for (size_t i = 0; i < kTypeCount; ++i) {
    if (kTypes[i].kind == header->kind && kTypes[i].size == header->size) return &kTypes[i];
  }
  return NULL;
}

// Prints a shape as Python writes it, with "?" for any size.
static void PrintShape(FILE* out, int rank, const int64_t* dims) {
  if (rank < 0) {
    fputs("of any shape", out);
    return;
  }
  fputc('(', out);
  for (int i = 0; i < rank; ++i) {
    if (i > 0) fputs(", ", out);
    if (dims[i] < 0) {
      fputc('?', out);
    } else {
      fprintf(out, "%" PRId64, dims[i]);
    }
  }
  fputs(rank == 1 ? ",)" : ")", out);
}

void PrintSpec(FILE* out, const TensorSpec* spec) {
  const Type* type = TypeOfTensor(spec->dtype);
  if (type == NULL) {
    fprintf(out, "TF_DataType %d ", spec->dtype);
  } else {
    fprintf(out, "%s ", type->name);
  }
  PrintShape(out, spec->rank, spec->dims);
}

static bool Fits(const NpyHeader* header, const Type* type, const TensorSpec* spec) {
  if (type == NULL || (int)type->dtype != spec->dtype) return false;
  if (spec->rank < 0) return true;
  if (spec->rank != header->rank) return false;
  for (int i = 0; i < spec->rank; ++i) {
    if (spec->dims[i] >= 0 && spec->dims[i] != header->dims[i]) return false;
  }
  return true;
}

static void SayWhatFits(const char* path, const NpyHeader* header, const Type* type,
                        const TensorSpec* spec) {
  fprintf(stderr, "softpool_predict: input \"%s\" takes ", spec->name);
  PrintSpec(stderr, spec);
  fprintf(stderr, ", but %s has %s ", path,
          type == NULL ? "a type that is not supported," : type->name);
  PrintShape(stderr, header->rank, header->dims);
  fputc('\n', stderr);
}

// Returns the tensor in an open file, or NULL. If it returns NULL, `*problem` is an error message,
// or NULL if one was already printed.
static TF_Tensor* ReadTensor(FILE* file, const char* path, const TensorSpec* spec,
                             const char** problem) {
  NpyHeader header;
  *problem = NpyReadHeader(file, &header);
  if (*problem != NULL) return NULL;
  const Type* type = TypeOfFile(&header);
  if (!Fits(&header, type, spec)) {
    SayWhatFits(path, &header, type, spec);
    return NULL;
  }
  const size_t bytes = NpyBytes(&header);
  TF_Tensor* tensor = TF_AllocateTensor(type->dtype, header.dims, header.rank, bytes);
  if (tensor == NULL || (bytes > 0 && TF_TensorData(tensor) == NULL)) {
    *problem = strerror(ENOMEM);
  } else {
    *problem = NpyReadData(file, &header, TF_TensorData(tensor));
  }
  if (*problem == NULL) return tensor;
  if (tensor != NULL) TF_DeleteTensor(tensor);
  return NULL;
}

TF_Tensor* ReadTensorFile(const char* path, const TensorSpec* spec) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) {
    Fail("cannot read %s: %s", path, strerror(errno));
    return NULL;
  }
  const char* problem = NULL;
  TF_Tensor* tensor = ReadTensor(file, path, spec, &problem);
  if (problem != NULL) Fail("cannot read %s: %s", path, problem);
  fclose(file);
  return tensor;
}

bool WriteTensorFile(const char* path, const TF_Tensor* tensor) {
  const Type* type = TypeOfTensor(TF_TensorType(tensor));
  const int rank = TF_NumDims(tensor);
  if (type == NULL || rank > NPY_MAX_RANK) {
    return Fail("cannot write %s: a .npy file cannot hold an output of this type or rank", path);
  }
  NpyHeader header = {.kind = type->kind, .size = type->size, .rank = rank};
  for (int i = 0; i < rank; ++i) header.dims[i] = TF_Dim(tensor, i);
  const char* problem = NpyWrite(path, &header, TF_TensorData(tensor));
  return problem == NULL || Fail("cannot write %s: %s", path, problem);
}
