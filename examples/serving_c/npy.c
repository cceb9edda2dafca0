#define _XOPEN_SOURCE 700

#include "npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Numbers are copied as they are: this needs a little-endian processor."
#endif

static const char kMagic[] = "\x93NUMPY";
enum {
  kMagicSize = 6,
  kMaxText = 10000,                        // NumPy's own limit
  kWrittenText = 128 + NPY_MAX_RANK * 22,  // digits of a dimension, a comma and a blank
};

static const char kNotNpy[] = "it is not a .npy file";
static const char kBadHeader[] = "it has a broken .npy header";
static const char kCutShort[] = "it is cut short: it has fewer numbers than its header says";

// The header is a dictionary in Python's notation. Each of these functions takes one piece of the
// header, if that piece comes next.
static bool Take(const char** at, char wanted) {
  while (**at == ' ' || **at == '\n') ++*at;
  if (**at != wanted) return false;
  ++*at;
  return true;
}

static bool TakeString(const char** at, char* text, size_t size) {
  const char quote = Take(at, '\'') ? '\'' : '"';
  if (quote == '"' && !Take(at, quote)) return false;
  const char* end = strchr(*at, quote);
  if (end == NULL || (size_t)(end - *at) >= size) return false;
  memcpy(text, *at, end - *at);
  text[end - *at] = '\0';
  *at = end + 1;
  return true;
}

static bool TakeDimension(const char** at, int64_t* dim) {
  while (**at == ' ') ++*at;
  if (**at < '0' || **at > '9') return false;
  char* end;
  errno = 0;
  *dim = strtoll(*at, &end, 10);
  *at = end;
  return errno == 0;
}

static bool TakeShape(const char** at, NpyHeader* header) {
  if (!Take(at, '(')) return false;
  for (header->rank = 0; !Take(at, ')'); ++header->rank) {
    if (header->rank == NPY_MAX_RANK || !TakeDimension(at, &header->dims[header->rank]))
      return false;
    // The comma after the last dimension may be left out.
    if (!Take(at, ',')) {
      ++header->rank;
      return Take(at, ')');
    }
  }
  return true;
}

// Parses a type such as '<f4': byte order, kind and size.
static const char* ParseType(const char* text, NpyHeader* header) {
  static const char kOther[] =
      "it has elements that are not numbers, or numbers of a type that is not supported";
  if (*text == '>') return "it is big-endian: save x.astype(x.dtype.newbyteorder('<')) instead";
  if (strlen(text) != 3 && strcmp(text, "<c16") != 0 && strcmp(text, "<f16") != 0) return kOther;
  header->kind = text[1];
  header->size = (int)strtol(text + 2, NULL, 10);
  if (strchr("fiubc", header->kind) == NULL || header->size <= 0) return kOther;
  return *text == '<' || (*text == '|' && header->size == 1) ? NULL : kOther;
}

// Takes the end of the dictionary. Only blanks may come after it.
static bool TakeEnd(const char** at) { return Take(at, '}') && (*at)[strspn(*at, " \n")] == '\0'; }

static const char* ParseHeader(const char* at, NpyHeader* header) {
  bool type = false, order = false, shape = false;
  if (!Take(&at, '{')) return kBadHeader;
  while (!TakeEnd(&at)) {
    char key[16], value[16];
    if (!TakeString(&at, key, sizeof key) || !Take(&at, ':')) return kBadHeader;
    if (strcmp(key, "descr") == 0) {
      // A list is the type of a structure. Longer texts are the types of strings, objects and
      // dates.
      if (!TakeString(&at, value, sizeof value)) return "it has elements that are not numbers";
      const char* problem = ParseType(value, header);
      if (problem != NULL) return problem;
      type = true;
    } else if (strcmp(key, "fortran_order") == 0) {
      while (*at == ' ') ++at;
      if (strncmp(at, "True", 4) == 0) return "it has Fortran order: save np.ascontiguousarray(x)";
      if (strncmp(at, "False", 5) != 0) return kBadHeader;
      at += 5;
      order = true;
    } else if (strcmp(key, "shape") == 0) {
      if (!TakeShape(&at, header)) return kBadHeader;
      shape = true;
    } else {
      return kBadHeader;
    }
    if (!Take(&at, ',')) return TakeEnd(&at) && type && order && shape ? NULL : kBadHeader;
  }
  return type && order && shape ? NULL : kBadHeader;
}

