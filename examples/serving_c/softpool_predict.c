// Runs a Keras model with compiled pooling, as tsp.export(model, path) wrote it, without Python.
//
//   softpool_predict MODEL [-l LIBRARY]... [-i [NAME=]FILE.npy]... [-o [NAME=]FILE.npy]...
//
// Reads the inputs of the model's signature "serving_default" from .npy files, and writes outputs
// to other .npy files. NAME may be left out if the model has only one input, or one output. A FILE
// with "=" in its name must be given as ./FILE. Without -i and -o, the program prints the model's
// inputs and outputs.
//
// LIBRARY has the ops that the model needs. The path of the library with tf_softpool's ops is in
// tsp.build_info()["library"]. A portable model needs no library, and -l may be "" or "-".
//
// To serve models in your own program, take model.c and signature.c: the rest deals with files.
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"
#include "signature.h"
#include "tensor_file.h"

// A file, and the name of the input or output that it is for.
typedef struct {
  const char* name;  // of `length` letters, or NULL if it was left out
  int length;
  const char* path;
} File;

typedef struct {
  File* items;
  size_t count;
} Files;

typedef struct {
  const char* model;
  Files libraries, inputs, outputs;
} Arguments;

static bool ExplainUsage(void) {
  fputs(
      "Usage: softpool_predict MODEL [-l LIBRARY]... [-i [NAME=]FILE.npy]... [-o ...]...\n"
      "Without -i and -o, it prints the inputs and outputs of the model.\n",
      stderr);
  return false;
}

static File Named(const char* argument) {
  const char* equals = strchr(argument, '=');
  const char* slash = strchr(argument, '/');
  // An "=" after a slash is part of a file's name.
  if (equals == NULL || (slash != NULL && slash < equals)) return (File){.path = argument};
  return (File){.name = argument, .length = (int)(equals - argument), .path = equals + 1};
}

static bool ReadOptions(int argc, char** argv, Arguments* arguments) {
  Files *libraries = &arguments->libraries, *inputs = &arguments->inputs,
        *outputs = &arguments->outputs;
  // Each list has fewer entries than there are arguments.
  libraries->items = calloc(argc + 1, sizeof(File));
  inputs->items = calloc(argc + 1, sizeof(File));
  outputs->items = calloc(argc + 1, sizeof(File));
  if (!libraries->items || !inputs->items || !outputs->items) return Fail("%s", strerror(ENOMEM));
  if (argc < 2 || argv[1][0] == '-') return ExplainUsage();
  arguments->model = argv[1];
  optind = 2;
  for (int option; (option = getopt(argc, argv, "l:i:o:")) != -1;) {
    if (option == '?') return ExplainUsage();
    if (option == 'i') inputs->items[inputs->count++] = Named(optarg);
    if (option == 'o') outputs->items[outputs->count++] = Named(optarg);
    if (option == 'l' && *optarg != '\0' && strcmp(optarg, "-") != 0) {
      libraries->items[libraries->count++] = (File){.path = optarg};
    }
  }
  if (optind < argc) return Fail("unexpected argument %s: name files after -i or -o", argv[optind]);
  if (inputs->count > 0 && outputs->count == 0) {
    return Fail("-i is given without -o: name a file to write an output to with -o FILE.npy");
  }
  return true;
}

// Returns the input or output that a file is for, or NULL. `what` is "input" or "output".
static const TensorSpec* Find(const TensorSpecs* tensors, const File* file, const char* what) {
  if (file->name == NULL && tensors->count == 1) return &tensors->specs[0];
  for (size_t i = 0; file->name != NULL && i < tensors->count; ++i) {
    const char* name = tensors->specs[i].name;
    if (strlen(name) == (size_t)file->length && memcmp(name, file->name, file->length) == 0) {
      return &tensors->specs[i];
    }
  }
  if (file->name == NULL) {
    fprintf(stderr, "softpool_predict: which %s is %s for? The model has", what, file->path);
  } else {
    fprintf(stderr, "softpool_predict: there is no %s \"%.*s\". The model has", what, file->length,
            file->name);
  }
  for (size_t i = 0; i < tensors->count; ++i) {
    fprintf(stderr, "%s \"%s\"", i == 0 ? "" : ",", tensors->specs[i].name);
  }
  fprintf(stderr, tensors->count == 0 ? " no %ss\n" : "\n", what);
  return NULL;
}

