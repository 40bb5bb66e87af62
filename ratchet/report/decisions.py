"""Decisions over the life of a run, and what is left of its error budget, as a fuel gauge."""

from __future__ import annotations

from typing import Any

import matplotlib
from matplotlib.ticker import MaxNLocator

from ratchet.report.figures import FAINT, GREEN, INK, MARKS, ORANGE, RED, STYLE, WORDS, canvas, svg
from ratchet.report.markup import Html, tag
from ratchet.report.schema import Report

_LANES = ("halt", "reject", "hold", "promote")
_MOST_NUMBERS = 20
_FULL, _LOW = 0.5, 0.2
"""Shares of the budget below which the gauge turns orange, then red."""


def decisions_picture(report: Report) -> Html | None:
    """Every decision in the lane of its kind, people's steps between them, and below, for a gate
    with a budget, the tests left after each. None before the first decision."""
    if not report.generations:
        return None
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        figure, axes = canvas(11.2, 3.4 if report.budget else 2.3)
        lower = None
        if report.budget:
            figure.clear()
            axes, lower = figure.subplots(2, 1, sharex=True, height_ratios=[1.7, 1])
            for each in (axes, lower):
                each.tick_params(length=0)
        _lanes(axes, report)
        if lower is not None and report.budget:
            _fuel(lower, report, report.budget.tests)
        bottom = axes if lower is None else lower
        bottom.set_xlabel("generation")
        bottom.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=20))
        bottom.set_xlim(0.4, len(report.generations) + 0.6)
        return svg(figure, "Decisions by generation")


def budget_gauge(report: Report) -> Html:
    """Return how much of the error budget is left, as a bar and in words; empty without one."""
    if report.budget is None:
        return Html()
    tests, spent = report.budget.tests, min(report.budget.spent, report.budget.tests)
    left = (tests - spent) / tests
    ticks = "".join(
        f'<path d="M{2 + 296 * at / 4:g} 20V25" stroke="{FAINT}" stroke-width="1.5"></path>'
        for at in range(5)
    )
    bar = Html(
        f'<svg viewBox="0 0 300 26" role="img" aria-label="error budget left">'
        f'<rect x="2" y="3" width="296" height="15" rx="4" fill="#eceff2"></rect>'
        f'<rect x="2" y="3" width="{296 * left:g}" height="15" rx="4" fill="{_colour(left)}">'
        f"</rect>"
        f"{ticks}</svg>"
    )
    told = (
        f"Error budget: {tests - spent} of {tests} tests left. Over the whole run, a candidate "
        f"without a true gain is promoted with probability {report.budget.alpha:g} at most."
    )
    return tag("div", bar, tag("span", told), class_="gauge")


def _colour(left: float) -> str:
    return GREEN if left > _FULL else ORANGE if left > _LOW else RED


def _lanes(axes: Any, report: Report) -> None:
    verbs = [verb for verb in _LANES if any(g.decision == verb for g in report.generations)]
    for row in range(len(verbs)):
        axes.axhline(row, color="#eceff2", lw=1.2, zorder=1)
    places = [(g.generation, verbs.index(g.decision)) for g in report.generations]
    axes.plot([x for x, _ in places], [y for _, y in places], color="#d5dbe0", lw=1.6, zorder=2)
    for generation, (x, y) in zip(report.generations, places, strict=True):
        mark, colour, _ = MARKS[generation.decision]
        axes.plot(x, y, mark, ms=12, color=colour, mec="white", mew=1.2, zorder=4)
    for step in report.interventions:
        words = {"approval": "approved", "amendment": "budget changed"}
        told = words.get(step.kind, f"back to {step.to}")
        axes.axvline(step.after + 0.5, color=INK, lw=1.2, ls=":", zorder=1.5)
        axes.annotate(
            told,
            (step.after + 0.5, len(verbs) - 0.45),
            (4, 0),
            textcoords="offset points",
            fontsize=10,
            va="top",
            annotation_clip=False,
        )
    axes.set_yticks(range(len(verbs)), [MARKS[verb][2] for verb in verbs])
    for label, verb in zip(axes.get_yticklabels(), verbs, strict=True):
        label.set_color(WORDS.get(verb, INK))
    axes.set_ylim(-0.6, len(verbs) - 0.4)
    axes.set_title("Decisions" + (", and the tests left after each" if report.budget else ""))


def _fuel(axes: Any, report: Report, tests: int) -> None:
    left = tests
    for generation in report.generations:
        left = max(0, left - generation.tests)
        axes.bar(generation.generation, left, 0.62, color=_colour(left / tests))
        if len(report.generations) <= _MOST_NUMBERS:
            place = (generation.generation, left)
            axes.annotate(
                str(left), place, (0, 3), textcoords="offset points", ha="center", fontsize=10
            )
    axes.set_ylim(0, tests * 1.3)
    axes.set_yticks([0, tests])
    axes.set_ylabel("tests left")
