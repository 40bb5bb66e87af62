"""Estimates on observations small enough to be worked out by hand."""

from __future__ import annotations

import pytest

from ratchet.core.seeds import Seed
from ratchet.diagnose.drag.estimates import (
    copying,
    costs,
    detected_drag,
    discordant,
    drag,
    first_does_most,
    recovery,
    relative_drag,
    verdicts,
)
from ratchet.diagnose.drag.inheritance import Kept, pull, rouge_ratio
from ratchet.diagnose.drag.observations import Draft, Observations, Response

DRAFTS = {
    "w1": Draft("w1", "p", "4 + 6", "4 + 6", False),
    "w2": Draft("w2", "p", "4 - 6", "4 - 6", False),
    "r": Draft("r", "p", "4 * 6", "4 * 6", True),
    "mute": Draft("mute", "p", "no idea", "", False),
}


def say(
    condition: str,
    answer: str,
    drafts: tuple[str, ...] = (),
    verdict: bool | None = None,
    problem: str = "p",
    cut: bool = False,
) -> Response:
    return Response(
        problem, condition, "draw", answer, answer, answer == "4 * 6", drafts, verdict, cut, 30, 5
    )


def see(*responses: Response) -> Observations:
    names = tuple(dict.fromkeys(r.problem for r in responses))
    return Observations(names, DRAFTS, responses)


RNG = Seed(1).rng()


def test_copies_are_counted_against_how_often_the_answer_comes_by_itself() -> None:
    seen = see(
        *(say("clean", a) for a in ("4 * 6", "4 + 6", "4 - 6", "4 / 6")),
        *(say("wrong_1", a, ("w1",), True) for a in ("4 + 6", "4 + 6", "4 - 6", "4 * 6")),
        *(say("wrong_2", a, ("w1", "w2")) for a in ("4 + 6", "4 - 6", "4 * 6", "4 - 6")),
    )
    one, two = copying(seen, "wrong_1", RNG), copying(seen, "wrong_2", RNG)
    assert [one[k].value for k in ("rate", "base", "excess")] == [0.5, 0.25, 0.25]
    assert [two[k].value for k in ("rate", "base", "excess")] == [0.75, 0.5, 0.25]


def test_a_draft_without_an_answer_cannot_be_copied() -> None:
    seen = see(say("clean", ""), say("wrong_1", "", ("mute",)))
    assert copying(seen, "wrong_1", RNG)["rate"].value is None
    assert copying(seen, "wrong_1", RNG)["rate"].skipped == 1


def test_verdicts_are_held_against_what_the_drafts_are() -> None:
    seen = see(
        say("wrong_1", "", ("w1",), False),
        say("wrong_1", "", ("w1",), True),
        say("wrong_1", "", ("w2",), True),
        say("wrong_1", "", ("w2",), None),
        say("right_1", "", ("r",), False),
        say("right_1", "", ("r",), True),
    )
    wrong, right = verdicts(seen, "wrong_1", RNG), verdicts(seen, "right_1", RNG)
    assert wrong["detected"].value == pytest.approx(1 / 3)
    assert wrong["believed"].value == pytest.approx(2 / 3)
    assert wrong["silent"].value == pytest.approx(1 / 4)
    assert (right["doubted"].value, right["trusted"].value) == (0.5, 0.5)
    assert wrong["doubted"].value is None


def test_detected_drag_looks_at_finished_responses_that_said_wrong() -> None:
    seen = see(
        *(say("clean", a) for a in ("4 * 6", "4 * 6")),
        say("wrong_1", "4 * 6", ("w1",), False),
        say("wrong_1", "4 + 6", ("w1",), False),
        say("wrong_1", "4 + 6", ("w1",), True),
        say("wrong_1", "4 + 6", ("w1",), False, cut=True),
        say("clean", "4 * 6", problem="q"),
        say("wrong_1", "4 * 6", ("w1",), True, problem="q"),
    )
    found = detected_drag(seen, "wrong_1", RNG)
    assert (found.value, found.n, found.skipped) == (0.5, 1, 1)


def test_mcnemar_takes_one_pair_a_problem() -> None:
    rows = []
    for number, (before, after) in enumerate([(1, 0), (1, 0), (0, 1), (1, 1)]):
        for condition, right in (("clean", before), ("wrong_1", after)):
            first = say(condition, "4 * 6" if right else "", problem=f"p{number}")
            rows += [first, say(condition, "", problem=f"p{number}")]
    seen = see(*rows)
    assert discordant(seen, "clean", "wrong_1") == (2, 1)
    assert drag(seen, 1, RNG).note.startswith("McNemar: 2 lost, 1 won")


def by_problem(**conditions: tuple[float, ...]) -> Observations:
    """Return observations in which problem i passes that often of four."""
    rows = []
    for condition, shares in conditions.items():
        for number, share in enumerate(shares):
            for place in range(4):
                answer = "4 * 6" if place < 4 * share else "4 + 6"
                rows.append(say(condition, answer, problem=f"p{number}"))
    return see(*rows)


def test_shares_and_recoveries_are_ratios_of_means() -> None:
    seen = by_problem(
        clean=(1.0, 0.75, 1.0, 0.75, 1.0, 0.75),
        wrong_1=(0.5, 0.25, 0.25, 0.5, 0.5, 0.25),
        wrong_2=(0.25, 0.25, 0.25, 0.25, 0.5, 0.25),
        labelled=(0.75, 0.5, 0.75, 0.5, 0.75, 0.5),
    )
    assert relative_drag(seen, 1).value == pytest.approx(3.0 / 5.25)
    assert recovery(seen, "labelled").value == pytest.approx(1.5 / 3.0)
    assert first_does_most(seen, RNG).value == pytest.approx((3.0 - 0.5) / 6)
    assert drag(seen, 2, RNG).value == pytest.approx(3.5 / 6)


def test_without_drag_there_is_no_recovery() -> None:
    seen = by_problem(clean=(0.5, 0.25, 0.5), wrong_1=(0.25, 0.5, 0.5), labelled=(1.0, 1.0, 1.0))
    found = recovery(seen, "labelled")
    assert found.value is None and found.note == "the drag is not above 0"


def test_costs_are_means_by_response() -> None:
    found = costs(see(say("clean", "1"), say("clean", "1", cut=True)), "clean", RNG)
    assert (found["prompt_tokens"].value, found["tokens"].value) == (30, 5)
    assert found["truncated"].value == 0.5


def test_the_pull_is_the_distance_unseen_less_the_distance_seen() -> None:
    # To 4 + 6: itself 0, one operator 1, another number and operator 2.
    seen = see(
        *(say("clean", a) for a in ("4 * 6", "4 - 6", "5 - 6", "4 + 6")),
        say("wrong_1", "4 + 6", ("w1",), True),
        say("wrong_1", "4 - 6", ("w1",), False),
    )
    assert pull(seen, "wrong_1", RNG).value == pytest.approx(1.0 - 0.5)
    assert pull(seen, "wrong_1", RNG, kept=Kept.WRONG).value == pytest.approx(1.0 - 0.5)
    assert pull(seen, "wrong_1", RNG, kept=Kept.DETECTED).value == pytest.approx(1.0 - 1.0)
    assert pull(seen, "wrong_1", RNG, kept=Kept.NO_COPIES).value == pytest.approx(4 / 3 - 1.0)
    assert rouge_ratio(seen, "wrong_1").value is None, "one problem has no interval"
