"""What the toy claims: that its loop learns, that noise does not, and that proposing matters."""

from __future__ import annotations

from ratchet.claims import Arm, Claim, Claims

CLAIMS = Claims(
    arms=(
        Arm("base"),
        Arm("frozen_proposer", {"proposer": "frozen"}),
        Arm("random_reward", {"labels": "random", "gate": "record"}),
    ),
    claims=(
        Claim(
            name="improves",
            statement="The loop improves its own solver on sealed problems, without any data.",
            source="ours",
            arms=("base",),
            metric="gain.mean",
            comparison="treatment > 0",
            smallest_effect=0.02,
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
            statement="A proposer paid for the solver's uncertainty teaches better than an "
            "untrained one.",
            source="the mechanism of Agent0 (arXiv 2511.16043) in a toy",
            arms=("base", "frozen_proposer"),
            metric="final.score.mean",
            comparison="treatment > control",
            smallest_effect=0.02,
        ),
    ),
)
"""Fixed before the first run; ``ratchet reproduce toy_policy`` runs them."""
