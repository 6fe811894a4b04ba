"""HTML from values: whatever is not an `Html` already is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

_VOID = frozenset({"br", "meta"})
_NUMBER = re.compile(r"-?<?\d|\W?$")  # a number, with or without its unit, or the dash of one that is not known


class Html(str):
    """Text that is HTML, so that it is not escaped again."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str) -> Html:
    """Build an element.

    Args:
        name: Of the element.
        *children: What it contains; escaped unless `Html`.
        **attributes: Escaped; `class_` stands for `class`, `aria_label` for `aria-label`.

    Returns:
        The element.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"' for key, value in attributes.items()
    )
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(children)}</{name}>")


def section(name: str, title: str, *content: str) -> Html:
    """Build a section of the page, to be linked to by its name."""
    return element("section", element("h2", title), *content, id=name)


def joined(children: Iterable[str]) -> Html:
    """Put elements one after the other; what is not `Html` is escaped."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def bullets(items: Iterable[str]) -> Html:
    """Build a list with an item each."""
    return element("ul", *(element("li", item) for item in items))


def table(
    caption: str, heads: Iterable[str], rows: Iterable[Iterable[str]], *, total: Iterable[str] | None = None
) -> Html:
    """Build a table that scrolls by itself where the page is too narrow for it.

    Args:
        caption: What the table shows.
        heads: Of the columns.
        rows: Cells; a row's first one is its head. Columns of numbers stand to the right.
        total: A last row, set apart.

    Returns:
        The table in a region that can be reached by keyboard.
    """
    cells = [tuple(row) for row in rows]
    sides = [_side(column) for column in zip(*cells, strict=True)]
    parts = [
        element("caption", caption),
        element("thead", _row("th", heads, sides, scope="col")),
        element("tbody", *(_row("td", row, sides) for row in cells)),
    ]
    if total is not None:
        parts.append(element("tfoot", _row("td", total, sides)))
    return element("div", element("table", *parts), class_="scroll", tabindex="0", role="region", aria_label=caption)


def _row(name: str, cells: Iterable[str], sides: Iterable[str], **attributes: str) -> Html:
    (first, _), *others = zip(cells, sides, strict=True)
    head = element("th", first, scope=attributes.get("scope", "row"))
    return element("tr", head, *(element(name, cell, class_=side, **attributes) for cell, side in others))


def _side(cells: Iterable[str]) -> str:
    return "number" if all(_NUMBER.match(cell) for cell in cells) else "text"
