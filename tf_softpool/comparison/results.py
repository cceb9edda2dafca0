"""What a comparison found, for people and for programs."""

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from rich.table import Table

from tf_softpool.comparison import printing
from tf_softpool.comparison.enlarging import enlarged
from tf_softpool.comparison.entrants import Entrant
from tf_softpool.comparison.picture import Picture
from tf_softpool.comparison.pooling import cropped, pooled, window_of
from tf_softpool.packages import require
from tf_softpool_cli.tables import plain_text


@dataclass(frozen=True)
class Settings:
    """How poolings were compared.

    Attributes:
        pool_size: tuple of int: the window, with a number for frames first if there are three numbers.
        ranges: tuple of str: the ranges of values that were asked for.
        enlarge: str: how pooled pictures are enlarged to their old size, one of `ENLARGINGS`.
        frames: int: how many frames of a GIF or video are read at most.
        seed: int: the seed of poolings that draw.
        seconds: float: how long times were measured, or 0 for no times.
        versions: dict of str to str: the versions of the packages that did it.
    """

    pool_size: tuple[int, ...]
    ranges: tuple[str, ...]
    enlarge: str
    frames: int
    seed: int
    seconds: float
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """How a pooling did on one picture.

    Attributes:
        picture: str: the picture's name.
        entrant: Entrant: the pooling.
        ssim: float: the structural similarity of the original and of the pooled picture, enlarged. At most 1.
        psnr: float: the peak signal-to-noise ratio in decibels, `inf` if the two are equal.
        brightness: float: how much lighter the pooled picture is, as a percentage of white.
        way: float or None: how far the values lie on the way from average to max pooling: 0 is the average
            and 1 the maximum. None if the two are equal everywhere.
    """

    picture: str
    entrant: Entrant
    ssim: float
    psnr: float
    brightness: float
    way: float | None


@dataclass(frozen=True)
class Row:
    """How a pooling did on all pictures. Numbers are means over the pictures.

    Attributes:
        entrant: Entrant: the pooling.
        ssim: float: the structural similarity.
        ssim_minus_average: float: how far it is above that of average pooling.
        won: int: on how many pictures it is above that of average pooling.
        pictures: int: the number of pictures.
        psnr: float: in decibels, over the pictures that differ from their originals, or `inf` if none does.
        brightness: float: the shift of brightness, as a percentage of white.
        way: float or None: the share of the way from average to max, over the pictures that have one.
        milliseconds: float or None: the time for the first picture, if it was measured.
        of_max: float or None: how many times the time of max pooling of Keras that is.
        of_average: float or None: the same for average pooling.
    """

    entrant: Entrant
    ssim: float
    ssim_minus_average: float
    won: int
    pictures: int
    psnr: float
    brightness: float
    way: float | None
    milliseconds: float | None = None
    of_max: float | None = None
    of_average: float | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `tf_softpool.compare` found. Its text is a header and a table.

    Attributes:
        settings: Settings: how poolings were compared.
        pictures: tuple of Picture: what they were compared on.
        entrants: tuple of Entrant: the poolings, each at a range of values.
        scores: tuple of Score: one for each picture and entrant.
        rows: tuple of Row: one for each entrant, the best structural similarity first.
    """

    settings: Settings
    pictures: tuple[Picture, ...]
    entrants: tuple[Entrant, ...]
    scores: tuple[Score, ...]
    rows: tuple[Row, ...]

    def original(self, picture: Picture) -> np.ndarray:
        """Returns a picture without the rows and columns that fill no window, float32 from 0 to 1."""
        return cropped(picture.values, window_of(picture, self.settings.pool_size))

    def pooled(self, picture: Picture, entrant: Entrant) -> np.ndarray:
        """Returns a pooled picture, float32 from 0 to 1. It is computed again, with the same draws."""
        return pooled(self.original(picture), entrant, window_of(picture, self.settings.pool_size))

    def enlarged(self, picture: Picture, entrant: Entrant) -> np.ndarray:
        """Returns a pooled picture, enlarged to the size of `original(picture)`, float32 from 0 to 1."""
        window = window_of(picture, self.settings.pool_size)
        return enlarged(self.pooled(picture, entrant), window, self.settings.enlarge)

    def score(self, picture: Picture, entrant: Entrant) -> Score:
        """Returns how an entrant did on a picture."""
        return next(each for each in self.scores if each.picture == picture.name and each.entrant == entrant)

    def header(self) -> str:
        """Returns what was compared and measured, and how, in a few lines."""
        return printing.header(self)

    def table(self) -> Table:
        """Returns the rows as a table."""
        return printing.table(self)

    def __str__(self) -> str:
        return f"{self.header()}\n{plain_text(self.table())}"

    def to_json(self) -> dict[str, Any]:
        """Returns everything but the pictures themselves, as `json.dumps` takes it.

        A PSNR of equal pictures, which is infinite, is None.
        """
        return {
            "header": self.header(),
            "settings": asdict(self.settings),
            "pictures": [
                {"name": each.name, "shape": list(each.shape), "notes": list(each.notes)}
                for each in self.pictures
            ],
            "rows": [_plain(each) for each in self.rows],
            "scores": [_plain(each) for each in self.scores],
        }

    def sheet(
        self,
        path: str | os.PathLike[str],
        picture: Picture | str | None = None,
        region: Sequence[int] | None = None,
        scale: int = 1,
        overwrite: bool = False,
    ) -> None:
        """Writes a contact sheet: the original and all entrants as pictures. See `write_sheet`."""
        require("compare", "matplotlib", purpose="A contact sheet")
        from tf_softpool.comparison.sheet import write_sheet

        write_sheet(self, path, picture, region, scale, overwrite)

    def html(
        self,
        path: str | os.PathLike[str],
        region: Sequence[int] | None = None,
        overwrite: bool = False,
    ) -> None:
        """Writes a page with the table and the pictures. See `write_page`."""
        require("compare", "matplotlib", "jinja2", purpose="A page")
        from tf_softpool.comparison.page import write_page

        write_page(self, path, region, overwrite)


def _plain(result: Score | Row) -> dict[str, Any]:
    """Returns a result as a flat dict of finite numbers."""
    values = {name: getattr(result, name) for name in result.__dataclass_fields__ if name != "entrant"}
    entrant = {name: getattr(result.entrant, name) for name in ("pooling", "range", "note", "label")}
    finite = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }
    return {**entrant, **finite}
