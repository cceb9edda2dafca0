"""What the pictures of several experiments are made of."""

import numpy as np
from matplotlib.axes import Axes


def show(ax: Axes, picture: np.ndarray, title: str, size: int) -> None:
    """Draws a picture with values from 0 to 1 on axes, each pixel as a square, below a title.

    Args:
        ax: matplotlib's axes.
        picture: array `[height, width]`, or with one or three channels.
        title: string.
        size: int, the size of the title's font in points.
    """
    ax.imshow(np.clip(picture.squeeze(), 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_title(title, fontsize=size)
    ax.set_axis_off()
