// Reads .npy files and graphs with the code of examples/serving_c. First it reads each file as it
// is, prints what is in it and copies it. Then it reads the file CHANGES times with random changes:
// none of these may do harm.
//
//   reader CHANGES FILE...
#define _XOPEN_SOURCE 700
#include <stdlib.h>
#include <string.h>
#include "npy.h"
#include "signature.h"

// `copy` is the path to write what was read to, or NULL for changed content. Nothing is printed
// about changed content.
static void ReadNpy(char* bytes, size_t size, const char* copy) {
  FILE* file = fmemopen(bytes, size, "rb");
  NpyHeader header;
  const char* problem = NpyReadHeader(file, &header);
  if (problem == NULL) {
    char* data = malloc(NpyBytes(&header));
    problem = NpyReadData(file, &header, data);
    if (copy && !problem) problem = NpyWrite(copy, &header, data);
    free(data);
  }
  if (copy) puts(problem ? problem : "read");
  fclose(file);
}

static void PrintAll(char sort, const TensorSpecs* tensors) {
  for (size_t i = 0; i < tensors->count; ++i) {
    const TensorSpec* spec = &tensors->specs[i];
    printf("('%c', '%s', '%s', %d, ", sort, spec->name, spec->tensor ? spec->tensor : "",
           spec->dtype);
    if (spec->rank < 0) printf("None");
    if (spec->rank >= 0) printf("[");
    for (int d = 0; d < spec->rank; ++d) printf("%lld,", (long long)spec->dims[d]);
    puts(spec->rank < 0 ? ")" : "])");
  }
}

static void ReadGraph(char* bytes, size_t size, const char* copy) {
  Signature signature;
  const char* problem = ReadSignature(bytes, size, "serving_default", &signature);
  if (copy && problem) puts(problem);
  if (copy && !problem) PrintAll('i', &signature.inputs);
  if (copy && !problem) PrintAll('o', &signature.outputs);
  FreeSignature(&signature);
}

int main(int argc, char** argv) {
  static char content[1 << 20], path[4096];
  const int changes = atoi(argv[1]);
  for (int i = 2; i < argc; ++i) {
    FILE* file = fopen(argv[i], "rb");
    const size_t size = fread(content, 1, sizeof content, file);
    fclose(file);
    snprintf(path, sizeof path, "%s.copy", argv[i]);
    void (*read)(char*, size_t, const char*) = strstr(argv[i], ".npy") ? ReadNpy : ReadGraph;
    for (int change = 0; change <= changes; ++change) {
      // Memory of exactly this size, so that reading past its end is noticed.
      const size_t left = change % 2 ? 1 + rand() % size : size;
      char* bytes = malloc(left);
      memcpy(bytes, content, left);
      for (int n = change ? rand() % 4 : 0; n > 0; --n) {
        bytes[rand() % left] = rand() % 2 ? rand() : "0129,:()'-"[rand() % 10];
      }
      read(bytes, left, change ? NULL : path);
      free(bytes);
    }
  }
}
