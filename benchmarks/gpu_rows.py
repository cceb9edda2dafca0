"""The measurements on a card: jobs, the bytes that each must move, marks, rows, and their table."""

import math
from dataclasses import dataclass

DTYPES = {"float32": 4, "float16": 2, "bfloat16": 2}
PASSES = ("forward", "backward")
OURS = ("soft", "sorted", "importance", "detail_preserving")
PEERS = ("max", "average", "composed")


@dataclass(frozen=True)
class Job:
    """A tensor of [batch, *spatial, channels], or with channels first, and windows without padding.

    `k` is the size of a window and `s` the stride, in every spatial dimension.
    """

    batch: int
    spatial: tuple
    channels: int
    k: int
    s: int
    data_format: str = "channels_last"

    @property
    def pooled(self):
        """The output's spatial sizes."""
        return tuple((n - self.k) // self.s + 1 for n in self.spatial)

    def shape(self, spatial=None):
        """Returns the input's shape, or with `spatial` the shape of a tensor of these spatial sizes."""
        spatial = self.spatial if spatial is None else spatial
        if self.data_format == "channels_first":
            return (self.batch, self.channels, *spatial)
        return (self.batch, *spatial, self.channels)

    def elements(self):
        """Returns how many elements the input has, and how many the output has."""
        return math.prod(self.shape()), math.prod(self.shape(self.pooled))

    def __str__(self):
        shape = ", ".join(map(str, self.shape()))
        return f"[{shape}] k{self.k} s{self.s}, {self.data_format.replace('_', ' ')}"


JOBS = [
    Job(64, (112, 112), 64, 2, 2),
    Job(64, (112, 112), 64, 3, 2),
    Job(32, (56, 56), 256, 2, 2),
    Job(64, (112, 112), 64, 2, 2, "channels_first"),
    Job(8, (32, 56, 56), 64, 2, 2),
]

# The share of a copy's bandwidth that a pooling must reach, by the window's size.
BANDWIDTH_MARKS = {2: 0.85, 3: 0.70}
# Poolings that must take no longer than max pooling. Importance pooling is not one of them, because it moves
# twice as many bytes.
NOT_SLOWER_THAN_MAX = ("soft", "sorted", "detail_preserving")


def bytes_moved(name, which, job, itemsize):
    """Returns the bytes that a pass must move if it reads each input once and writes each output once.

    A forward pass reads x and writes the output. A backward pass reads x and the output's gradient, and
    writes the gradient of x. Importance pooling has a second tensor of x's size beside each x. Parameters are
    so small that they are not counted.
    """
    x, y = job.elements()
    tensors = 2 if name == "importance" else 1
    return itemsize * (tensors * x + y if which == "forward" else 2 * tensors * x + y)


def judge(row, seconds_of_max):
    """Returns a dictionary of the marks that apply to a row, with whether the row meets each."""
    marks = {}
    least = BANDWIDTH_MARKS.get(row["k"])
    if least is not None and row["of_copy"] is not None:
        marks[f"{least:.0%} of a copy"] = row["of_copy"] >= least
    if row["name"] in NOT_SLOWER_THAN_MAX and seconds_of_max:
        marks["not slower than max"] = row["seconds"] <= seconds_of_max
    return marks


def rows_of(job, dtype, which, seconds, copy_rate):
    """Yields a row for each of our poolings that was measured.

    Args:
        job: `Job`, the tensor's shape and the windows.
        dtype: string, the type's name.
        which: string, the pass.
        seconds: dict of names to seconds, for our poolings and for peers.
        copy_rate: float, the bytes that a copy reads and writes in a second, or None.
    """
    for name in OURS:
        if name not in seconds:
            continue
        rate = bytes_moved(name, which, job, DTYPES[dtype]) / seconds[name]
        row = {"job": str(job), "k": job.k, "dtype": dtype, "pass": which, "name": name}
        row |= {"seconds": seconds[name], "rate": rate, "of_copy": rate / copy_rate if copy_rate else None}
        row["peers"] = {peer: seconds[peer] for peer in PEERS if peer in seconds}
        row["marks"] = judge(row, seconds.get("max"))
        yield row


def cells(row):
    """Returns a row's cells as text."""
    peers = []
    for peer in PEERS:
        time = row["peers"].get(peer)
        peers.append("" if time is None else f"{1e6 * time:.0f} ({row['seconds'] / time:.2f} x)")
    missed = [mark for mark, met in row["marks"].items() if not met]
    verdict = "" if not row["marks"] else "MISSED: " + ", ".join(missed) if missed else "met"
    share = "" if row["of_copy"] is None else f"{row['of_copy']:.2f}"
    figures = [f"{1e6 * row['seconds']:.0f}", f"{row['rate'] / 1e9:.0f}", share]
    return [row["dtype"], row["pass"], row["name"], *figures, *peers, verdict]


def table(rows):
    """Returns the rows as Markdown, with a table for each job."""
    head = ["type", "pass", "pooling", "us", "GB/s", "of a copy"]
    head += ["max pooling, us (ours is)", "average", "composed SoftPool", "marks"]
    lines = []
    for job in dict.fromkeys(row["job"] for row in rows):
        lines += [f"\n### {job}\n", _line(head), _line(["---"] * len(head))]
        lines += [_line(cells(row)) for row in rows if row["job"] == job]
    return "\n".join(lines).strip()


def _line(words):
    return "| " + " | ".join(words) + " |"


def missed(rows):
    """Returns a line for each mark that a row misses."""
    return [
        f"{row['job']} {row['dtype']} {row['pass']} {row['name']}: misses {mark}"
        for row in rows
        for mark, met in row["marks"].items()
        if not met
    ]
