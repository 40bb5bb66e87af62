"""The pictures of a report, as SVG to stand inside a page.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; decisions differ by
shape as well. Text is drawn as outlines, so a picture looks the same everywhere and needs no font.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from ratchet.report.markup import Html
from ratchet.report.schema import GenerationReport, Measured, Report
from ratchet.report.words import comparison, percent, points

INK, FAINT, BLUE, GREEN = "#1f2933", "#8a94a0", "#0072B2", "#007d5a"
ORANGE, RED, SKY, PURPLE = "#E69F00", "#D55E00", "#56B4E9", "#9c5a86"
MARKS = {
    "promote": ("^", GREEN, "promoted"),
    "hold": ("D", ORANGE, "held"),
    "reject": ("v", RED, "rejected"),
    "halt": ("s", INK, "halted"),
}
WORDS = {"promote": GREEN, "hold": "#8a6000", "reject": "#b34700"}
STYLE = {
    "svg.fonttype": "path",
    "svg.hashsalt": "ratchet",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": "#c5ccd3",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlepad": 12,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#eceff2",
    "legend.frameon": False,
}
_MOST_WORDS = 8  # generations; with more, the decision is shown by its mark alone


def progress_picture(report: Report) -> Html | None:
    """Score by generation with 95% intervals and decisions; None before the first generation."""
    measured = [g for g in report.generations if g.candidate and g.incumbent]
    if not measured and report.final.score is None:
        return None
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(8.2, 4.9)
        _incumbent_line(axes, measured)
        _candidate_marks(axes, measured)
        last = max([g.generation for g in report.generations], default=1)
        axes.set_xlim(0.5, last + 0.5)
        _references(axes, report)
        _ticks(axes, report.generations)
        axes.set_ylim(*_limits(report, measured))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_ylabel("score on sealed problems")
        axes.set_title(_progress_title(report))
        _legend(axes, measured)
        return svg(figure, "Score by generation")


def family_picture(report: Report) -> Html | None:
    """Base and final score of every family; None without a final measurement, or for a control,
    whose incumbent is the untrained state."""
    if not report.families or report.gate == "record":
        return None
    names = list(report.families)[::-1]
    with matplotlib.rc_context({**STYLE, "axes.grid.axis": "x"}):
        figure, axes = canvas(5.4, 4.9)
        for row, name in enumerate(names):
            family = report.families[name]
            better = family.final >= family.base
            colour = GREEN if better else RED
            axes.plot([family.base, family.final], [row, row], color=colour, lw=3, alpha=0.45)
            axes.plot(family.base, row, "o", ms=9, mfc="white", mec=INK, mew=1.6)
            axes.plot(family.final, row, "o", ms=10, color=colour)
            shown = f"{percent(family.base)} → {percent(family.final)}"
            middle = max(0.1, min(0.9, (family.base + family.final) / 2))
            axes.annotate(
                shown, (middle, row), (0, 9), textcoords="offset points", ha="center", fontsize=10
            )
        labels = [f"{_readable(name)} ({report.families[name].n})" for name in names]
        axes.set_yticks(range(len(names)), labels)
        axes.set_ylim(-0.6, len(names) - 0.35)
        axes.set_xlim(-0.04, 1.04)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_title("By kind of problem (how many)")
        handles = [
            Line2D([], [], ls="", marker="o", mfc="white", mec=INK, mew=1.6, ms=8, label="before"),
            Line2D([], [], ls="", marker="o", color=GREEN, ms=9, label="after"),
        ]
        _bottom_legend(axes, handles)
        return svg(figure, "Score by family, before and after")


def curriculum_picture(report: Report) -> Html | None:
    """Share of kept tasks by level over generations; None where no level was measured."""
    levels = [f"level_{n}" for n in range(1, 10)]
    present = [name for name in levels if _series(report, name)[0]]
    if not present:
        return None
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(6.8, 3.9)
        numbers = [g.generation for g in report.generations]
        floor = [0.0] * len(numbers)
        shades = matplotlib.colormaps["cividis_r"]
        for place, name in enumerate(present):
            shares = [g.measures.get(name, 0.0) for g in report.generations]
            colour = shades(0.08 + 0.88 * place / max(1, len(present) - 1))
            axes.bar(numbers, shares, 0.62, bottom=floor, color=colour, label=name.split("_")[1])
            floor = [a + b for a, b in zip(floor, shares, strict=True)]
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_ylim(0, 1.02)
        _whole_numbers(axes, numbers)
        axes.set_ylabel("share of kept tasks")
        axes.set_title("What it taught itself: tasks by level")
        axes.legend(title="level", loc="center left", bbox_to_anchor=(1.0, 0.5))
        return svg(figure, "Share of kept tasks by level")


def measures_picture(
    report: Report, title: str, names: Sequence[tuple[str, str]], share: bool
) -> Html | None:
    """Draw named measures over generations; ``names`` pairs a measure with its label, ``share``
    says that all lie in [0, 1]. None where none of them was measured."""
    colours, marks = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY), "osD^vP"
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(6.8, 3.9)
        drawn = 0
        for (name, label), colour, mark in zip(names, colours, marks, strict=False):
            numbers, values = _series(report, name)
            if not numbers:
                continue
            drawn += 1
            axes.plot(numbers, values, marker=mark, ms=7, color=colour, lw=2, label=label)
        if not drawn:
            return None
        if share:
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            axes.set_ylim(-0.02, 1.04)
        else:
            axes.set_ylim(bottom=0)
        _whole_numbers(axes, [g.generation for g in report.generations])
        axes.set_title(title)
        _bottom_legend(axes, axes.get_legend_handles_labels()[0])
        return svg(figure, title)


def canvas(width: float, height: float) -> tuple[Figure, Any]:
    """Return an empty figure of this size in inches, and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.tick_params(length=0)
    axes.set_axisbelow(True)
    return figure, axes


