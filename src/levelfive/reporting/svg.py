"""A figure as SVG that stands inside a page: the same bytes each time, with ids of its own and an alternative text."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from markupsafe import Markup, escape
from matplotlib import rc_context, style
from matplotlib.dates import date2num
from matplotlib.figure import Figure

INK, GREY, LIGHT = "#24292f", "#6b7280", "#d5d9de"
LIVE, SECOND, PROMOTED = "#0b5c8f", "#b3480a", "#8a5a9e"
STEPS = ("#eaf1f6", "#b5d1e4", "#6fa8cc", "#2f78ab", "#0a3a5c")

place_in_time: Callable[[datetime], float] = date2num
"""A time's place on the axis, in days."""

_STYLE = {
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "date.converter": "concise",
    "font.size": 10,
    "grid.color": LIGHT,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "svg.fonttype": "none",  # text stays text: it can be searched, read aloud and shown in the system's font
    "text.color": INK,
    "text.parse_math": False,  # a `$` in a column's name is a `$`
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
}
_PROLOGUE = re.compile(r"^.*?<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>", re.DOTALL)
_SURPLUS = re.compile(r"<!--.*?-->|<metadata>.*?</metadata>|<style .*?</style>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_ID = re.compile(r'\bid="|"#|url\(#')


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in the report's style, whatever that of the process is."""
    with style.context(["default", _STYLE]), warnings.catch_warnings():
        # The browser brings the glyphs that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def svg(figure: Figure, *, name: str, alternative: str) -> Markup:
    """Write a figure as an SVG element.

    Args:
        figure: What to write; drawn within `drawing`.
        name: Unique in the page and fit for an id, never from the data; ids start with it.
        alternative: What the figure says, for those who do not see it.

    Returns:
        The element, which takes the width that it is given.
    """
    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    body = _SURPLUS.sub("", buffer.getvalue())
    # Texts escape their angle brackets, so that tags are found without a parser.
    body = _TAG.sub(lambda tag: _ID.sub(lambda start: f"{start[0]}{name}-", tag[0]), body)
    opening = f'<svg class="chart" role="img" aria-label="{escape(alternative)}" '
    return Markup(_PROLOGUE.sub(lambda prologue: f"{opening}{prologue[1]}>", body, count=1))
