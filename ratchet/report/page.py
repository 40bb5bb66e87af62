"""``report.html``: one file that needs no network and no script, pictures first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from ratchet.loop.folder import RunFolder
from ratchet.report.decisions import budget_gauge, decisions_picture
from ratchet.report.figures import (
    curriculum_picture,
    family_picture,
    measures_picture,
    progress_picture,
)
from ratchet.report.markup import Html, join, tag
from ratchet.report.samples import proposals, quality, samples
from ratchet.report.schema import Measured, Report
from ratchet.report.summary import read_settings
from ratchet.report.tables import (
    costs,
    findings,
    liveness,
    measures,
    other_numbers,
    settings,
    timeline,
)
from ratchet.report.words import (
    comparison,
    decisions,
    duration,
    following,
    headline,
    interval,
    score,
    subline,
)

WRITING = (
    ("valid_share", "valid"),
    ("distinct_share", "distinct"),
    ("kept_share", "kept for training"),
    ("label_accuracy", "labelled right"),
)
SOLVING = (("pass_rate", "the learning solver"), ("pinned_pass_rate", "the untrained solver"))
CALLING = (("tool_calls", "the learning solver"), ("pinned_tool_calls", "the untrained solver"))
"""Measures drawn together over generations, with their names in the picture."""


def render_page(report: Report, folder: RunFolder) -> str:
    """Return the page of a run; parts that were not measured are left out."""
    parts = [
        _top(report),
        _first_screen(report),
        _section("What was decided, and why", _decisions(report), _record_note(report)),
        _section("Findings", findings(report)),
        _section(
            "Before and after",
            samples(report),
            "The same problems, put to the untrained and to the improved system.",
        ),
        _curriculum(report),
        _section(
            "What was proposed",
            proposals(report, folder),
            "A few of the tasks or programs that the system wrote for itself.",
        ),
        _section("Everyday text", quality(report)),
        _section("Other comparisons", other_numbers(report)),
        _section(
            "Mechanisms",
            liveness(report),
            "Live: its effect was seen. Dormant: nothing triggered it, and a planted trigger did "
            "fire. Dead: it did not work; one dead mechanism makes a run invalid.",
        ),
        _section("Cost", costs(report)),
        _section("Settings", settings(report, read_settings(folder))),
    ]
    head = tag(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", f"{headline(report)} · Ratchet"),
        tag(
            "style", Html(resources.files("ratchet.report").joinpath("page.css").read_text("utf-8"))
        ),
    )
    page = tag("html", head, tag("body", tag("main", *parts)), lang="en")
    return f"<!doctype html>\n{page}\n"


def _top(report: Report) -> Html:
    names = " · ".join(
        part
        for part in (
            f"recipe {report.recipe}",
            f"tier {report.tier}" if report.tier else "",
            f"seed {report.seed}",
            report.status,
            decisions(report),
            duration(report.cost.wall_s),
        )
        if part
    )
    alarm = _alarm(report)
    return join(
        [
            tag("h1", headline(report)),
            tag("p", subline(report), class_="sub"),
            tag("div", names, class_="meta"),
            tag("div", alarm, class_="alarm") if alarm else "",
        ]
    )


def _alarm(report: Report) -> str:
    if report.status == "invalid":
        where = "" if report.stopped else ": see Mechanisms below"
        return f"No number of this run should be used{where}."
    if report.stopped:
        return f"The run stopped: {report.stopped.message}. {' '.join(following(report))}"
    if report.status == "halted":
        return f"The run was halted: {report.generations[-1].reason}."
    if report.status == "budget_spent":
        return "Every test of the error budget is spent, so nothing more could be promoted."
    if report.status == "needs_approval":
        reason = report.generations[-1].reason
        return f"It waits for your approval: {reason}. ratchet resume RUN --approve promotes it."
    if report.status == "interrupted":
        return "The run has not ended. Every finished generation is kept; ratchet resume goes on."
    return ""


def _first_screen(report: Report) -> Html:
    cards = _cards([progress_picture(report), family_picture(report)])
    judged = comparison(report)
    control = report.gate == "record"
    before = "before: untrained" if control else f"before: {report.base.procedure}"
    numbers = [
        (score(judged.before), before),
        (score(judged.after), "after: last candidate" if control else "after"),
        (interval(judged.gain), "gain"),
    ]
    if not control:
        numbers.append((interval(report.gains.same_procedure), "gain under the same procedure"))
    contrasts: Mapping[str, Any] = (report.epilogue or {}).get("contrasts", {})
    numbers += [(interval(Measured(**found)), name) for name, found in contrasts.items()]
    shown = [tag("div", tag("b", value), tag("span", name)) for value, name in numbers]
    pictures = tag("div", *cards, class_="first") if cards else ""
    measured = tag("div", *shown, class_="figures") if judged.after else ""
    return join([measured, pictures])


def _curriculum(report: Report) -> Html:
    cards = _cards(
        [
            curriculum_picture(report),
            measures_picture(report, "Tasks that the proposer wrote", WRITING, share=True),
            measures_picture(report, "Share of them solved by ...", SOLVING, share=True),
            measures_picture(report, "Tool calls in an attempt by ...", CALLING, share=False),
        ]
    )
    pictures = tag("div", *cards, class_="pair") if cards else ""
    return _section("The curriculum", join([pictures, measures(report)]), "By generation.")


def _decisions(report: Report) -> Html:
    picture = _cards([decisions_picture(report)])
    return join([budget_gauge(report), *picture, timeline(report)])


def _cards(pictures: Sequence[Html | None]) -> list[Html]:
    return [tag("div", picture, class_="card") for picture in pictures if picture]


def _record_note(report: Report) -> str:
    if report.gate == "record":
        return "Control: decisions were only written down, the branch went on regardless."
    return (
        f"Each candidate was measured on fresh sealed anchors: {report.gate_items.drawn} drawn in "
        f"all, {report.gate_items.distinct} of them different."
    )


def _section(title: str, content: Html, note: str = "") -> Html:
    if not content:
        return Html()
    return tag("section", tag("h2", title), tag("p", note, class_="note") if note else "", content)
