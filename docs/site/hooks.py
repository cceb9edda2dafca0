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
import drawings
import formulas
import gallery
import pooled_photograph
from links import FROM_ROOT, for_site
from markers import fill
from mkdocs.structure.files import File
from pooling_pages import FORMS, POOLINGS, classes

ROOT = Path(__file__).parent.parent.parent


def on_files(files, config):
    """Adds the pages that are at the root of the repository, the notebook, the pictures, and a font."""
    for name, page in FROM_ROOT.items():
        if page != "index.md":
            files.append(File.generated(config, page, content=(ROOT / name).read_text()))
    made = {
        **pooled_photograph.files(),
        **drawings.files(),
        **gallery.files(),
        "site/math.woff": formulas.font(),
    }
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    """Makes a page's links fit the site, and fills its marked places."""
    source = page.file.src_uri
    markdown = for_site(markdown, source, "" if page.file.generated_by else os.path.dirname(f"docs/{source}"))
    if source == "results.md":
        markdown = drawings.with_pictures(markdown, drawings.files())
    name = Path(source).stem
    measured, readme = ((ROOT / path).read_text() for path in ("docs/benchmarks.md", "README.md"))
    up = "../" * source.count("/")
    return fill(
        markdown,
        source,
        {
            "picture": lambda: pooled_photograph.figure(name, f"{up}pictures"),
            "costs": lambda: costs.costs(measured, POOLINGS[name]),
            "all costs": lambda: costs.all_costs(measured, POOLINGS),
            "gallery": lambda: gallery.gallery("pictures"),
            "home picture": lambda: pooled_photograph.home("pictures"),
            "layers": lambda: _layers(POOLINGS[name]),
            "all layers": lambda: _all_layers(up),
            "commands": commands,
            "formulas": lambda: for_site(table_of_formulas(readme), source, ""),
            "versions": lambda: versions(readme),
        },
    )


def on_page_content(content, page, config, files):
    """Makes MathML of the formulas of a page."""
    return formulas.with_mathml(content)


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