def _incumbent_line(axes: Any, generations: Sequence[GenerationReport]) -> None:
    numbers = [g.generation for g in generations]
    pairs = [g.incumbent for g in generations if g.incumbent]
    axes.plot(numbers, [p.mean for p in pairs], color=FAINT, lw=2, zorder=2)
    for number, pair in zip(numbers, pairs, strict=True):
        _whisker(axes, number + 0.07, pair, FAINT)
        axes.plot(number + 0.07, pair.mean, "o", ms=6, color=FAINT, zorder=3)


def _candidate_marks(axes: Any, generations: Sequence[GenerationReport]) -> None:
    numbers = [g.generation - 0.07 for g in generations]
    pairs = [g.candidate for g in generations if g.candidate]
    axes.plot(numbers, [p.mean for p in pairs], color=BLUE, lw=2, alpha=0.55, zorder=3)
    for number, generation, pair in zip(numbers, generations, pairs, strict=True):
        mark, colour, _ = MARKS[generation.decision]
        _whisker(axes, number, pair, BLUE)
        axes.plot(number, pair.mean, mark, ms=11, color=colour, mec="white", mew=1.2, zorder=5)


def _whisker(axes: Any, x: float, value: Measured, colour: str) -> None:
    axes.plot([x, x], [value.low, value.high], color=colour, lw=1.6, alpha=0.8, zorder=2.5)


def _references(axes: Any, report: Report) -> None:
    """Before and after as horizontal lines with their intervals, named at the right edge."""
    judged = comparison(report)
    named = [("before", judged.before, INK, "--"), ("after", judged.after, GREEN, "-")]
    shown = [(n, s, c, line) for n, s, c, line in named if s is not None]
    close = len(shown) == 2 and abs(shown[0][1].mean - shown[1][1].mean) < 0.04
    for place, (name, score, colour, line) in enumerate(shown):
        axes.axhspan(score.low, score.high, color=colour, alpha=0.08, lw=0)
        axes.axhline(score.mean, color=colour, lw=1.8, ls=line, zorder=1.5)
        upper = score.mean >= shown[1 - place][1].mean if len(shown) == 2 else True
        axes.annotate(
            f"{name} {percent(score.mean)}",
            (1.0, score.mean),
            (6, (7 if upper and place else -7) if close else 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            color=colour,
            va="center",
            fontweight="bold",
            annotation_clip=False,
        )


def _ticks(axes: Any, generations: Sequence[GenerationReport]) -> None:
    numbers = [g.generation for g in generations]
    if len(numbers) > _MOST_WORDS or not numbers:
        _whole_numbers(axes, numbers)
        return
    axes.set_xticks(numbers, [f"{g.generation}\n{MARKS[g.decision][2]}" for g in generations])
    for label, generation in zip(axes.get_xticklabels(), generations, strict=True):
        label.set_color(WORDS.get(generation.decision, INK))
    axes.set_xlabel("generation, and what the gate decided")


def _whole_numbers(axes: Any, numbers: Sequence[int]) -> None:
    step = max(1, len(numbers) // 10)
    axes.set_xticks(list(numbers)[::step])
    axes.set_xlabel("generation")


def _limits(report: Report, generations: Sequence[GenerationReport]) -> tuple[float, float]:
    every = [comparison(report).before, comparison(report).after]
    every += [value for g in generations for value in (g.candidate, g.incumbent)]
    known = [value for value in every if value is not None]
    low, high = min(v.low for v in known), max(v.high for v in known)
    space = max(0.04, 0.12 * (high - low))
    return max(-0.02, low - space), min(1.03, high + space)


def _progress_title(report: Report) -> str:
    gain = comparison(report).gain
    if gain is None:
        return "Score by generation (no final measurement)"
    return (
        f"Final gain: {points(gain.mean)} points "
        f"(95% interval {points(gain.low)} to {points(gain.high)})"
    )


def _legend(axes: Any, generations: Sequence[GenerationReport]) -> None:
    """Name the lines; the marks too, where the axis does not."""
    if not generations:
        return
    decided = {g.decision for g in generations} if len(generations) > _MOST_WORDS else set()
    handles = [
        Line2D([], [], color=BLUE, lw=2, label="candidate"),
        Line2D([], [], color=FAINT, marker="o", ms=6, lw=2, label="incumbent (deployed)"),
        Line2D([], [], ls="", marker="|", color=BLUE, ms=13, mew=1.6, label="95% interval"),
    ]
    handles += [
        Line2D([], [], ls="", marker=mark, color=colour, ms=9, label=word)
        for verb, (mark, colour, word) in MARKS.items()
        if verb in decided
    ]
    _bottom_legend(axes, handles)


def _bottom_legend(axes: Any, handles: Sequence[Any]) -> None:
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=10)


def _series(report: Report, name: str) -> tuple[list[int], list[float]]:
    found = [(g.generation, g.measures[name]) for g in report.generations if name in g.measures]
    return [n for n, _ in found], [value for _, value in found]


def _readable(name: str) -> str:
    return name.replace("_", " ")


def svg(figure: Figure, title: str) -> Html:
    """Return the figure without anything that names an outside address."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r'<svg height="[^"]*"', "<svg", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*pt"', r"\1", text, count=1)
    return Html(text.replace("<svg", f'<svg role="img" aria-label="{title}"', 1))
