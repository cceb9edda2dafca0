"""Links of the repository's pages, as the site needs them."""

import os
import re

# The pages of the repository that are not in docs/, and the notebook, and where they are on the site.
FROM_ROOT = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "examples/tour.ipynb": "tour.ipynb",
}
# A link, or code, in which nothing is a link.
_LINK_OR_CODE = re.compile(
    r"^ *```.*?^ *```|(`+).+?\1|(?<!!)\[(?P<text>(?:`[^`]*`|[^\[\]`])*)\]\((?P<to>[^()\s]+)\)",
    re.DOTALL | re.MULTILINE,
)


def for_site(text, source, place):
    """Returns text in Markdown with its links as a page of the site needs them.

    A link to a file that is not on the site becomes its text.

    Args:
        text: string.
        source: string, the page's path on the site.
        place: string, the folder of the repository that the text's links begin in.
    """
    return _LINK_OR_CODE.sub(lambda link: _for_site(link, source, place), text)


def _for_site(link, source, place):
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
