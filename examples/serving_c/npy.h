// Arrays in NumPy's .npy files, as np.save() writes and np.load() reads them. Knows nothing of
// TensorFlow.
#ifndef SOFTPOOL_PREDICT_NPY_H_
#define SOFTPOOL_PREDICT_NPY_H_

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NPY_MAX_RANK 64  // NumPy's own limit

// What an array is: numbers in little-endian byte order, the last dimension's next to each other.
typedef struct {
  char kind;  // 'f' floating point, 'i' signed, 'u' unsigned, 'b' bool, 'c' complex
  int size;   // of a number, in bytes
  int rank;
  int64_t dims[NPY_MAX_RANK];
} NpyHeader;

// How many bytes the numbers take. A header that was read has no more than its file.
size_t NpyBytes(const NpyHeader* header);

// These return NULL if all went well, or else what is wrong, in words.

// Reads up to the numbers, of which there are as many as the header says.
const char* NpyReadHeader(FILE* file, NpyHeader* header);

// Reads NpyBytes() of numbers, after the header.
const char* NpyReadData(FILE* file, const NpyHeader* header, void* data);

// Writes a file, over one that is there.
const char* NpyWrite(const char* path, const NpyHeader* header, const void* data);

#endif  // SOFTPOOL_PREDICT_NPY_H_
