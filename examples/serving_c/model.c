#define _XOPEN_SOURCE 700

#include "model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool Fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("softpool_predict: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return false;
}

// Returns whether a library needs a symbol or a library that only another version of TensorFlow
// has.
static bool IsForAnother(const char* message) {
  return strstr(message, "undefined symbol") != NULL ||
         strstr(message, "libtensorflow_framework") != NULL ||
         (strstr(message, "version `") != NULL && strstr(message, "not found") != NULL);
}

static bool ExplainLibrary(const char* library, const char* message) {
  if (!IsForAnother(message)) return Fail("cannot load the library %s: %s", library, message);
  return Fail(
      "cannot load the library %s: %s. It was likely built for another TensorFlow than the "
      "%s that runs here. Build it for this one, or export the model with portable=True: "
      "then the model needs no library.",
      library, message, TF_Version());
}

bool LoadOps(const char* library) {
  // A full path: a name without a slash would be looked for in the system's folders of libraries.
  char* path = realpath(library, NULL);
  if (path == NULL) return Fail("cannot load the library %s: %s", library, strerror(errno));
  TF_Status* status = TF_NewStatus();
  TF_Library* ops = TF_LoadLibrary(path, status);
  const bool loaded = TF_GetCode(status) == TF_OK || ExplainLibrary(library, TF_Message(status));
  // This frees only the handle. The library and its ops stay.
  if (ops != NULL) TF_DeleteLibraryHandle(ops);
  TF_DeleteStatus(status);
  free(path);
  return loaded;
}

static void ExplainModel(const char* folder, const char* message) {
  const char* ours = "Op type not registered 'Softpool>";
  const char* op = strstr(message, "Op type not registered '");
  if (op == NULL) {
    Fail("cannot load the model %s: %s", folder, message);
  } else if (strncmp(op, ours, strlen(ours)) == 0) {
    // Ends the message after the op's name. What TensorFlow says after that is for people who link
    // ops.
    const int length = (int)(strlen(ours) + strcspn(op + strlen(ours), "'"));
    Fail(
        "cannot load the model %s: %.*s'. The model has compiled pooling. Name its library "
        "with -l, at the path in tsp.build_info()[\"library\"], or export the model with "
        "portable=True.",
        folder, length, op);
  } else {
    Fail("cannot load the model %s: %s. Name the library that has this op with -l.", folder, op);
  }
}

bool LoadModel(const char* folder, Model* model) {
  *model = (Model){.graph = TF_NewGraph()};
  TF_SessionOptions* options = TF_NewSessionOptions();
  TF_Buffer* meta_graph = TF_NewBuffer();
  TF_Status* status = TF_NewStatus();
  const char* tags[] = {"serve"};
  model->session = TF_LoadSessionFromSavedModel(options, NULL, folder, tags, 1, model->graph,
                                                meta_graph, status);
  bool loaded = TF_GetCode(status) == TF_OK;
  if (loaded) {
    const char* problem =
        ReadSignature(meta_graph->data, meta_graph->length, "serving_default", &model->signature);
    if (problem != NULL) {
      loaded = Fail("cannot serve %s with \"serving_default\": %s", folder, problem);
    }
  } else {
    ExplainModel(folder, TF_Message(status));
  }
  TF_DeleteStatus(status);
  TF_DeleteBuffer(meta_graph);
  TF_DeleteSessionOptions(options);
  return loaded;
}

// Finds the graph's tensor with a name such as "StatefulPartitionedCall:1".
static bool FindTensor(const Model* model, const TensorSpec* spec, TF_Output* found) {
  if (spec->tensor == NULL) return Fail("\"%s\" is sparse or ragged, not dense", spec->name);
  const char* colon = strrchr(spec->tensor, ':');
  const size_t length = colon == NULL ? strlen(spec->tensor) : (size_t)(colon - spec->tensor);
  char* name = strndup(spec->tensor, length);
  if (name == NULL) return Fail("%s", strerror(ENOMEM));
  const long index = colon == NULL ? 0 : strtol(colon + 1, NULL, 10);
  TF_Operation* operation = TF_GraphOperationByName(model->graph, name);
  free(name);
  if (operation == NULL || index < 0 || index >= TF_OperationNumOutputs(operation)) {
    return Fail("\"%s\" stands for the tensor %s, which is not in the graph", spec->name,
                spec->tensor);
  }
  *found = (TF_Output){.oper = operation, .index = (int)index};
  return true;
}

bool RunModel(const Model* model, TF_Tensor* const* values, const TensorSpec* const* wanted,
              size_t count, TF_Tensor** results) {
  const TensorSpecs* inputs = &model->signature.inputs;
  // One element more than needed: for no elements, calloc() may return NULL without an error.
  TF_Output* feeds = calloc(inputs->count + 1, sizeof *feeds);
  TF_Output* fetches = calloc(count + 1, sizeof *fetches);
  bool right = feeds != NULL && fetches != NULL;
  if (!right) Fail("%s", strerror(ENOMEM));
  for (size_t i = 0; right && i < inputs->count; ++i) {
    right = FindTensor(model, &inputs->specs[i], &feeds[i]);
  }
  for (size_t i = 0; right && i < count; ++i) right = FindTensor(model, wanted[i], &fetches[i]);
  if (right) {
    TF_Status* status = TF_NewStatus();
    TF_SessionRun(model->session, NULL, feeds, values, (int)inputs->count, fetches, results,
                  (int)count, NULL, 0, NULL, status);
    if (TF_GetCode(status) != TF_OK) right = Fail("cannot run the model: %s", TF_Message(status));
    TF_DeleteStatus(status);
  }
  free(feeds);
  free(fetches);
  return right;
}

void CloseModel(Model* model) {
  TF_Status* status = TF_NewStatus();
  if (model->session != NULL) {
    TF_CloseSession(model->session, status);
    TF_DeleteSession(model->session, status);
  }
  if (model->graph != NULL) TF_DeleteGraph(model->graph);
  TF_DeleteStatus(status);
  FreeSignature(&model->signature);
  *model = (Model){0};
}
