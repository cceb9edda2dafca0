"""Marked places of a page, and what fills them."""

import re

_MARKER = re.compile(r"^<!-- (?!end of )([a-z ]+) -->$", re.MULTILINE)


def fill(markdown, page, parts):
    """Returns a page with its marked places filled.

    Args:
        markdown: string, the page.
        page: string, the page's name, for errors.
        parts: dict of functions that return text, by the names of places.

    Raises:
        ValueError: if there is nothing for a place.
    """

    def filled(marker):
        if marker[1] not in parts:
            raise ValueError(f"{page} has the place {marker[0]!r}, but only {sorted(parts)} can be filled.")
        return parts[marker[1]]()

    return _MARKER.sub(filled, markdown)
