"""The formats that models are exported to: a module for each, with what writes it and what runs it.

A model is traced to a SavedModel whatever the format, which the others are made of. A module has:

- `NAME`, as `keras.Model.export` has it, and as the extra of ours that installs what it needs; `SUFFIX` of
  its file, or "" for a folder;
- `check()`, which raises an ImportError, or a RuntimeError, where what writes it is missing;
- `convert(saved_model, path)`, which makes it of a portable SavedModel's default signature;
- `Runner(path)`, a `Served`.
"""

from tf_softpool.serving.formats import litert, onnx, openvino, tf_saved_model

FORMATS = {module.NAME: module for module in (tf_saved_model, onnx, litert, openvino)}
