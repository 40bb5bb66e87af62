"""The timeline of decisions and the fuel gauge of the error budget."""

from __future__ import annotations

import pytest

from ratchet.report.decisions import budget_gauge, decisions_picture
from ratchet.report.page import render_page
from ratchet.report.schema import ErrorBudget, Intervention, Report
from ratchet.report.summary import summarise
from tests.report.conftest import MakeRun


@pytest.fixture
def report(make_run: MakeRun) -> Report:
    return Report.model_validate(summarise(make_run()))


def spent(report: Report, tests: int, used: int) -> Report:
    each = [g.model_copy(update={"tests": int(g.generation <= used)}) for g in report.generations]
    budget = ErrorBudget(alpha=0.05, tests=tests, spent=used)
    return report.model_copy(update={"generations": each, "budget": budget})


@pytest.mark.parametrize(
    ("used", "width", "colour"), [(0, 296, "#007d5a"), (2, 148, "#E69F00"), (4, 0, "#D55E00")]
)
def test_the_gauge_is_as_long_as_what_is_left(
    report: Report, used: int, width: int, colour: str
) -> None:
    gauge = budget_gauge(spent(report, 4, used))
    assert f'width="{width}" height="15" rx="4" fill="{colour}"' in gauge
    assert f"{4 - used} of 4 tests left" in gauge and "0.05 at most" in gauge


def test_without_a_budget_there_is_no_gauge(report: Report, make_run: MakeRun) -> None:
    assert report.budget is None and budget_gauge(report) == ""
    page = render_page(report, make_run(name="page"))
    assert 'class="gauge"' not in page and "Decisions by generation" in page


def test_the_picture_shows_decisions_and_steps_of_people(report: Report) -> None:
    plain = decisions_picture(report)
    fuelled = decisions_picture(spent(report, 8, 3))
    back = Intervention(kind="rollback", after=2, to=1, fresh=[])
    moved = decisions_picture(report.model_copy(update={"interventions": [back]}))
    assert plain and fuelled and moved
    assert plain.startswith("<svg") and len({plain, fuelled, moved}) == 3
    assert "http" not in fuelled and "<script" not in fuelled
    assert decisions_picture(report.model_copy(update={"generations": []})) is None
