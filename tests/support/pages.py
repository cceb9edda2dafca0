"""The Markdown pages of this repository, and whether what they name is there."""

import fnmatch
import os
import pkgutil
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", ".github/*.md")
    for path in sorted(ROOT.glob(pattern))
]
# Pages whose examples run where Keras runs on JAX.
ON_JAX = {"docs/jax.md"}
# Files of other projects that the pages name.
OF_OTHERS = {"hwy/highway.h", "tools/run_in_docker.sh"}

# A fence of Python: the file that it is from, if it names one, and the code.
_PYTHON = re.compile(r'^```python(?: title="(.+?)")?\n(.*?)^```', re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_ADDRESS = re.compile(r"\w+://\S+")
# A name does not begin inside a pattern such as `<name>_pool.cc` or `*_pool.cc`.
_BEGINNING = r"(?<![\w<>*{}./-])"
_ENDING = r"\.(?:py|cc?|h|cu|md|sh|toml|ya?ml|cmake)(?![\w*<-])"
_FILE = re.compile(_BEGINNING + r"(?:\.\./)*([\w./-]*[\w-]" + _ENDING + ")")
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?")
_DOTTED = re.compile(_BEGINNING + r"(tf_softpool|tsp)((?:\.[A-Za-z_]\w*)+)(?![\w<*])")
_MAKE = re.compile(r"\s*make ([a-z][\w-]*)")


def prose(text):
    """Returns a dict of the lines that are neither code in a fence nor a row of a table, by their numbers."""
    text = _FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
    return {i: line for i, line in enumerate(text.splitlines(), 1) if not line.startswith("|")}


def headings(text):
    """Returns a set of a page's headings, as GitHub writes them in links."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def code(text):
    """Returns a list of what a page has as code: what is in backticks, and the lines in fences."""
    spans = [span for _, span in _SPAN.findall(_FENCE.sub("", text))]
    return spans + [line for fence in _FENCE.findall(text) for line in fence.splitlines()[1:-1]]


def programs(text):
    """Returns a list of the Python on a page that runs by itself, without what is from a file."""
    return [block for title, block in _PYTHON.findall(text) if not title]


def excerpts(text):
    """Returns a list of the Python on a page that is from a file: the file's path and the lines."""
    return [(title, block.splitlines()) for title, block in _PYTHON.findall(text) if title]


class Checkout:
    """The files and folders of a checkout that git does not ignore, and the targets of its Makefile."""

    def __init__(self, root=ROOT):
        lines = (root / ".gitignore").read_text().splitlines()
        self._ignored = [".git", *(line.strip("/") for line in lines if line.endswith("/"))]
        self._files, self._folders = [], []
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if not self._is_ignored(name)]
            place = "/" / Path(folder).relative_to(root)
            self._files += [str(place / name) for name in files]
            self._folders += [str(place / name) for name in folders]
        rules = re.findall(r"^([\w -]+):(?!=)", (root / "Makefile").read_text(), re.MULTILINE)
        self.targets = {name for rule in rules for name in rule.split()}

    def _is_ignored(self, name):
        return any(fnmatch.fnmatch(name, pattern) for pattern in self._ignored)

    def has_file(self, name):
        """Returns whether a name is the end of a file's path, or a file that git ignores.

        A name that begins with a hyphen or an underscore is the end of a file's name.
        """
        if self._is_ignored(name.split("/")[0]) or name in OF_OTHERS:
            return True
        end = name if name[0] in "-_" else f"/{name}"
        return any(path.endswith(end) for path in self._files)

    def has_folder(self, name):
        """Returns whether a name is the end of a folder's path, or a folder that git ignores."""
        return self._is_ignored(name.split("/")[0]) or any(f.endswith(f"/{name}") for f in self._folders)

    def is_rooted(self, name):
        """Returns whether a path begins with a folder of the checkout's root."""
        return "/" in name and f"/{name.split('/')[0]}" in self._folders


def missing(text, checkout):
    """Returns a list of the names on a page that lead nowhere.

    Names of files, modules and attributes are looked for in the whole page. Paths of folders and targets of
    make are looked for in code. A path may leave out folders at its beginning.

    Args:
        text: string, the page.
        checkout: `Checkout`, what is there.
    """
    text = _ADDRESS.sub("", text)
    pieces = code(text)
    # In a fence a folder is the first word of its line.
    paths = [piece.split(maxsplit=1)[0] for piece in pieces if piece.strip()]
    paths = [path for path in paths if _PATH.fullmatch(path) and not _FILE.fullmatch(path)]
    folders = [path.strip("/") for path in paths if path.endswith("/") or checkout.is_rooted(path)]
    dotted = ["tf_softpool" + names for _, names in _DOTTED.findall(text)]
    targets = [found[1] for piece in pieces if (found := _MAKE.match(piece))]
    found = [name for name in _FILE.findall(text) if not checkout.has_file(name)]
    found += [name for name in folders if not (checkout.has_folder(name) or checkout.has_file(name))]
    found += [name for name in dotted if not _is_in_python(name)]
    found += [f"make {name}" for name in targets if name not in checkout.targets]
    return list(dict.fromkeys(found))


def _is_in_python(name):
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True
