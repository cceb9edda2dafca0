// Fuzzes the reader of a SavedModel's signatures in examples/serving_c: any bytes are read or
// refused.
#include "signature.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Signature signature;
  if (ReadSignature(bytes, size, "serving_default", &signature) == NULL) {
    const TensorSpecs* sets[] = {&signature.inputs, &signature.outputs};
    for (int set = 0; set < 2; ++set) {
      for (size_t i = 0; i < sets[set]->count; ++i) {
        const TensorSpec* spec = &sets[set]->specs[i];
        if (spec->rank < -1 || spec->rank > SIGNATURE_MAX_RANK || spec->name == NULL) abort();
        if (i > 0 && strcmp(spec[-1].name, spec->name) > 0) abort();
      }
    }
  }
  FreeSignature(&signature);
  return 0;
}
