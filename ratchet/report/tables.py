"""The tables of a report's page. Each returns empty Html where there is nothing to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratchet.report.markup import Html, table, tag
from ratchet.report.schema import GenerationReport, Report
from ratchet.report.words import duration, interval, score


def timeline(report: Report) -> Html:
    """Return every generation with its decision and the reason."""
    if not report.generations:
        return Html()
    head = ["generation", "decision", "candidate", "incumbent", "gain", "why"]
    return table(head, [_turn(generation) for generation in report.generations])


def findings(report: Report) -> Html:
    """Return every finding and what it caused."""
    rows = [
        [
            str(generation.generation),
            tag("span", found.name, class_="word"),
            found.message,
            found.action,
            numbers(found.measures),
        ]
        for generation in report.generations
        for found in generation.findings
    ]
    if not rows:
        return Html()
    return table(["generation", "finding", "what it says", "action", "numbers"], rows)


def other_numbers(report: Report) -> Html:
    """Return the comparisons that keep the headline honest, and the last candidate."""
    if report.final.score is None:
        return Html()
    last = report.last_candidate
    rows = [
        ["incumbent against the base (the headline)", interval(report.gain)],
        [
            "incumbent against the untrained state, same procedure",
            interval(report.gains.same_procedure),
        ],
        [
            "incumbent against the base, where both answers could be read",
            interval(report.gains.parseable),
        ],
        ["last candidate against the base", interval(last.gain)],
        [
            "last candidate against the untrained state, same procedure",
            interval(last.gains.same_procedure),
        ],
        ["last candidate's score", score(last.score)],
        ["untrained state's score, same procedure", score(report.untrained.score)],
    ]
    rows += [
        [f"procedure {name!r} before training, audit problems", f"{100 * mean:.0f}%"]
        for name, mean in report.base.procedures.items()
    ]
    return table(["comparison", "result"], rows)


def liveness(report: Report) -> Html:
    """Return every mechanism with its state, dead ones first."""
    order = {"dead": 0, "dormant": 1, "live": 2}
    states = sorted(report.liveness.items(), key=lambda pair: (order[pair[1]], pair[0]))
    if not states:
        return Html()
    return table(
        ["mechanism", "state"],
        [[name, tag("span", state, class_=f"word {state}")] for name, state in states],
    )


def costs(report: Report) -> Html:
    """Return what the run consumed."""
    cost = report.cost
    rows = [
        ["time", duration(cost.wall_s)],
        ["tokens written", f"{cost.tokens:,}"],
        ["tokens read", f"{cost.prompt_tokens:,}"],
        ["tool calls", f"{cost.tool_calls:,}"],
        ["peak memory", f"{cost.peak_rss_mb:,.0f} MB"],
    ]
    return table(["", "whole run"], rows)


def settings(report: Report, values: Mapping[str, Any]) -> Html:
    """Return every setting of the run, and the hashes that identify it."""
    rows = [[name, str(value)] for name, value in values.items()]
    rows += [
        ["charter (hash)", report.charter],
        ["incumbent (hash)", report.states.incumbent],
        ["branch (hash)", report.states.branch],
    ]
    shown = [[name, tag("pre", value)] for name, value in rows]
    return tag("details", tag("summary", f"{len(rows)} values"), table(["name", "value"], shown))


def measures(report: Report) -> Html:
    """Return every number of the recipe, by generation."""
    names = sorted({name for generation in report.generations for name in generation.measures})
    if not names:
        return Html()
    head = ["", *(str(generation.generation) for generation in report.generations)]
    rows = [[name, *(_number(g.measures.get(name)) for g in report.generations)] for name in names]
    return tag("details", tag("summary", f"{len(names)} numbers"), table(head, rows))


def numbers(measures: Mapping[str, float]) -> str:
    """Return named numbers on one line."""
    return ", ".join(f"{name} {value:.3g}" for name, value in sorted(measures.items()))


def _turn(generation: GenerationReport) -> list[str]:
    verb = generation.decision
    return [
        str(generation.generation),
        tag("span", verb, class_=f"word {verb}"),
        score(generation.candidate),
        score(generation.incumbent),
        interval(generation.gain),
        generation.reason,
    ]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
