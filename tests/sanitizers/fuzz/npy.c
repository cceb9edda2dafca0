// Fuzzes the reader of .npy files in examples/serving_c: any bytes are read or refused.
#define _XOPEN_SOURCE 700
#include "npy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  FILE* file = fmemopen((void*)(uintptr_t)bytes, size, "rb");
  if (file == NULL) return 0;
  NpyHeader header;
  if (NpyReadHeader(file, &header) == NULL) {
    // The memory has exactly the size that the header promises.
    void* data = malloc(NpyBytes(&header));
    if (NpyBytes(&header) > size || NpyReadData(file, &header, data) != NULL) abort();
    free(data);
  }
  fclose(file);
  return 0;
}
