from __future__ import annotations

from pathlib import Path

from ratchet.core.seeds import Seed
from ratchet.diagnose.drag.card import Card, fill_card
from ratchet.diagnose.drag.conditions import FULL
from ratchet.diagnose.drag.curves import (
    affordable,
    chain_curves,
    majority,
    restart_curves,
    slope,
    vote_curves,
)
from ratchet.diagnose.drag.estimates import size_trend
from ratchet.diagnose.drag.measure import Measure
from ratchet.diagnose.drag.observations import Response
from ratchet.diagnose.drag.simulate import Rates, simulate_chains
from ratchet.diagnose.drag.study import Plan, Study
from ratchet.report.drag_card import headline, render_card
from ratchet.worlds.arithmetic import Arithmetic
from tests.diagnose.drag.speakers import Guesser
from tests.diagnose.drag.test_study import FORM


def fill(folder: Path, lean: float) -> Card:
    names = tuple(name for name in FULL if name not in ("wrong_3", "wrong_4"))
    plan = Plan(names, 30, 200, 10, 2, 3, level=1)
    found = Study(Guesser(lean), Arithmetic(), FORM, plan, folder).run()
    return fill_card(found, "guesser", "arithmetic", 1)


def test_the_card_holds_every_measurement_and_is_one_page(tmp_path: Path) -> None:
    card = fill(tmp_path, 0.8)
    keys = (
        "accuracy_all accuracy_clean drag_1 relative_drag_1 marginal_1 marginal_2 first_does_most "
        "benefit_right_1 benefit_right_2 benefit_mixed recovery_labelled recovery_excluded "
        "label_beyond_exclusion verdict_detected verdict_doubted verdict_silent detected_drag "
        "copy_rate copy_base copy_excess rouge_ratio rouge_gain_wrong_only "
        "levenshtein_pull_pooled levenshtein_pull_non_copies_only pull_foreign drag_foreign "
        "drag_shuffled drag_prefix drag_synthetic draft_first_minus_wrong_1 "
        "no_verify_minus_wrong_1 round_accuracy_2 round_repeat_1 round_distance_2 "
        "vote_accuracy_2 restart_accuracy_2 slope_append_minus_vote prompt_tokens_wrong_1 "
        "tokens_clean seconds_clean truncated_clean"
    )
    assert not set(keys.split()) - set(card.measures)
    excess = card.measures["copy_excess"]
    assert excess.above_zero
    page = render_card(card)
    assert page.count("<svg") >= 4 and "http" not in page
    assert "<script" not in page and "points of accuracy" in headline(card)


def test_the_headline_claims_no_more_than_the_interval() -> None:
    def card(value: float, low: float, high: float) -> Card:
        return Card("m", "w", {"drag_1": Measure(value, low, high, 9)}, {}, {}, 1)

    assert "costs 20.0 points" in headline(card(0.2, 0.1, 0.3))
    assert "adds 20.0 points" in headline(card(-0.2, -0.3, -0.1))
    assert "no effect" in headline(card(0.2, -0.1, 0.3))


def response(answer: str, tokens: int = 10) -> Response:
    return Response("p", "clean", answer, answer, answer, answer == "4", tokens=tokens)


def test_fresh_samples_are_counted_by_tokens() -> None:
    chains, fresh = simulate_chains(Rates(), Seed(1).rng(), problems=3, rounds=4)
    # A clean sample costs 52 tokens, a retry with one draft 67.
    assert affordable(chains[0], fresh["p0"]) == [1, 2, 3, 4]
    assert affordable(chains[0], fresh["p0"][:2]) == [1, 2, 2, 2]
    for curves in (vote_curves(chains, fresh), restart_curves(chains, fresh)):
        assert {len(curve) for curve in curves.values()} == {4}


def test_a_vote_takes_the_most_frequent_answer() -> None:
    winner = majority([response("5"), response("4"), response(""), response("4")])
    assert winner is not None and winner.answer == "4"
    assert majority([response("")]) is None


def test_appending_falls_behind_a_vote_in_a_simulation_of_a_copier() -> None:
    rng = Seed(2).rng()
    chains, fresh = simulate_chains(Rates(copy=0.8, detect=0.0, doubt=0.5), rng, 300)
    append, vote = slope(chain_curves(chains), rng), slope(vote_curves(chains, fresh), rng)
    assert append.high is not None and vote.low is not None and append.high < vote.low


def test_a_trend_over_sizes_is_the_slope_by_doubling() -> None:
    by_size = {2**k: {f"p{i}": 0.1 * k + 0.01 * (i % 3) for i in range(9)} for k in (10, 12, 13)}
    trend = size_trend(
        {s: {p: v / 2 for p, v in b.items()} for s, b in by_size.items()}, Seed(1).rng()
    )
    assert trend.value is not None and abs(trend.value - 0.05) < 1e-9 and trend.n == 9
    by_size[2**10].pop("p0")
    assert (
        size_trend(
            {k: {p: v / 2 for p, v in b.items()} for k, b in by_size.items()}, Seed(1).rng()
        ).skipped
        == 1
    )
    assert size_trend({4: {"p": 0.1}}, Seed(1).rng()).value is None
