"""What a user of the command line says instead of the arguments that Python's functions have.

Errors and reports come from functions that name their own arguments.
"""

import re

_IN_PYTHON = "`{0}` of `tf_softpool.{1}` in Python"
# Phrases of several words. They come first, and may contain the names below.
_PHRASES = {
    r"(?:import and register them, or )?give them as custom_objects": "import them with `--import`",
    r"Load their library first, with `tf\.load_op_library`, or import the package that has them": (
        "Import the package that has them, or a module that loads their library, with `--import`"
    ),
    r"export the model with `tsp\.export\(keras\.models\.load_model\(path\), out\)`": (
        "use `tf-softpool export`"
    ),
    r"set `overwrite` to replace it": "give `--overwrite` to replace it",
    r"set `safe_mode=False`|[Pp]ass `safe_mode=False`(?: to the loading function)?": "give `--unsafe`",
    r"[Pp]ass another `format` to write a file": "Give another `--format` to write a file",
    r": see `in_place` of `replace_pooling`": f": see {_IN_PYTHON.format('in_place', 'replace_pooling')}",
    r"\ba `path`": "an OUT",
    r"`replace_pooling_in_file`": "`tf-softpool replace`",
}
# Arguments, each with its value if the message gives one.
_ARGUMENTS = {
    "check": "`--no-check`",
    "custom_objects": "`--import`",
    "dry_run": "`--dry-run`",
    "enlarge": "`--enlarge`",
    "endpoints": _IN_PYTHON.format("endpoints", "export"),
    "first": "`--first`",
    "format": "`--format`",
    "frames": "`--frames`",
    "images": "IMAGE",
    "input_signature": _IN_PYTHON.format("input_signature", "export"),
    "last": "`--last`",
    "out": "OUT",
    "overwrite": "`--overwrite`",
    "path": "OUT",
    "pool_size": "`--pool-size`",
    "portable": "`--portable`",
    "quantize": "`--quantize`",
    "ranges": "`--range`",
    "replacements": "`--map`",
    "safe_mode": "`--unsafe`",
    "sample": "`--sample`",
    "seconds": "`--seconds`",
    "seed": "`--seed`",
    "where": "`--where`",
}


def with_switches(text: str) -> str:
    """Returns a message of a Python function with the switches of the command line for its arguments.

    Args:
        text: str. The arguments in it are in backticks, as in `` `portable=True` ``.

    Example:
        >>> from tf_softpool_cli.switches import with_switches
        >>> with_switches("model.onnx already exists: set `overwrite` to replace it.")
        'model.onnx already exists: give `--overwrite` to replace it.'
    """
    for phrase, words in _PHRASES.items():
        text = re.sub(phrase, words.replace("\\", r"\\"), text)
    for name, switch in _ARGUMENTS.items():
        # An argument that already is said to be one of a Python function stays.
        text = re.sub(rf"`{name}(=\w+)?`(?! of `tf_softpool\.)", switch, text)
    return text
