// Arrays in NumPy's .npy files, as np.save() writes and np.load() reads them. This code knows
// nothing of TensorFlow.
#ifndef SOFTPOOL_PREDICT_NPY_H_
#define SOFTPOOL_PREDICT_NPY_H_

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NPY_MAX_RANK 64  // NumPy's own limit

// An array of numbers in little-endian byte order. The numbers of the last dimension are next to
// each other.
typedef struct {
  char kind;  // 'f' floating point, 'i' signed, 'u' unsigned, 'b' bool, 'c' complex
  int size;   // of a number, in bytes
  int rank;
  int64_t dims[NPY_MAX_RANK];
} NpyHeader;

// Returns how many bytes the numbers take. If the header was read from a file, the file has that
// many.
size_t NpyBytes(const NpyHeader* header);

// The functions below return NULL if all went well, or else an error message.

// Reads a file up to the numbers, and checks that the file has all numbers that the header
// promises.
const char* NpyReadHeader(FILE* file, NpyHeader* header);

// Reads the numbers, NpyBytes() bytes, after the header.
const char* NpyReadData(FILE* file, const NpyHeader* header, void* data);

// Writes a file. Replaces a file that is already there.
const char* NpyWrite(const char* path, const NpyHeader* header, const void* data);

#endif  // SOFTPOOL_PREDICT_NPY_H_