// Reads a value for each input of the model.
static bool ReadInputs(const TensorSpecs* tensors, const Files* files, TF_Tensor** values) {
  for (size_t i = 0; i < files->count; ++i) {
    const TensorSpec* spec = Find(tensors, &files->items[i], "input");
    if (spec == NULL) return false;
    TF_Tensor** value = &values[spec - tensors->specs];
    if (*value != NULL) return Fail("input \"%s\" is given twice", spec->name);
    *value = ReadTensorFile(files->items[i].path, spec);
    if (*value == NULL) return false;
  }
  for (size_t i = 0; i < tensors->count; ++i) {
    const char* name = tensors->specs[i].name;
    if (values[i] == NULL) return Fail("input \"%s\" is not given: add -i %s=FILE.npy", name, name);
  }
  return true;
}

// Reads the inputs, runs the model and writes the outputs. The memory is the caller's: `values` for
// the inputs, `wanted` for the outputs that files are for, and `results` for the values of these.
static bool Answer(const Model* model, const Arguments* arguments, TF_Tensor** values,
                   const TensorSpec** wanted, TF_Tensor** results) {
  const Files* files = &arguments->outputs;
  for (size_t i = 0; i < files->count; ++i) {
    wanted[i] = Find(&model->signature.outputs, &files->items[i], "output");
    if (wanted[i] == NULL) return false;
  }
  if (!ReadInputs(&model->signature.inputs, &arguments->inputs, values)) return false;
  if (!RunModel(model, values, wanted, files->count, results)) return false;
  for (size_t i = 0; i < files->count; ++i) {
    if (!WriteTensorFile(files->items[i].path, results[i])) return false;
  }
  return true;
}

static void DeleteTensors(TF_Tensor** tensors, size_t count) {
  for (size_t i = 0; tensors != NULL && i < count; ++i) {
    if (tensors[i] != NULL) TF_DeleteTensor(tensors[i]);
  }
  free(tensors);
}

static bool Predict(const Model* model, const Arguments* arguments) {
  const size_t inputs = model->signature.inputs.count, outputs = arguments->outputs.count;
  TF_Tensor** values = calloc(inputs + 1, sizeof *values);
  TF_Tensor** results = calloc(outputs + 1, sizeof *results);
  const TensorSpec** wanted = calloc(outputs + 1, sizeof *wanted);
  const bool memory = values != NULL && results != NULL && wanted != NULL;
  if (!memory) Fail("%s", strerror(ENOMEM));
  const bool answered = memory && Answer(model, arguments, values, wanted, results);
  DeleteTensors(values, inputs);
  DeleteTensors(results, outputs);
  free(wanted);
  return answered;
}

static void PrintSignature(const char* title, const TensorSpecs* tensors) {
  puts(title);
  for (size_t i = 0; i < tensors->count; ++i) {
    printf("  %s: ", tensors->specs[i].name);
    PrintSpec(stdout, &tensors->specs[i]);
    putchar('\n');
  }
}

static bool Serve(const Arguments* arguments) {
  const Files* libraries = &arguments->libraries;
  for (size_t i = 0; i < libraries->count; ++i) {
    if (!LoadOps(libraries->items[i].path)) return false;
  }
  Model model;
  bool served = LoadModel(arguments->model, &model);
  if (served && arguments->outputs.count == 0) {
    PrintSignature("inputs:", &model.signature.inputs);
    PrintSignature("outputs:", &model.signature.outputs);
  } else if (served) {
    served = Predict(&model, arguments);
  }
  CloseModel(&model);
  return served;
}

int main(int argc, char** argv) {
  Arguments arguments = {0};
  const bool served = ReadOptions(argc, argv, &arguments) && Serve(&arguments);
  free(arguments.libraries.items);
  free(arguments.inputs.items);
  free(arguments.outputs.items);
  return served ? EXIT_SUCCESS : EXIT_FAILURE;
}
