"""What Agent0 claims here, with its controls. Fixed before the first full run."""

from __future__ import annotations

from ratchet.claims import Arm, Claim, Claims

_PAPER = "Agent0 (arXiv 2511.16043)"

CLAIMS = Claims(
    arms=(
        Arm("full"),
        Arm("frozen_proposer", {"proposer": "frozen"}),
        Arm("uniform_tasks", {"proposer": "uniform"}),
        Arm("random_reward", {"reward": "random", "gate": "record"}),
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
            name="random_reward_does_not_gain",
            statement="A solver that is paid by coin flips does not improve.",
            source="ours (control)",
            arms=("random_reward",),
            metric="last_candidate.gains.same_procedure.mean",
            comparison="treatment not > bound",
            smallest_effect=0.03,
        ),
        Claim(
            name="trained_beats_frozen",
            statement="A trained proposer teaches better than an untrained one.",
            source=_PAPER + ", table 3",
            arms=("full", "frozen_proposer"),
            metric="final.score.mean",
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="trained_beats_uniform",
            statement="A trained proposer teaches better than tasks drawn evenly by family.",
            source="ours (control)",
            arms=("full", "uniform_tasks"),
            metric="final.score.mean",
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
    ),
)
"""Run with ``ratchet reproduce agent0 --tier tiny``."""
