"""What the system wrote, side by side: answers before and after, proposals, plain text.

All of it is a model's text and is escaped by ``markup``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ratchet.core.records import Evaluation, Trace
from ratchet.loop.folder import RunFolder
from ratchet.report.markup import Html, join, table, tag
from ratchet.report.schema import Report
from ratchet.report.tables import numbers

PROPOSALS = 6
"""Most proposals shown of one generation."""


def samples(report: Report) -> Html:
    """Return the epilogue's answers before and after."""
    found = (report.epilogue or {}).get("samples", [])
    if not found:
        return Html()
    rows = [
        [
            tag("pre", _text(sample, "prompt")),
            _answer(sample, "before", "correct_before"),
            _answer(sample, "after", "correct_after"),
        ]
        for sample in found
    ]
    return table(["problem", "before", "after"], rows)


def quality(report: Report) -> Html:
    """Return the epilogue's probe of plain text: perplexity before and after, and its samples."""
    found = (report.epilogue or {}).get("quality")
    if not found:
        return Html()
    texts = [
        [
            tag("pre", _text(s, "prompt")),
            tag("pre", _text(s, "before")),
            tag("pre", _text(s, "after")),
        ]
        for s in found.get("samples", [])
    ]
    told = tag("p", _quality_sentence(found))
    return join([told, table(["prompt", "before", "after"], texts) if texts else ""])


def proposals(report: Report, folder: RunFolder) -> Html:
    """Return a few proposals of every generation, from its records."""
    found = {g.generation: _proposed(folder.read_records(g.generation)) for g in report.generations}
    numbered = [(number, rows) for number, rows in found.items() if rows]
    ends = {number for number, _ in numbered[:1] + numbered[-1:]}
    return join(
        tag(
            "details",
            tag("summary", f"generation {number}"),
            table(["proposal", "verdict", "numbers"], rows, "tight"),
            **({"open": "open"} if number in ends else {}),
        )
        for number, rows in numbered
    )


def spread(items: Sequence[Any], most: int) -> list[Any]:
    """Return at most this many items, evenly spaced, the first always among them."""
    if len(items) <= most:
        return list(items)
    return [items[place * len(items) // most] for place in range(most)]


def _proposed(records: Sequence[Any]) -> list[list[str]]:
    traces = [r for r in records if isinstance(r, Trace) and r.role == "proposer"]
    if traces:
        return [_proposal(trace) for trace in spread(traces, PROPOSALS)]
    programs = {r.program: r for r in records if isinstance(r, Evaluation)}
    best = sorted(programs.values(), key=lambda r: (-r.score, r.program))[:PROPOSALS]
    return [[tag("pre", r.program), f"score {r.score:.3f}", numbers(r.measures)] for r in best]


def _proposal(trace: Trace) -> list[str]:
    verdict = trace.verdict
    word = tag(
        "span",
        "kept" if verdict.passed else "refused",
        class_=f"word {'right' if verdict.passed else 'wrong'}",
    )
    why = f" {verdict.feedback}" if verdict.feedback else ""
    told = {**{k: v for k, v in verdict.evidence.items() if isinstance(v, float)}, **trace.measures}
    shown = numbers({"reward": verdict.reward, **told})
    return [tag("pre", trace.attempt.answer.strip()), join([word, why]), shown]


def _answer(sample: Mapping[str, Any], text: str, correct: str) -> Html:
    right = sample.get(correct)
    mark = (
        ""
        if right is None
        else tag(
            "span",
            "✓ right" if right else "✗ wrong",
            class_=f"word {'right' if right else 'wrong'}",
        )
    )
    return join([mark, tag("pre", _text(sample, text))])


def _text(sample: Mapping[str, Any], key: str) -> str:
    return str(sample.get(key, "")).strip() or "(nothing)"


def _quality_sentence(found: Mapping[str, Any]) -> str:
    told = f"Perplexity on plain text: {found['before']:.2f} before, {found['after']:.2f} after"
    relative, margin = found.get("relative"), found.get("margin")
    if relative:
        told += (
            f" ({100 * relative['mean']:+.1f}%, 95% interval {100 * relative['low']:+.1f}% to "
            f"{100 * relative['high']:+.1f}%, {relative['n']} texts)"
        )
    if margin is not None:
        kept = "within" if found.get("within") else "not shown to be within"
        told += f": {kept} the margin of {100 * margin:.0f}%"
    return told + "."
