"""What mkdocs does beyond Markdown: it fills marked places of pages, and makes links and formulas fit a site.

A comment such as `<!-- costs -->` on a page marks a place. The page reads well without it, as on a repository
browser. Pages at the root of the repository become pages of the site.
"""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import costs
import formulas
import pictures
from markers import fill
from mkdocs.structure.files import File
from poolings import FORMS, POOLINGS, classes

ROOT = Path(__file__).parent.parent.parent
# The pages of the repository that are not in docs/, and where they are on the site.
FROM_ROOT = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
# A link, or code, in which nothing is a link.
_LINK_OR_CODE = re.compile(
    r"^ *```.*?^ *```|(`+).+?\1|(?<!!)\[(?P<text>(?:`[^`]*`|[^\[\]`])*)\]\((?P<to>[^()\s]+)\)",
    re.DOTALL | re.MULTILINE,
)


def on_files(files, config):
    """Adds the pages that are at the root of the repository, the pictures, and a font."""
    for name, page in FROM_ROOT.items():
        if page != "index.md":
            files.append(File.generated(config, page, content=(ROOT / name).read_text()))
    for name, content in {**pictures.files(), "site/math.woff": formulas.font()}.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    """Makes a page's links fit the site, and fills its marked places."""
    source = page.file.src_uri

    def on_site(text, place):
        return _LINK_OR_CODE.sub(lambda link: _on_site(link, source, place), text)

    markdown = on_site(markdown, "" if page.file.generated_by else os.path.dirname(f"docs/{source}"))
    name = Path(source).stem
    measured, readme = ((ROOT / path).read_text() for path in ("docs/benchmarks.md", "README.md"))
    up = "../" * source.count("/")
    return fill(
        markdown,
        source,
        {
            "picture": lambda: pictures.figure(name, f"{up}pictures"),
            "costs": lambda: costs.costs(measured, POOLINGS[name]),
            "all costs": lambda: costs.all_costs(measured, POOLINGS),
            "home picture": lambda: pictures.home("pictures"),
            "layers": lambda: _layers(POOLINGS[name]),
            "all layers": lambda: _all_layers(up),
            "commands": commands,
            "formulas": lambda: on_site(table_of_formulas(readme), ""),
            "versions": lambda: versions(readme),
        },
    )


def on_page_content(content, page, config, files):
    """Makes MathML of the formulas of a page."""
    return formulas.with_mathml(content)


def _on_site(link, source, place):
    """Returns a link as a page of the site needs it. A link to a file that is not there becomes its text.

    Args:
        link: the match of a link, or of code.
        source: string, the page's path on the site.
        place: string, the folder of the repository that the link begins in.
    """
    to, mark, heading = (link["to"] or "").partition("#")
    if not to or "://" in to or to.startswith("mailto:"):
        return link[0]
    # The repository's path of what the link leads to.
    path = os.path.normpath(os.path.join(place, to))
    if path in FROM_ROOT:
        target = FROM_ROOT[path]
    elif path.startswith("docs/"):
        target = path.removeprefix("docs/")
    else:
        return link["text"]
    return f"[{link['text']}]({os.path.relpath(target, os.path.dirname(source) or '.')}{mark}{heading})"


def table_of_formulas(readme):
    """Returns the README's table of formulas, with the text before it."""
    return re.search(r"^In the formulas, .*?\n\n\|.*?\n\n", readme, re.DOTALL | re.MULTILINE)[0]


def versions(readme):
    """Returns what the README has in the place for the table of versions that were tested."""
    return re.search(r"<!-- versions -->\n(.*?)<!-- end of versions -->", readme, re.DOTALL)[1]


@functools.cache
def commands():
    """Returns a section for each command of the command line, with its help."""
    return "\n\n".join(
        f"### `tf-softpool {command}`\n\n```text\n{_help(command)}\n```"
        for command in re.findall(r"^    (\w+)  ", _help(), re.MULTILINE)
    )


def _help(*command):
    """Returns the help of a command, or of the whole command line."""
    return subprocess.run(
        [sys.executable, "-m", "tf_softpool", *command, "--help"],
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "78", "PYTHONPATH": str(ROOT)},
    ).stdout.strip()


def _layers(pooling):
    """Returns the docstrings of a pooling: of its functions, its layer for images, and the other layers."""
    shown = f"{pooling.layers}2D"
    parts = ["## Layers and functions"]
    parts += [f"::: tf_softpool.{name}" for name in pooling.functions]
    parts += [f"::: tf_softpool.layers.{name}" for name in (shown, *pooling.others)]
    for form in FORMS:
        parts += [
            f'??? note "{name}"\n\n    ::: tf_softpool.layers.{name}'
            for name in classes(pooling, form)
            if name != shown
        ]
    return "\n\n".join(parts)


def _all_layers(up):
    """Returns a table with all layers of all poolings."""
    rows = []
    for name, pooling in POOLINGS.items():
        cells = [f"[{pooling.layers}]({up}poolings/{name}.md)"]
        for form in FORMS:
            links = [f"[{n[-2:]}][tf_softpool.layers.{n}]" for n in classes(pooling, form)]
            cells.append(" ".join(links) or "none")
        rows.append(cells)
    return costs.table(["pooling", "over windows", "global", "adaptive"], rows)
