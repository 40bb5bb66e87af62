"""What Agent0 claims here, with its controls. Fixed before the first full run.

Cost, planned for tier tiny: a run takes 85 to 120 s of one core, the arm without generations 15 s.
The first stage is 14 arms of 5 seeds, about two core-hours: an hour on two cores. All claims share
the arm ``full`` and its seeds. Comparisons between arms look at the last candidate, so that the
luck of the gate is in none of them; the arms under plurality record decisions without obeying,
because the label alarm would stop just what they are to show.
"""

from __future__ import annotations

from ratchet.claims import Arm, Claim, Claims

_PAPER = "Agent0 (arXiv 2511.16043)"
_SCORE = "last_candidate.score.mean"
_VOTED: dict[str, str | int | float | bool] = {"labels": "plurality", "gate": "record"}
_SYSTEMATIC: dict[str, str | int | float | bool] = {**_VOTED, "systematic": 1.0}

CLAIMS = Claims(
    arms=(
        Arm("full"),
        Arm("frozen_proposer", {"proposer": "frozen"}),
        Arm("frozen_matched", {"proposer": "frozen", "pool": 192}),
        Arm("uniform_tasks", {"proposer": "uniform"}),
        Arm("base_with_tool", {"generations": 0}),
        Arm("random_reward", {"reward": "random", "gate": "record"}),
        Arm("no_tool_reward", {"tool_use": 0.0}),
        Arm("no_repetition_penalty", {"repetition": 0.0}),
        Arm("one_call", {"max_turns": 2}),
        Arm("grpo", {"rule": "grpo"}),
        Arm("voted", _VOTED),
        Arm("voted_frozen", {**_VOTED, "proposer": "frozen"}),
        Arm("systematic", _SYSTEMATIC),
        Arm("systematic_frozen", {**_SYSTEMATIC, "proposer": "frozen"}),
    ),
    claims=(
        Claim(
            name="improves",
            statement="Without outside data the solver beats the best procedure of its own base.",
            source=_PAPER,
            arms=("full",),
            metric="gain.mean",
            comparison="treatment > 0",
            smallest_effect=0.03,
        ),
        Claim(
            name="improves_same_procedure",
            statement="The solver beats the untrained model under the same procedure.",
            source=_PAPER,
            arms=("full",),
            metric="gains.same_procedure.mean",
            comparison="treatment > 0",
            smallest_effect=0.03,
        ),
        Claim(
            name="trained_beats_untrained",
            statement="With a trained proposer the solver ends above that of an untrained one, and "
            "that above the base with the tool.",
            source=_PAPER + ", table 3",
            arms=("full", "frozen_proposer", "base_with_tool"),
            metric=_SCORE,
            comparison="order",
            smallest_effect=0.03,
        ),
        Claim(
            name="trained_beats_matched_compute",
            statement="A trained proposer teaches better than an untrained one whose solver makes "
            "as many attempts.",
            source="ours (control)",
            arms=("full", "frozen_matched"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="trained_beats_uniform",
            statement="A trained proposer teaches better than tasks drawn evenly by family.",
            source="ours (control)",
            arms=("full", "uniform_tasks"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="random_reward_does_not_gain",
            statement="A solver that is paid by coin flips does not improve.",
            source="ours (control)",
            arms=("random_reward",),
            metric="last_candidate.gains.same_procedure.mean",
            comparison="treatment not > bound",
            smallest_effect=0.03,
        ),
        Claim(
            name="frontier_moves",
            statement="From generation to generation the pinned first solver fails more of the "
            "curriculum.",
            source=_PAPER + ", table 5",
            arms=("full",),
            metric="course.slopes.pinned_failures",
            comparison="treatment > 0",
            smallest_effect=0.01,
        ),
        Claim(
            name="frontier_moves_tool_calls",
            statement="From generation to generation the pinned first solver calls the tool more "
            "often.",
            source=_PAPER + ", table 5",
            arms=("full",),
            metric="course.slopes.pinned_tool_calls",
            comparison="treatment > 0",
            smallest_effect=0.01,
        ),
        Claim(
            name="frontier_moves_by_training",
            statement="The frontier moves faster than under a proposer that does not learn.",
            source="ours (control)",
            arms=("full", "frozen_proposer"),
            metric="course.slopes.pinned_failures",
            comparison="treatment > control",
            smallest_effect=0.01,
        ),
        Claim(
            name="label_sign_flip",
            statement="Under plurality labels a trained proposer helps, and where errors are "
            "systematic, so that label accuracy falls below about 0.7, it hurts.",
            source="ours (simulation: docs/simulations.md)",
            arms=("voted", "voted_frozen", "systematic", "systematic_frozen"),
            metric=_SCORE,
            comparison="flip",
            smallest_effect=0.03,
        ),
        Claim(
            name="systematic_errors_spoil_labels",
            statement="Systematic errors make more of the labels wrong that are trained on.",
            source="ours (the manipulation behind label_sign_flip)",
            arms=("systematic", "voted"),
            metric="course.means.label_errors",
            comparison="treatment > control",
            smallest_effect=0.05,
        ),
        Claim(
            name="tool_reward",
            statement="Paying the proposer for the solver's tool calls makes the solver better.",
            source=_PAPER + ", table 3",
            arms=("full", "no_tool_reward"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="repetition_penalty",
            statement="The repetition penalty makes the solver better.",
            source=_PAPER + ", table 3",
            arms=("full", "no_repetition_penalty"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="multi_turn",
            statement="Several tool calls in an attempt are better than one.",
            source=_PAPER + ", tables 3 and 9",
            arms=("full", "one_call"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="adpo_vs_grpo",
            statement="ADPO is better than GRPO at the same mean step size.",
            source=_PAPER + ", table 3",
            arms=("full", "grpo"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
    ),
)
"""Run with ``ratchet reproduce agent0 --tier tiny``."""
