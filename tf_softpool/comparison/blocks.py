"""Where things are on a contact sheet, in pixels.

A block has a title, a row with the picture and its map of errors, a line of scores, and a row with the zoomed
region and the pooled picture. Very wide pictures have their maps of errors below them.
"""

from dataclasses import dataclass, replace

from tf_softpool.comparison.regions import Region

# All lengths are those at scale 1.
MARGIN, GAP, LINE = 16, 8, 20
TITLE, NOTE, SCORES = 18, 14, 18
# The space between blocks.
BETWEEN = 22
_WIDEST_SHEET, _NARROWEST_BLOCK = 2100, 330
# A picture has about the area of a square of this side, and no side is longer than the second number.
_SIDE, _LONGEST = 200, 480
# A zoomed region is at most so large, unless it has more pixels, and a pooled picture too.
_ZOOM, _LARGEST_POOLED = 200, 260
# The height that the scale of colours needs.
_LOWEST_SCALE = 50
# Pictures that are more than so many times as wide as high have their maps of errors below them.
_WIDE = 2.2


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, from the top left corner."""

    x: int
    y: int
    width: int
    height: int

    def moved(self, x: int, y: int) -> "Box":
        """Returns the box elsewhere."""
        return replace(self, x=self.x + x, y=self.y + y)

    def middle(self, width: int, height: int) -> "Box":
        """Returns a box of another size in the middle of this one."""
        return Box(self.x + (self.width - width) // 2, self.y + (self.height - height) // 2, width, height)


@dataclass(frozen=True)
class Block:
    """The places in a block, from its top left corner.

    Attributes:
        width: the block's width.
        height: its height.
        title: the row of the title's middle.
        note: the row of the middle of the note.
        scores: the row of the middle of the scores.
        enlarged: the box of the picture.
        error: the box of the map of errors.
        colours: the box of the scale of the maps of errors, in the block of the original.
        zoom: the box of the zoomed region.
        times: how many pixels a pixel of the region is wide.
        pooled: the box that the pooled picture is in the middle of.
        pooled_size: its width and height there.
    """

    width: int
    height: int
    title: int
    note: int
    scores: int
    enlarged: Box
    error: Box
    colours: Box
    zoom: Box
    times: int
    pooled: Box
    pooled_size: tuple[int, int]


def block_of(
    size: tuple[int, int], pooled: tuple[int, int], region: Region, scale: int, has_notes: bool
) -> Block:
    """Returns the places in the blocks of a picture.

    Args:
        size: tuple of int. The picture's width and height.
        pooled: tuple of int. The width and height of a pooled picture.
        region: Region. What is zoomed.
        scale: int. How large all of it is.
        has_notes: bool. Whether titles have a second line.
    """
    picture = fitting_size(*size, *_picture_limits(size[0] / size[1], scale))
    times = max(1, _ZOOM * scale // max(region.width, region.height))
    zoom = (region.width * times, region.height * times)
    largest = _LARGEST_POOLED * scale
    small = fitting_size(*pooled, min(pooled[0] * scale, largest), min(pooled[1] * scale, largest))
    gap, wide = GAP * scale, size[0] > _WIDE * size[1]
    lowest = _LOWEST_SCALE * scale
    top = (TITLE + (NOTE if has_notes else 0)) * scale
    if wide:
        width = max(picture[0], zoom[0] + gap + small[0], _NARROWEST_BLOCK * scale)
        columns = (zoom[0] + (width - zoom[0] - small[0] - gap) // 2, 0)
        columns = (columns[0], width - gap - columns[0])
        enlarged = Box(0, top, width, picture[1])
        scores = top + picture[1]
        map_of_errors = Box(0, scores + SCORES * scale, width, max(picture[1], lowest))
        second = map_of_errors.y + map_of_errors.height + gap
    else:
        half = max(picture[0], zoom[0], small[0], (_NARROWEST_BLOCK * scale - gap) // 2)
        width, columns = 2 * half + gap, (half, half)
        first = max(picture[1], lowest)
        enlarged = Box(0, top, half, first)
        map_of_errors = Box(half + gap, top, half, first)
        scores = top + first
        second = scores + SCORES * scale
    height = max(zoom[1], small[1])
    return Block(
        width=width,
        height=second + height,
        title=TITLE * scale // 2,
        note=(TITLE + NOTE // 2 - 1) * scale,
        scores=scores + SCORES * scale // 2,
        enlarged=enlarged.middle(*picture),
        error=map_of_errors.middle(*picture),
        colours=map_of_errors,
        zoom=Box(0, second, columns[0], height).middle(*zoom),
        times=times,
        pooled=Box(columns[0] + gap, second, columns[1], height),
        pooled_size=small,
    )


def _picture_limits(aspect: float, scale: int) -> tuple[int, int]:
    """Returns the largest width and height of a picture of so many times its height."""
    width, height = _SIDE * aspect**0.5, _SIDE / aspect**0.5
    return int(min(width, _LONGEST) * scale), int(min(height, _LONGEST) * scale)


def fitting_size(width: int, height: int, most_wide: int, most_high: int) -> tuple[int, int]:
    """Returns the size of a picture that is reduced, or enlarged a whole number of times, to fit a box."""
    factor = min(most_wide / width, most_high / height)
    if factor >= 1:
        return width * int(factor), height * int(factor)
    return max(1, round(width * factor)), max(1, round(height * factor))


def corners_of_blocks(count: int, block: Block, scale: int) -> tuple[list[tuple[int, int]], int, int]:
    """Returns the corners of blocks, from that of the first, and the width and height of all of them.

    Rows are as long as the sheet allows, and as equal as they can be.
    """
    between = BETWEEN * scale
    longest = max(1, (_WIDEST_SHEET * scale - 2 * MARGIN * scale + between) // (block.width + between))
    rows = -(-count // longest)
    columns = -(-count // rows)
    step_x, step_y = block.width + between, block.height + between
    corners = [(i % columns * step_x, i // columns * step_y) for i in range(count)]
    return corners, columns * step_x - between, rows * step_y - between