// Returns whether the product of all dimensions except zeros, times a number's size, does not
// overflow. Code that multiplies the dimensions in another order must not overflow either.
static bool Countable(const NpyHeader* header) {
  int64_t bytes = header->size;
  for (int i = 0; i < header->rank; ++i) {
    const int64_t dim = header->dims[i];
    if (dim > 0 && bytes > INT64_MAX / dim) return false;
    if (dim > 0) bytes *= dim;
  }
  return (uint64_t)bytes <= SIZE_MAX;
}

size_t NpyBytes(const NpyHeader* header) {
  size_t bytes = header->size;
  for (int i = 0; i < header->rank; ++i) bytes *= header->dims[i];
  return bytes;
}

static const char* ReadText(FILE* file, char* text) {
  unsigned char start[kMagicSize + 2], length[4] = {0};
  if (fread(start, sizeof start, 1, file) != 1) return ferror(file) ? strerror(errno) : kNotNpy;
  if (memcmp(start, kMagic, kMagicSize) != 0) return kNotNpy;
  const int version = start[kMagicSize];
  if (version < 1 || version > 3 || start[kMagicSize + 1] != 0)
    return "it is in a newer version of the .npy format";
  if (fread(length, version == 1 ? 2 : 4, 1, file) != 1) return kBadHeader;
  const size_t size = length[0] | length[1] << 8 | length[2] << 16 | (size_t)length[3] << 24;
  if (size == 0 || size > kMaxText || fread(text, size, 1, file) != 1) return kBadHeader;
  text[size] = '\0';
  return strlen(text) == size ? NULL : kBadHeader;
}

const char* NpyReadHeader(FILE* file, NpyHeader* header) {
  char text[kMaxText + 1];
  const char* problem = ReadText(file, text);
  if (problem == NULL) problem = ParseHeader(text, header);
  if (problem != NULL) return problem;
  // Checks the file's size, so that nobody reserves memory for numbers that are not there.
  const off_t start = ftello(file);
  if (start < 0 || fseeko(file, 0, SEEK_END) != 0) return strerror(errno);
  const off_t end = ftello(file);
  if (fseeko(file, start, SEEK_SET) != 0) return strerror(errno);
  if (!Countable(header) || end < start || NpyBytes(header) > (uintmax_t)(end - start)) {
    return kCutShort;
  }
  return NULL;
}

const char* NpyReadData(FILE* file, const NpyHeader* header, void* data) {
  const size_t bytes = NpyBytes(header);
  if (bytes == 0 || fread(data, bytes, 1, file) == 1) return NULL;
  return ferror(file) ? strerror(errno) : kCutShort;
}

// Writes a file's first bytes, padded so that the numbers begin at a multiple of 64. Returns how
// many bytes.
static size_t FormatHeader(const NpyHeader* header, char* out) {
  const char order = header->size == 1 ? '|' : '<';
  size_t size = kMagicSize + 4;
  size += sprintf(out + size, "{'descr': '%c%c%d', 'fortran_order': False, 'shape': (", order,
                  header->kind, header->size);
  for (int i = 0; i < header->rank; ++i)
    size += sprintf(out + size, "%" PRId64 ", ", header->dims[i]);
  size += sprintf(out + size, "), }");
  while (size % 64 != 63) out[size++] = ' ';
  out[size++] = '\n';
  const size_t text = size - kMagicSize - 4;
  memcpy(out, kMagic, kMagicSize);
  const char rest[] = {1, 0, (char)(text & 255), (char)(text >> 8)};
  memcpy(out + kMagicSize, rest, sizeof rest);
  return size;
}

const char* NpyWrite(const char* path, const NpyHeader* header, const void* data) {
  char start[kMagicSize + 4 + kWrittenText + 64];
  const size_t size = FormatHeader(header, start), bytes = NpyBytes(header);
  FILE* file = fopen(path, "wb");
  if (file == NULL) return strerror(errno);
  const bool written =
      fwrite(start, size, 1, file) == 1 && (bytes == 0 || fwrite(data, bytes, 1, file) == 1);
  const int error = errno;
  // fclose() writes what is still in memory, and that may fail.
  if (fclose(file) == 0 && written) return NULL;
  return strerror(written ? errno : error);
}
