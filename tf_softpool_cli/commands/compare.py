"""`tf-softpool compare` pools pictures, and says how much of each is left."""

import argparse
from typing import TYPE_CHECKING

from tf_softpool_cli.completion import add_path
from tf_softpool_cli.names import ENLARGINGS, FRAMES, PAGES, POOLINGS, SCALES, SHEETS
from tf_softpool_cli.numbers import positive, seconds
from tf_softpool_cli.options import UsageError, add_common_options
from tf_softpool_cli.paths import check_out, check_picture
from tf_softpool_cli.ranges import checked

if TYPE_CHECKING:
    from tf_softpool_cli.options import Commands

_NAMES = ("average", "max", *POOLINGS)
_EPILOG = """
Each picture is pooled, enlarged to its old size, and held against the original. SSIM is their structural
similarity, at most 1. A range says what a picture's values are scaled to before it is pooled. SoftPool is
always shown at 0..1, 0..255 and standard too, because it is another pooling in each of them. Poolings that
learn are shown as they start.
"""


def add_parser(commands: "Commands") -> None:
    """Adds this command to the command line."""
    parser = commands.add_parser(
        "compare", help="compare the poolings on pictures of yours", description=__doc__, epilog=_EPILOG
    )
    add_path(
        parser,
        "images",
        nargs="+",
        metavar="IMAGE",
        help="an image file, a GIF, a video, or a folder with images",
    )
    parser.add_argument(
        "--poolings",
        nargs="+",
        choices=_NAMES,
        metavar="POOLING",
        help=f"any of {', '.join(_NAMES)}. Average and max pooling are always there. Default: all",
    )
    parser.add_argument(
        "--pool-size",
        nargs="+",
        type=positive,
        default=[2],
        metavar="K",
        help="the window: K for all axes, or rows and columns, or frames, rows and columns. Default: 2",
    )
    parser.add_argument(
        "--range",
        nargs="+",
        type=_range,
        default=["0..1"],
        metavar="RANGE",
        help="the ranges to pool in: A..B, or standard for mean 0 and deviation 1. Write --range=-1..1 if A "
        "is negative. Default: 0..1",
    )
    parser.add_argument(
        "--enlarge",
        choices=ENLARGINGS,
        default=ENLARGINGS[0],
        help="how pooled pictures are enlarged. Default: %(default)s",
    )
    parser.add_argument(
        "--frames",
        type=positive,
        default=FRAMES,
        metavar="N",
        help="how many frames of a GIF or video to read. Default: %(default)s",
    )
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="the seed of poolings that draw. Default: 0"
    )
    parser.add_argument(
        "--seconds",
        type=seconds,
        default=1.0,
        metavar="N",
        help="how long to measure times, on the first picture. 0 measures none. Default: %(default)s",
    )
    _add_output_options(parser)
    add_common_options(parser)
    parser.set_defaults(parser=parser, check=_check, module="tf_softpool.cli.compare", is_light=False)


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    add_path(
        parser,
        "--sheet",
        metavar="FILE",
        help=f"draw the pictures, original and pooled: a {', '.join(SHEETS)} file",
    )
    add_path(parser, "--html", metavar="FILE", help="write a page with the table and the pictures")
    parser.add_argument(
        "--scale",
        type=int,
        choices=SCALES,
        default=SCALES[0],
        help="how large the sheet draws things. Default: %(default)s",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the files of --sheet and --html")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def _check(options: argparse.Namespace) -> None:
    if len(options.pool_size) > 3:
        raise UsageError("argument --pool-size: give at most three numbers: frames, rows and columns")
    for option, path, endings in (("--sheet", options.sheet, SHEETS), ("--html", options.html, PAGES)):
        if path is not None and not path.lower().endswith(endings):
            raise UsageError(f"argument {option}: the name must end with {', '.join(endings)}, got {path!r}")
    for image in options.images:
        check_picture(image)
    for path in (options.sheet, options.html):
        if path is not None:
            check_out(path, options.overwrite)


def _range(text: str) -> str:
    try:
        return checked(text)[0]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 2^31 - 1, got {text!r}")
    return int(text)
