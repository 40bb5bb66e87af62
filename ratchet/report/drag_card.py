"""The drag card: one page for one model on one world, pictures first."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ratchet.diagnose.drag.card import Card
from ratchet.diagnose.drag.conditions import CONDITIONS
from ratchet.diagnose.drag.measure import Measure
from ratchet.report.figures import BLUE, FAINT, GREEN, ORANGE, RED, STYLE, svg
from ratchet.report.markup import Html, join, table, tag

WORDS = {
    "clean": "no draft",
    "restart": "fresh restart",
    "wrong_1": "1 wrong draft",
    "wrong_2": "2 wrong drafts",
    "wrong_3": "3 wrong drafts",
    "wrong_4": "4 wrong drafts",
    "right_1": "1 right draft",
    "right_2": "2 right drafts",
    "mixed": "1 wrong, 1 right",
    "labelled": "labelled wrong",
    "excluded": "answer excluded, no draft",
    "foreign": "another problem's draft",
    "shuffled": "shuffled draft",
    "prefix": "start of a right draft",
    "draft_first": "draft before problem",
    "no_verify": "no verdict asked",
    "other_model": "another model's draft",
    "synthetic": "spoiled right draft",
}
"""Conditions in words."""


def render_card(card: Card) -> str:
    """Return the page: one file without script or network."""
    pictures = [_accuracies(card), _copies(card), _pulls(card), _rounds(card), _recoveries(card)]
    cards = [tag("div", picture, class_="card") for picture in pictures if picture]
    style = resources.files("ratchet.report").joinpath("page.css").read_text("utf-8")
    title = headline(card)
    head = tag(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", f"{title} · Ratchet"),
        tag("style", Html(style)),
    )
    skips = ", ".join(f"{name} {count}" for name, count in sorted(card.skips.items()))
    settings = "".join(f"{name} {value} · " for name, value in card.settings.items())
    n = card.measures["accuracy_clean"].n
    body = [
        tag("h1", title),
        tag("p", f"{card.model} on {card.world}, {n} matched problems", class_="sub"),
        tag(
            "div",
            f"{settings}seed {card.seed} · candidates left out: {skips or 'none'} · "
            "bars are 95% intervals over problems",
            class_="meta",
        ),
        tag("div", *cards, class_="pair"),
        tag("h2", "Every number"),
        _numbers(card),
    ]
    return f"<!doctype html>\n{tag('html', head, tag('body', tag('main', *body)), lang='en')}\n"


def headline(card: Card) -> str:
    """Say in one sentence what one wrong draft does."""
    drag = card.measures.get("drag_1")
    if drag is None or drag.value is None or drag.low is None or drag.high is None:
        return "Contextual drag: not measured"
    if drag.low > 0.0:
        return f"One wrong draft costs {100 * drag.value:.1f} points of accuracy"
    if drag.high < 0.0:
        return f"One wrong draft adds {-100 * drag.value:.1f} points of accuracy"
    return "One wrong draft: no effect that these problems can show"


def say(measure: Measure) -> str:
    """Return a measurement as text."""
    if measure.value is None or measure.low is None or measure.high is None:
        return f"not defined: {measure.note}"
    return f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]"


def _accuracies(card: Card) -> Html | None:
    names = [name for name in CONDITIONS if f"accuracy_{name}" in card.measures]
    rows = [(WORDS[name], card.measures[f"accuracy_{name}"], _colour(name)) for name in names]
    return _bars("Accuracy by what the model is shown", rows, percent=True)


def _copies(card: Card) -> Html | None:
    keys = (("copy_rate", "with the draft"), ("copy_base", "without it"))
    rows = [
        (word, card.measures[key], BLUE if key == "copy_rate" else FAINT)
        for key, word in keys
        if key in card.measures
    ]
    return _bars("Answers equal to the wrong draft's", rows, percent=True)


def _pulls(card: Card) -> Html | None:
    kinds = ("pooled", "wrong_only", "detected_only", "non_copies_only")
    name = "ted" if "ted_pull_pooled" in card.measures else "levenshtein"
    found = [(kind, card.measures.get(f"{name}_pull_{kind}")) for kind in kinds]
    rows = [(kind.replace("_", " "), m, BLUE) for kind, m in found if m is not None]
    return _bars("Pull towards the draft, in edits", rows, percent=False)


def _recoveries(card: Card) -> Html | None:
    rows = [
        (WORDS[name], card.measures[f"recovery_{name}"], GREEN)
        for name in ("labelled", "excluded", "restart")
        if f"recovery_{name}" in card.measures
    ]
    return _bars("Share of the drag that is taken back", rows, percent=True)


def _rounds(card: Card) -> Html | None:
    lines = []
    for key, word, colour in (
        ("round", "append the last attempt", RED),
        ("vote", "majority vote, equal tokens", BLUE),
        ("restart", "fresh restart, equal tokens", GREEN),
    ):
        measures = [m for t in range(100) if (m := card.measures.get(f"{key}_accuracy_{t}"))]
        if measures:
            lines.append((word, measures, colour))
    if not lines:
        return None
    title = "Accuracy by round"
    figure, axes = _canvas(title, 4.0)
    for label, measures, colour in lines:
        x = list(range(len(measures)))
        axes.plot(x, [100 * (m.value or 0.0) for m in measures], color=colour, label=label, lw=2)
        low = [100 * (m.low or 0.0) for m in measures]
        axes.fill_between(
            x, low, [100 * (m.high or 0.0) for m in measures], color=colour, alpha=0.15
        )
    axes.set_xlabel("round")
    axes.set_ylabel("% solved")
    axes.legend(fontsize=10)
    return _draw(figure, title)


def _bars(title: str, rows: Sequence[tuple[str, Measure, str]], percent: bool) -> Html | None:
    known = [
        (word, m.value, m.low, m.high, colour)
        for word, m, colour in rows
        if m.value is not None and m.low is not None and m.high is not None
    ]
    if not known:
        return None
    scale = 100.0 if percent else 1.0
    figure, axes = _canvas(title, 1.3 + 0.36 * len(known))
    for place, (_, value, low, high, colour) in enumerate(reversed(known)):
        axes.plot([scale * low, scale * high], [place, place], color=colour, lw=4, alpha=0.45)
        axes.plot(scale * value, place, "o", color=colour, ms=8)
        shown = f"{scale * value:.0f}%" if percent else f"{value:.2f}"
        axes.annotate(shown, (scale * high, place), (6, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(known)), [row[0] for row in reversed(known)])
    axes.set_ylim(-0.7, len(known) - 0.3)
    axes.margins(x=0.12)
    axes.grid(visible=False, axis="y")
    if axes.get_xlim()[0] < 0.0:
        axes.axvline(0.0, color=FAINT, lw=1)
    return _draw(figure, title)


def _colour(name: str) -> str:
    condition = CONDITIONS[name]
    if not condition.drafts or condition.framing == "excluded":
        return GREEN
    return BLUE if not condition.wrong else ORANGE if condition.framing == "labelled" else RED


def _canvas(title: str, height: float) -> tuple[Figure, Axes]:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.6, height), layout="constrained")
        axes = figure.subplots()
        axes.set_title(title)
    return figure, axes


def _draw(figure: Figure, title: str) -> Html:
    with matplotlib.rc_context(STYLE):
        return svg(figure, title)


def _numbers(card: Card) -> Html:
    rows = [
        (name, say(m), str(m.n), str(m.skipped), m.note if m.value is not None else "")
        for name, m in card.measures.items()
    ]
    return join([table(("measurement", "value [95%]", "problems", "skipped", "note"), rows)])
