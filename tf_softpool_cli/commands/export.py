"""`tf-softpool export` writes a model for serving and compares the result with the model."""

import argparse
from typing import TYPE_CHECKING

from tf_softpool_cli.completion import add_path
from tf_softpool_cli.names import FORMATS, INT8
from tf_softpool_cli.options import add_common_options, add_loading_options, add_output_options
from tf_softpool_cli.paths import check_file, check_model, check_out

if TYPE_CHECKING:
    from tf_softpool_cli.options import Commands

_EPILOG = (
    "Exit codes: 0 if the export was written and no output that was compared differs from the model's, 1 "
    "after an error, 2 for bad usage, 3 if the export was written but differs from the model by more than "
    "rounding explains."
)


def add_parser(commands: "Commands") -> None:
    """Adds this command to the command line."""
    parser = commands.add_parser(
        "export", help="write a model for serving", description=__doc__, epilog=_EPILOG
    )
    add_path(parser, "model", help="the model to export: a .keras or .h5 file, or a SavedModel folder")
    add_path(parser, "out", help="where to write: a SavedModel folder, or a .onnx, .tflite or .xml file")
    parser.add_argument(
        "--format",
        choices=sorted(FORMATS),
        help="the format to write. Default: the format that has OUT's ending",
    )
    parser.add_argument(
        "--portable",
        action="store_true",
        help="write a SavedModel of standard operations, without the compiled ops of tf_softpool",
    )
    add_path(
        parser,
        "--sample",
        metavar="FILE",
        help="the input to compare the outputs on: a .npy file, or a .npz file with an array for each input "
        "by its name. Default: random numbers",
    )
    parser.add_argument(
        "--quantize",
        choices=[INT8],
        help="write a .tflite file that computes in 8-bit integers. FILE of --sample must then have some "
        "hundred typical inputs, which set the ranges of the integers",
    )
    parser.add_argument("--no-check", action="store_true", help="do not load and compare the export")
    add_output_options(parser)
    add_loading_options(parser)
    add_common_options(parser)
    parser.set_defaults(parser=parser, check=_check, module="tf_softpool.cli.export", is_light=False)


def _check(options: argparse.Namespace) -> None:
    check_model(options.model)
    if options.sample is not None:
        check_file(options.sample)
    check_out(options.out, options.overwrite)
