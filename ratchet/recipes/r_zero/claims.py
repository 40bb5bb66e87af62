"""What R-Zero claims here, with its controls. Fixed before the first full run.

Cost, planned for tier tiny: a run of 5 generations takes about 100 s of one core, one of 15 three
times that. The first stage is 6 arms of 5 seeds, about 70 minutes of one core. Every arm records
decisions without obeying them: R-Zero has no gate, and the label alarm would stop just what is to
be shown. So every number is that of the last candidate. The arm of 15 rounds is scored on 200 fresh
anchors a round by the charter without an error budget, which would end after ten decisions.

At tier tiny the Solver has the calculator. A pilot without it (seed 101, not among those of the
claims) began with 5% of the labels right, because the model solves 2% in its head, and learned
nothing: 2.2% before, 1.8% after (n = 400).
"""

from __future__ import annotations

from ratchet.claims import Arm, Claim, Claims

_PAPER = "R-Zero (arXiv 2508.05004)"
_GAIN = "last_candidate.gains.same_procedure.mean"
_SCORE = "last_candidate.score.mean"
_BARE: dict[str, str | int | float | bool] = {"gate": "record"}

CLAIMS = Claims(
    arms=(
        Arm("full", _BARE),
        Arm("frozen_challenger", {**_BARE, "proposer": "frozen"}),
        Arm("uniform_tasks", {**_BARE, "proposer": "uniform"}),
        Arm("random_reward", {**_BARE, "reward": "random"}),
        Arm("true_labels", {**_BARE, "labels": "execution"}),
        Arm("long", {**_BARE, "generations": 15, "charter": "arithmetic", "gate_items": 200}),
    ),
    claims=(
        Claim(
            name="improves",
            statement="Without labels or data the Solver beats its own base.",
            source=_PAPER,
            arms=("full",),
            metric=_GAIN,
            comparison="treatment > 0",
            smallest_effect=0.03,
        ),
        Claim(
            name="trained_beats_untrained",
            statement="With a trained Challenger the Solver ends above that of an untrained one.",
            source=_PAPER,
            arms=("full", "frozen_challenger"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="trained_beats_uniform",
            statement="A trained Challenger teaches better than tasks drawn evenly by family.",
            source="ours (control)",
            arms=("full", "uniform_tasks"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="random_reward_does_not_gain",
            statement="A Solver that is paid by coin flips does not improve.",
            source="ours (control)",
            arms=("random_reward",),
            metric=_GAIN,
            comparison="treatment not > bound",
            smallest_effect=0.03,
        ),
        Claim(
            name="rzero_label_decay",
            statement="From round to round more of the labels are wrong.",
            source=_PAPER + " (79% to 63% right in three rounds)",
            arms=("full",),
            metric="course.slopes.label_errors",
            comparison="treatment > 0",
            smallest_effect=0.01,
        ),
        Claim(
            name="label_decay_by_training",
            statement="Labels decay faster than under a Challenger that does not learn.",
            source="ours (control)",
            arms=("full", "frozen_challenger"),
            metric="course.slopes.label_errors",
            comparison="treatment > control",
            smallest_effect=0.01,
        ),
        Claim(
            name="rzero_untrained_share",
            statement="More than a quarter of the gain needs no training of the Challenger.",
            source=_PAPER + " (27% at 4B, 49% at 8B)",
            arms=("frozen_challenger", "full"),
            metric=_GAIN,
            comparison="treatment > control",
            share=0.25,
            smallest_effect=0.03,
        ),
        Claim(
            name="labels_cost",
            statement="Computed labels are better than voted ones.",
            source="ours (control)",
            arms=("true_labels", "full"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="saturation",
            statement="Over 15 rounds the gate score falls from the middle third to the last.",
            source="ATRI (arXiv 2609.36535), table 7",
            arms=("long",),
            metric="course.decline",
            comparison="treatment > 0",
            smallest_effect=0.02,
        ),
        Claim(
            name="saturation_rise",
            statement="Before, it rises from the first third to the middle one.",
            source="ATRI (arXiv 2609.36535), table 7",
            arms=("long",),
            metric="course.rise",
            comparison="treatment > 0",
            smallest_effect=0.02,
        ),
        Claim(
            name="label_alarm_comes_first",
            statement="The label alarm comes before the alarm of pass@k; one that never comes "
            "counts as the round after the last.",
            source="ours",
            arms=("long",),
            metric="course.alarms.coverage_loss - course.alarms.label_error",
            comparison="treatment > 0",
            smallest_effect=1.0,
        ),
    ),
)
"""Run with ``ratchet reproduce r_zero --tier tiny``."""
