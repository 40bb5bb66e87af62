"""The forest plot of a recipe's claims: effects, intervals, and what is too small to matter."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ratchet.claims.results import ClaimResult, Results
from ratchet.claims.verdict import Word
from ratchet.report.figures import FAINT, GREEN, INK, ORANGE, RED

_MARKS: Mapping[Word, tuple[str, str]] = {
    "holds": ("o", GREEN),
    "fails": ("X", RED),
    "no effect": ("s", INK),
    "inconclusive": ("D", ORANGE),
    "not testable at this tier": ("v", FAINT),
}
_STYLE = {
    "svg.fonttype": "path",
    "svg.hashsalt": "ratchet",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": "#c5ccd3",
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def effects_picture(results: Results) -> str:
    """Return an SVG file's text, equal for equal results; empty where no effect was measured."""
    rows = [claim for claim in results.claims if claim.effect is not None][::-1]
    if not rows:
        return ""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(8.6, 1.5 + 0.85 * len(rows)), layout="constrained")
        FigureCanvasSVG(figure)
        axes: Any = figure.add_subplot()
        axes.axvline(0.0, color=FAINT, lw=1.2, zorder=1)
        for row, claim in enumerate(rows):
            _draw(axes, row, claim)
        axes.set_yticks(range(len(rows)), [claim.claim.name.replace("_", " ") for claim in rows])
        axes.set_ylim(-0.6, len(rows) - 0.3)
        axes.margins(x=0.08)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("effect, in smallest effects of interest; numbers in the metric's own unit")
        axes.set_title(f"{results.recipe}, tier {results.tier}", loc="left", fontweight="bold")
        handles = [
            Line2D([], [], ls="", marker=mark, color=colour, ms=8, label=word)
            for word, (mark, colour) in _MARKS.items()
            if any(claim.verdict == word for claim in rows)
        ]
        handles.append(Line2D([], [], color="#e3e7eb", lw=9, label="too small to be of interest"))
        figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=9)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", facecolor="white", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def _draw(axes: Any, row: int, claim: ClaimResult) -> None:
    """Draw one row: the margin of no interest, the interval, the effect, its numbers."""
    mark, colour = _MARKS[claim.verdict]
    low, effect, high = (
        (end or 0.0) / claim.claim.smallest_effect for end in (claim.low, claim.effect, claim.high)
    )
    axes.fill_betweenx([row - 0.3, row + 0.3], -1.0, 1.0, color="#e3e7eb", lw=0)
    axes.plot([low, high], [row, row], color=colour, lw=2.4, solid_capstyle="butt")
    axes.plot(effect, row, mark, color=colour, ms=9)
    told = f"{claim.effect:+.3f}  [{claim.low:+.3f}, {claim.high:+.3f}],  {claim.seeds} seeds"
    place = {"textcoords": "offset points", "ha": "center", "fontsize": 9}
    axes.annotate(told, (effect, row), (0, 10), **place)
