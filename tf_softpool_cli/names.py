"""The names that the command line takes. Tests hold these tables equal to what the package has."""

# The formats of an export, each with the end of its files' names.
FORMATS = {"tf_saved_model": "", "onnx": ".onnx", "litert": ".tflite", "openvino": ".xml"}
INT8 = "int8"

# Our poolings, as `--map` names them.
POOLINGS = (
    "soft",
    "sorted",
    "detail_preserving",
    "local_importance",
    "sum",
    "power_average",
    "lp",
    "mixed",
    "gated",
    "stochastic",
    "s3",
    "median",
)
_PLAIN = ("max", "average", *POOLINGS)
# Gated pooling and S3 pooling have no other forms than windows.
_OTHER_FORMS = tuple(name for name in _PLAIN if name not in ("gated", "s3"))
KINDS = (
    *_PLAIN,
    *(f"global_{name}" for name in _OTHER_FORMS),
    *(f"adaptive_{name}" for name in _OTHER_FORMS),
)

# The rows that `tf-softpool bench` can measure, each with what it is.
ROWS = {
    "2x2": "windows of 2x2 side by side",
    "3x3": "windows of 3x3 that overlap by one",
    "stride-1": "windows of 3x3 at every position",
    "global": "one window that covers the whole image",
}

# How `tf-softpool compare` enlarges pooled pictures, and how many frames of a GIF or video it reads.
ENLARGINGS = ("nearest", "area", "bilinear", "bicubic")
FRAMES = 16
# The ends of the names of its sheets and pages, and how large a sheet is.
SHEETS, PAGES = (".pdf", ".png", ".svg", ".webp"), (".html", ".htm")
SCALES = (1, 2, 3, 4)
