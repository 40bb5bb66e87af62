"""HTML that cannot be injected into: every text is escaped unless it is Html already."""

from __future__ import annotations

import html
from collections.abc import Iterable


class Html(str):
    """Markup. Made by ``tag``, ``join`` and the figures; everything else is text."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str) -> Html:
    """Return an element, escaping children that are not Html. ``class_`` stands for ``class``."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    return Html(f"<{name}{shown}>{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Html:
    """Return parts side by side, escaping those that are not Html."""
    return Html("".join(p if isinstance(p, Html) else html.escape(p) for p in parts))


def table(head: Iterable[str], rows: Iterable[Iterable[str]], class_: str = "") -> Html:
    """Return a table with a head; cells are texts or Html."""
    top = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head)))
    body = tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in rows))
    return tag("div", tag("table", top, body), class_=f"scroll {class_}".strip())
