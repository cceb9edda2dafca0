"""What a pooling costs: tables made from the rows of `docs/benchmarks.md`."""

import re

# The part of the page with the rows: those of two threads and AVX-512 come first.
_MEASURED = re.compile(r"^### 2 threads, AVX3.*?(?=^### )", re.DOTALL | re.MULTILINE)
_RUNTIMES = re.compile(r"^## The portable forms in each runtime.*?(?=^## )", re.DOTALL | re.MULTILINE)
# The input and the windows of the rows that all poolings have.
_WINDOWS = {"[8,112,112,64] k2 s2": "2x2", "[8,112,112,64] k3 s2": "3x3, stride 2"}
_PEERS = {
    "avg_pool": "average pooling",
    "max_pool": "max pooling",
    "soft_pool": "SoftPool",
}
_EXPORTED = {"2x2, stride 2": "2x2", "3x3, stride 2, same": "3x3, stride 2"}


def table(header, rows):
    """Returns a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _rows(text):
    """Yields the rows of all tables as lists of cells. An empty cell at the left repeats the cell above."""
    above: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        filled = [i for i, cell in enumerate(cells) if cell]
        if filled and len(above) == len(cells):
            cells[: filled[0]] = above[: filled[0]]
        above = cells
        yield cells


def measured(page, names):
    """Returns a list of a pooling's rows: the name, the windows, the peer, and the ratios of both passes.

    Args:
        page: string, the page of measurements.
        names: the names of the pooling's rows.
    """
    found = {}
    for cells in _rows(_MEASURED.search(page)[0]):
        place, name, way, *rest = cells[:7]
        if name in names and place in _WINDOWS and len(rest) > 3 and rest[2] in _PEERS:
            ratio = cells[7].removesuffix(" x")
            found.setdefault((name, place, rest[2]), {})[way] = ratio
    return [
        (name, _WINDOWS[place], _PEERS[peer], ratios["forward"], ratios["forward + backward"])
        for (name, place, peer), ratios in found.items()
    ]


def exported(page, names):
    """Returns a list of a pooling's rows in the table of runtimes: the windows, the name, and the ratios."""
    return [
        (_EXPORTED[cells[0]], *cells[1:6])
        for cells in _rows(_RUNTIMES.search(page)[0])
        if cells[0] in _EXPORTED and cells[1] in names
    ]


def costs(page, pooling):
    """Returns the tables of a pooling's page, in Markdown.

    Raises:
        ValueError: if a row is missing.
    """
    of_ours = measured(page, pooling.measured)
    of_exports = exported(page, pooling.exported)
    found = {name for name, *_ in of_ours} | {name for _, name, *_ in of_exports}
    if missing := {*pooling.measured, *pooling.exported} - found:
        raise ValueError(f"benchmarks.md has no rows of {sorted(missing)}. See POOLINGS in pooling_pages.py.")
    parts = []
    if of_ours:
        parts += [
            "Compiled, on a CPU with AVX-512, with two threads, in float32, for `[8, 112, 112, 64]`. The "
            "times are multiples of the peer's:",
            table(
                ["windows", "peer", "forward", "forward and backward"],
                [
                    [_labelled(windows, pooling.measured[name]), peer, *(f"{ratio} x" for ratio in ratios)]
                    for name, windows, peer, *ratios in of_ours
                ],
            ),
        ]
    parts += [
        "Exported in standard operations, for `[1, 112, 112, 64]`. The times are multiples of that of the "
        "runtime's own max pooling, with one thread and with two:",
        table(
            ["windows", "TensorFlow", "ONNX Runtime", "LiteRT", "OpenVINO"],
            [[_labelled(windows, pooling.exported[name]), *ratios] for windows, name, *ratios in of_exports],
        ),
    ]
    return "\n\n".join(parts)


def _labelled(windows, label):
    return f"{windows}, {label}" if label else windows


def all_costs(page, poolings):
    """Returns a table with what each compiled pooling costs, beside the first of its peers."""
    found = {}
    for name, pooling in poolings.items():
        for row, windows, peer, *ratios in measured(page, pooling.measured):
            of_row = found.setdefault((name, row), (peer, {}))
            of_row[1].setdefault(windows, [f"{ratio} x" for ratio in ratios])
    lines = []
    for (name, row), (peer, ratios) in found.items():
        label = _labelled(f"[{poolings[name].layers}]({name}.md)", poolings[name].measured[row])
        lines.append([label, peer, *(ratio for windows in _WINDOWS.values() for ratio in ratios[windows])])
    passes = [f"{windows}: {way}" for windows in ("2x2", "3x3") for way in ("forward", "both ways")]
    return table(["pooling", "peer", *passes], lines)
