"""What theory says of self-play, as claims on toys. Fixed before the first run.

Constants were set on a pilot of seed 101 (epiplexity) and on simulated courses (gain): those of
seeds 1 to 4, where the alarm came before every peak, and mostly far too soon, and for the rule that
asks held tasks those of seeds 301 to 325, none of which are drawn here. A run takes some seconds.
"""

from __future__ import annotations

from ratchet.claims import Arm, Claim, Claims

CLAIMS = Claims(
    arms=(Arm("studies"),),
    claims=(
        Claim(
            name="ct_alarm_before_peak",
            statement="In a simulated learner that memorises, the alarm of learnable gain comes "
            "before the score's peak; one that never comes counts as the round after the last.",
            source="ATRI (arXiv 2609.36535)",
            arms=("studies",),
            metric="epilogue.gain.lead",
            comparison="treatment > 0",
            smallest_effect=1.0,
        ),
        Claim(
            name="ct_stop_is_early",
            statement="A run that the alarm stops would still have improved.",
            source="ours (ATRI loses 0.8 points to the best round on average)",
            arms=("studies",),
            metric="epilogue.gain.lost",
            comparison="treatment > 0",
            smallest_effect=0.02,
        ),
        Claim(
            name="ct_stop_spares_what_improves",
            statement="The rule that asks held tasks too stops no simulated run that would still "
            "improve by a point: new questions, true labels.",
            source="ours",
            arms=("studies",),
            metric="epilogue.gain.asked_lost_improving",
            comparison="treatment not > bound",
            smallest_effect=0.01,
        ),
        Claim(
            name="epiplexity_rises",
            statement="An observer of middling size finds more bits than the smallest one.",
            source="arXiv 2603.02218 (the rise of the hump)",
            arms=("studies",),
            metric="epilogue.epiplexity.rise",
            comparison="treatment > 0",
            smallest_effect=100.0,
        ),
        Claim(
            name="epiplexity_hump",
            statement="An observer of middling size finds more bits than the largest one.",
            source="arXiv 2603.02218 (the fall of the hump)",
            arms=("studies",),
            metric="epilogue.epiplexity.fall",
            comparison="treatment > 0",
            smallest_effect=100.0,
        ),
        Claim(
            name="chi_square_bounded",
            statement="Under the chi-square objective no reward goes 5% beyond its bound.",
            source="arXiv 2602.01357",
            arms=("studies",),
            metric="epilogue.imitation.margin",
            comparison="treatment > 0",
            smallest_effect=0.01,
        ),
        Claim(
            name="spin_unbounded",
            statement="Under SPIN the largest reward is larger than under the chi-square one.",
            source="arXiv 2602.01357",
            arms=("studies",),
            metric="epilogue.imitation.difference",
            comparison="treatment > 0",
            smallest_effect=0.1,
        ),
    ),
)
"""Run with ``ratchet reproduce toy_self_play``."""
