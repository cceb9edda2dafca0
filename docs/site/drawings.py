"""The pictures of the page of results: what the experiments draw of the results that are recorded."""

import functools
import tempfile
from pathlib import Path

import results_page
from experiments import data, store


@functools.cache
def files():
    """Returns a dict of the pictures' bytes by their file names.

    An experiment whose data is not installed has no picture.
    """
    found = {name: drawn(name) for name in results_page.names() if results_page.record(name).exists()}
    return {f"pictures/results_{name}.png": content for name, content in found.items() if content}


def drawn(name):
    """Returns the bytes of what an experiment draws of its record, a PNG file, or None if data is missing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.png")
        try:
            results_page.experiment(name).draw(store.load(results_page.record(name)), path)
        except data.MissingDataError:
            return None
        return path.read_bytes()


def with_pictures(page, drawings):
    """Returns the page of results with a picture in each block that has one.

    Args:
        page: string, the page.
        drawings: what `files` returns.
    """

    def content(name):
        path = f"pictures/results_{name}.png"
        picture = f"\n\n![What the runs of {name} show]({path})" if path in drawings else ""
        return results_page.recorded(name) + picture

    return results_page.filled(page, content)
