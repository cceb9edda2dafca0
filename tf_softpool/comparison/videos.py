"""Videos, read as arrays."""

import itertools
from pathlib import Path

import numpy as np

from tf_softpool.comparison.arrays import scaled
from tf_softpool.comparison.limits import check_size
from tf_softpool.packages import plain, require

# FFmpeg also makes videos of text files, so only these endings are taken for videos.
_ENDINGS = "3gp asf avi flv m2ts m4v mkv mov mp4 mpeg mpg mts ogv ts vob webm wmv"


def is_video(path: Path) -> bool:
    """Returns whether a file has the ending of a video."""
    return path.suffix.lower().removeprefix(".") in _ENDINGS.split()


def read(path: Path, frames: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns the first frames of a video, `[frames, height, width, 3]`, float32 from 0 to 1, and notes.

    Raises:
        ValueError: if the file is no video, is damaged, or the frames have too many pixels.
        OSError: if the file cannot be opened.
    """
    av = require("compare", "av", purpose="The comparison of videos")
    # Opened by Python, for its errors, and again by FFmpeg, which would take "a:" in a name for a protocol.
    with path.open("rb"):
        pass
    found: list[np.ndarray] = []
    try:
        with av.open(f"file:{path}") as container:
            if not container.streams.video:
                raise ValueError(f"{path} has no pictures.")
            # One more frame says whether there are more.
            for frame in itertools.islice(container.decode(video=0), frames + 1):
                check_size(str(path), (min(len(found) + 1, frames), frame.height, frame.width))
                found.append(frame.to_ndarray(format="rgb24"))
    except av.FFmpegError as error:
        raise ValueError(f"{path} cannot be read as a video: {plain(error.strerror or error)}") from error
    if not found:
        raise ValueError(f"{path} has no frames.")
    notes = (f"the first {frames} frames",) if len(found) > frames else ()
    return scaled(np.stack(found[:frames]), str(path)), notes
