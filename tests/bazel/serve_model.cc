// A small model server. It can serve only what was linked into it, because it names nothing of
// tf_softpool and loads no library.
//
//   serve_model registered FOLDER
//       writes the ops and kernels that it knows to ops.pb and kernels.pb
//   serve_model MODEL FOLDER
//       feeds a SavedModel the tensors in inputs/, and writes its results to outputs/
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/platform/env.h"
#include "tensorflow/core/public/session.h"

namespace tf = tensorflow;

namespace {

absl::Status WriteRegistered(const std::string& folder) {
  tf::OpList ops;
  tf::OpRegistry::Global()->Export(false, &ops);
  TF_RETURN_IF_ERROR(tf::WriteBinaryProto(tf::Env::Default(), folder + "/ops.pb", ops));
  return tf::WriteBinaryProto(tf::Env::Default(), folder + "/kernels.pb",
                              tf::GetAllRegisteredKernels());
}

absl::Status ReadTensor(const std::string& path, tf::Tensor* tensor) {
  tf::TensorProto proto;
  TF_RETURN_IF_ERROR(tf::ReadBinaryProto(tf::Env::Default(), path, &proto));
  if (!tensor->FromProto(proto)) return absl::InvalidArgumentError(path + " is not a tensor");
  return absl::OkStatus();
}

absl::Status WriteTensor(const std::string& path, const tf::Tensor& tensor) {
  tf::TensorProto proto;
  tensor.AsProtoTensorContent(&proto);
  return tf::WriteBinaryProto(tf::Env::Default(), path, proto);
}

absl::Status Serve(const std::string& model, const std::string& folder) {
  tf::SavedModelBundleLite bundle;
  TF_RETURN_IF_ERROR(
      tf::LoadSavedModel(tf::SessionOptions(), tf::RunOptions(), model, {"serve"}, &bundle));
  const tf::SignatureDef& signature = bundle.GetSignatures().at("serving_default");
  std::vector<std::pair<std::string, tf::Tensor>> inputs;
  for (const auto& [name, info] : signature.inputs()) {
    inputs.emplace_back(info.name(), tf::Tensor());
    TF_RETURN_IF_ERROR(ReadTensor(folder + "/inputs/" + name + ".pb", &inputs.back().second));
  }
  std::vector<std::string> names, tensors;
  for (const auto& [name, info] : signature.outputs()) {
    names.push_back(name);
    tensors.push_back(info.name());
  }
  std::vector<tf::Tensor> outputs;
  TF_RETURN_IF_ERROR(bundle.GetSession()->Run(inputs, tensors, {}, &outputs));
  for (size_t i = 0; i < outputs.size(); ++i) {
    std::cout << names[i] << ": " << outputs[i].DebugString(8) << "\n";
    TF_RETURN_IF_ERROR(WriteTensor(folder + "/outputs/" + names[i] + ".pb", outputs[i]));
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: serve_model (registered | MODEL) FOLDER\n";
    return 2;
  }
  const std::string what = argv[1];
  const absl::Status status =
      what == "registered" ? WriteRegistered(argv[2]) : Serve(what, argv[2]);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
