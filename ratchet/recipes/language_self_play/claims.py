"""What Language Self-Play claims here, with its controls. Fixed before the first full run.

Cost, planned for tier tiny: five generations with more measuring took 124 s of processor time on a
crowded core, so a run of four may take 90 s, one of seven 130 s, plain RL 60 s. The first stage is
9 arms of 5 seeds, about an hour of one core: half of that on two. Every arm records decisions
without obeying them: the method has no gate, and a restart must not undo the collapse that is to be
shown. So every number is that of the last candidate. Gate anchors decide nothing then, and few are
drawn.

At tier tiny form judges in place of the frozen first model, which says no to everything (README);
what the paper's own judge is worth is claimed for larger tiers.
"""

from __future__ import annotations

from ratchet.claims import Arm, Claim, Claims

_PAPER = "Language Self-Play (arXiv 2509.07414)"
_SCORE = "last_candidate.score.mean"
_BARE: dict[str, str | int | float | bool] = {
    "gate": "record",
    "charter": "arithmetic",
    "gate_items": 40,
}
_ZERO: dict[str, str | int | float | bool] = {**_BARE, "quality": 0.0}

CLAIMS = Claims(
    arms=(
        Arm("lsp", _BARE),
        Arm("lsp_zero", _ZERO),
        Arm("base", {**_BARE, "generations": 0}),
        Arm("bad_judge", {**_BARE, "corrupt": "permuted"}),
        Arm("frozen_challenger", {**_BARE, "proposer": "frozen"}),
        Arm("separate", {**_BARE, "roles": "separate"}),
        Arm("rl", {**_BARE, "proposer": "uniform", "generations": 3}),
        Arm("lsp_then_rl", {**_BARE, "generations": 7, "rl_from": 5}),
        Arm("zero_then_rl", {**_ZERO, "generations": 7, "rl_from": 5}),
        Arm("self_judge", {**_BARE, "judge": "self"}),
    ),
    claims=(
        Claim(
            name="lsp_order",
            statement="Self-play with quality ends above self-play without it, and that above the "
            "base.",
            source=_PAPER + ", figures 2 and 3 (36.4, 32.0, 26.5)",
            arms=("lsp", "lsp_zero", "base"),
            metric=_SCORE,
            comparison="order",
            smallest_effect=0.03,
        ),
        Claim(
            name="lsp_signal_collapse",
            statement="Without quality the share of queries with both passes and failures falls "
            "faster.",
            source=_PAPER + " (told in words), and the simulation in docs/simulations.md",
            arms=("lsp", "lsp_zero"),
            metric="course.slopes.query_signal",
            comparison="treatment > control",
            smallest_effect=0.02,
        ),
        Claim(
            name="lsp_zero_validity",
            statement="Without quality the share of queries that are tasks falls faster.",
            source="ours (what is behind lsp_signal_collapse)",
            arms=("lsp", "lsp_zero"),
            metric="course.slopes.valid_share",
            comparison="treatment > control",
            smallest_effect=0.02,
        ),
        Claim(
            name="lsp_bad_judge",
            statement="A judge whose scores are dealt out at random helps less than a true one.",
            source="ours (control)",
            arms=("lsp", "bad_judge"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="lsp_then_rl",
            statement="Plain RL that starts from self-play ends above plain RL of as many steps.",
            source=_PAPER + ", figure 3 (39.5 against 38.8)",
            arms=("lsp_then_rl", "rl"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="zero_then_rl",
            statement="Plain RL ends higher after self-play with quality than after it without.",
            source=_PAPER + ", figure 3 (36.3 against 39.5)",
            arms=("lsp_then_rl", "zero_then_rl"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="challenger_earns_its_place",
            statement="A challenger that learns teaches better than one that does not.",
            source="ours (control)",
            arms=("lsp", "frozen_challenger"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="one_model_is_enough",
            statement="Roles that share one policy end above roles with a policy each.",
            source="ours (R-Zero keeps two on purpose)",
            arms=("lsp", "separate"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="self_judge",
            statement="The frozen first model's own judgement helps more than none.",
            source=_PAPER,
            arms=("self_judge", "lsp_zero"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
            testable=("smol", "gpu"),
            why_not="the tiny model gives no criterion a chance of yes above 0.0005 and does not "
            "tell tasks from nonsense (AUC 0.37, 40 tasks and 40 texts that are none)",
        ),
    ),
)
"""Run with ``ratchet reproduce language_self_play --tier tiny``."""
