"""Numbers in plain words, for the page, the figures and the terminal alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ratchet.report.schema import Measured, Report


def percent(value: float | None) -> str:
    """Return a fraction in percent, a dash if not measured; 0% and 100% mean none and all."""
    if value is None:
        return "–"
    whole = f"{100 * value:.0f}%"
    return f"{100 * value:.1f}%" if whole in ("0%", "100%") and value not in (0, 1) else whole


def points(value: float) -> str:
    """Return a difference of fractions as signed percentage points, one digit."""
    text = f"{100 * value:+.1f}"
    return text.replace("-", "−") if float(text) else "0.0"


def interval(value: Measured | None) -> str:
    """Return a gain with its interval in points."""
    if value is None:
        return "not measured"
    return f"{points(value.mean)} points [{points(value.low)}, {points(value.high)}]"


def score(value: Measured | None) -> str:
    """Return a score with its interval in percent."""
    if value is None:
        return "not measured"
    return f"{percent(value.mean)} [{percent(value.low)}, {percent(value.high)}]"


def subject(report: Report) -> str:
    """Return what improved itself: the model, or the recipe where there is none.

    Of a path only the last part, of a hub id everything.
    """
    name = report.model or report.recipe
    return Path(name).stem if name.startswith(("/", ".")) or name.endswith(".py") else name


@dataclass(frozen=True)
class Comparison:
    """What a run is judged by: base and incumbent; for a control, untrained and last candidate."""

    before: Measured | None
    """Score of the one."""
    after: Measured | None
    """Score of the other."""
    gain: Measured | None
    """After minus before, item by item."""


def comparison(report: Report) -> Comparison:
    """Return what this run is judged by."""
    last = report.last_candidate
    if report.gate == "record":
        return Comparison(report.untrained.score, last.score, last.gains.same_procedure)
    return Comparison(report.base.score, report.final.score, report.gain)


def headline(report: Report) -> str:
    """Return the outcome of a run in one sentence that anybody understands."""
    who = subject(report)
    if report.status == "invalid" and report.stopped:
        return f"This run is invalid: {report.stopped.message}"
    if report.status == "invalid":
        dead = [name for name, state in report.liveness.items() if state == "dead"]
        return f"This run is invalid: {', '.join(dead) or 'a mechanism'} did not work"
    judged = comparison(report)
    if judged.before is None or judged.after is None or judged.gain is None:
        done = len(report.generations)
        return f"{who}: {report.status} after {done} generation{'s' * (done != 1)}, no final score"
    change = f"from {percent(judged.before.mean)} to {percent(judged.after.mean)}"
    if report.gate == "record":
        return f"Control, gate not obeyed: {who} went {change}"
    if judged.gain.low > 0:
        return f"{who} went {change}"
    if judged.gain.high < 0:
        return f"{who} got worse: {change}"
    return f"No measurable change: {who} went {change}"


def subline(report: Report) -> str:
    """Return what stands behind the headline: the gain, its interval, and on what."""
    gain = comparison(report).gain
    if gain is None:
        return "The final problems were not opened."
    return (
        f"{points(gain.mean)} points, 95% interval {points(gain.low)} to {points(gain.high)}, "
        f"on {gain.n} problems that were sealed until the end."
    )


def following(report: Report, run: str = "RUN") -> list[str]:
    """Return what to type next for a run that a budget halted; nothing for any other."""
    if report.stopped is None or report.final.score is not None:
        return []
    if not report.stopped.name.startswith("budget_"):
        return []
    limit = report.stopped.name.removeprefix("budget_")
    return [
        f"raise {limit} in [budget] of the charter, then: ratchet resume {run} --approve",
        f"or measure what there is: ratchet resume {run} --finish",
    ]


def decisions(report: Report) -> str:
    """Return how often each decision was taken, e.g. ``2 promoted, 1 held``."""
    past = {"promote": "promoted", "hold": "held", "reject": "rejected", "halt": "halted"}
    counts = Counter[str](generation.decision for generation in report.generations)
    told = [f"{counts[verb]} {word}" for verb, word in past.items() if counts[verb]]
    return ", ".join(told) or "no decision yet"


def duration(seconds: float) -> str:
    """Return seconds as a short time: ``42 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
