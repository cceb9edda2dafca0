#include "signature.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// The numbers of fields, from meta_graph.proto and tensor_shape.proto.
enum {
  kMetaGraphSignatures = 5,
  kEntryKey = 1,
  kEntryValue = 2,
  kSignatureInputs = 1,
  kSignatureOutputs = 2,
  kTensorName = 1,
  kTensorDtype = 2,
  kTensorShape = 3,
  kShapeDim = 2,
  kShapeUnknown = 3,
  kDimSize = 1,
};

// How protocol buffers write a field.
enum { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// The part of a message that is left to read, and whether reading has failed.
typedef struct {
  const uint8_t* at;
  const uint8_t* end;
  bool bad;
} Message;

typedef struct {
  uint64_t number;
  int type;
  uint64_t value;  // of a varint
  Message bytes;   // of a string or message
} Field;

static uint64_t ReadVarint(Message* message) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && message->at < message->end; shift += 7) {
    const uint8_t byte = *message->at++;
    value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) return value;
  }
  message->bad = true;
  return 0;
}

// Reads a field. Returns false at the end, and also if the message is broken.
static bool NextField(Message* message, Field* field) {
  if (message->bad || message->at == message->end) return false;
  const uint64_t tag = ReadVarint(message);
  *field = (Field){.number = tag >> 3, .type = (int)(tag & 7)};
  uint64_t size = 0;
  if (field->type == kVarint) {
    field->value = ReadVarint(message);
  } else if (field->type == kBytes) {
    size = ReadVarint(message);
  } else if (field->type == kFixed64 || field->type == kFixed32) {
    size = field->type == kFixed64 ? 8 : 4;
  } else {
    message->bad = true;  // groups, which none of these messages has
  }
  if (size > (size_t)(message->end - message->at)) message->bad = true;
  if (message->bad) return false;
  field->bytes = (Message){.at = message->at, .end = message->at + size};
  message->at += size;
  return true;
}

static bool Is(const Field* field, uint64_t number, int type) {
  return field->number == number && field->type == type;
}

static bool Equal(const Message* bytes, const char* text) {
  const size_t size = bytes->end - bytes->at;
  return size == strlen(text) && memcmp(bytes->at, text, size) == 0;
}

// Copies a text, and frees an earlier copy.
static bool CopyText(const Message* bytes, char** text) {
  const size_t size = bytes->end - bytes->at;
  free(*text);
  *text = malloc(size + 1);
  if (*text == NULL) return false;
  memcpy(*text, bytes->at, size);
  (*text)[size] = '\0';
  return true;
}

static bool ReadShape(Message shape, TensorSpec* spec) {
  Field field, inner;
  bool unknown = false;
  spec->rank = 0;
  while (NextField(&shape, &field)) {
    if (Is(&field, kShapeUnknown, kVarint)) unknown = field.value != 0;
    if (!Is(&field, kShapeDim, kBytes)) continue;
    if (spec->rank == SIGNATURE_MAX_RANK) return false;
    int64_t* dim = &spec->dims[spec->rank++];
    *dim = 0;  // a size of zero is not written
    while (NextField(&field.bytes, &inner)) {
      if (Is(&inner, kDimSize, kVarint)) *dim = (int64_t)inner.value;
    }
    if (field.bytes.bad) return false;
  }
  if (unknown) spec->rank = -1;
  return !shape.bad;
}

static bool ReadTensor(Message tensor, TensorSpec* spec) {
  Field field;
  while (NextField(&tensor, &field)) {
    if (Is(&field, kTensorName, kBytes) && !CopyText(&field.bytes, &spec->tensor)) return false;
    if (Is(&field, kTensorDtype, kVarint)) spec->dtype = (int)(field.value & 0xFFFF);
    if (Is(&field, kTensorShape, kBytes) && !ReadShape(field.bytes, spec)) return false;
  }
  return !tensor.bad;
}

// Adds an entry of a map from names to tensors.
static bool ReadEntry(Message entry, TensorSpecs* tensors) {
  TensorSpec* specs = realloc(tensors->specs, (tensors->count + 1) * sizeof *specs);
  if (specs == NULL) return false;
  tensors->specs = specs;
  TensorSpec* spec = &specs[tensors->count++];
  *spec = (TensorSpec){.rank = -1};
  Field field;
  while (NextField(&entry, &field)) {
    if (Is(&field, kEntryKey, kBytes) && !CopyText(&field.bytes, &spec->name)) return false;
    if (Is(&field, kEntryValue, kBytes) && !ReadTensor(field.bytes, spec)) return false;
  }
  return !entry.bad && spec->name != NULL;
}

static int ByName(const void* first, const void* second) {
  return strcmp(((const TensorSpec*)first)->name, ((const TensorSpec*)second)->name);
}

static bool ReadTensors(Message message, Signature* signature) {
  Field field;
  while (NextField(&message, &field)) {
    if (Is(&field, kSignatureInputs, kBytes) && !ReadEntry(field.bytes, &signature->inputs)) {
      return false;
    }
    if (Is(&field, kSignatureOutputs, kBytes) && !ReadEntry(field.bytes, &signature->outputs)) {
      return false;
    }
  }
  // Protocol buffers write the entries of maps in any order.
  TensorSpecs* sets[] = {&signature->inputs, &signature->outputs};
  for (int i = 0; i < 2; ++i) {
    if (!message.bad && sets[i]->count > 1) {
      qsort(sets[i]->specs, sets[i]->count, sizeof *sets[i]->specs, ByName);
    }
  }
  return !message.bad;
}

const char* ReadSignature(const void* meta_graph, size_t size, const char* name,
                          Signature* signature) {
  static const char kBroken[] = "its signatures cannot be read";
  *signature = (Signature){0};
  Message message = {.at = meta_graph, .end = (const uint8_t*)meta_graph + size};
  Field field, part;
  while (NextField(&message, &field)) {
    if (!Is(&field, kMetaGraphSignatures, kBytes)) continue;
    bool wanted = false;
    Message value = {0};
    while (NextField(&field.bytes, &part)) {
      if (Is(&part, kEntryKey, kBytes)) wanted = Equal(&part.bytes, name);
      if (Is(&part, kEntryValue, kBytes)) value = part.bytes;
    }
    if (field.bytes.bad) return kBroken;
    if (wanted) return ReadTensors(value, signature) ? NULL : kBroken;
  }
  return message.bad ? kBroken : "it has no such signature";
}

static void FreeTensors(TensorSpecs* tensors) {
  for (size_t i = 0; i < tensors->count; ++i) {
    free(tensors->specs[i].name);
    free(tensors->specs[i].tensor);
  }
  free(tensors->specs);
  *tensors = (TensorSpecs){0};
}

void FreeSignature(Signature* signature) {
  FreeTensors(&signature->inputs);
  FreeTensors(&signature->outputs);
}
