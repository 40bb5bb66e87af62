"""What the recipe claims here. Fixed before its first full run.

Three loops start from equal weights, a small model that was taught Countdown, and differ in how
they retry. Three arms without generations measure that first model: the whole protocol at the
middle size, and copying at the two others. Every claim stands on runs of 5 seeds, then 10.
"""

from __future__ import annotations

from ratchet.claims import Arm, Claim, Claims

_PAPER = "Contextual Drag (arXiv 2602.04288)"
_STUDY = "epilogue.study"
_SMALL: dict[str, str | int | float | bool] = {
    "generations": 0,
    "audit_items": 10,
    "final_items": 10,
}
_SEEDS = (5, 10)


def _study(name: str, statement: str, metric: str, smallest: float, source: str = _PAPER) -> Claim:
    """Return a claim on one number of the whole protocol; ``a - b`` is the difference of two."""
    return Claim(
        name=name,
        statement=statement,
        source=source,
        arms=("study",),
        metric=" - ".join(f"{_STUDY}.{part}.mean" for part in metric.split(" - ")),
        comparison="treatment > 0",
        smallest_effect=smallest,
        seeds=_SEEDS,
    )


def _loop(name: str, statement: str, arms: tuple[str, ...], metric: str, source: str) -> Claim:
    """Return a claim on what loops end with."""
    return Claim(
        name=name,
        statement=statement,
        source=source,
        arms=arms,
        metric=metric,
        comparison="treatment > control" if len(arms) == 2 else "treatment > 0",
        smallest_effect=0.02,
        seeds=_SEEDS,
    )


CLAIMS = Claims(
    arms=(
        Arm("auto"),
        Arm("append", {"retry": "append"}),
        Arm("restart", {"retry": "restart"}),
        Arm("study", {**_SMALL, "study": "whole"}),
        Arm("study_small", {**_SMALL, "study": "copying", "model": "countdown-small"}),
        Arm("study_large", {**_SMALL, "study": "copying", "model": "countdown-large"}),
    ),
    claims=(
        _loop(
            "auto_beats_append",
            "At equal tokens a task, a loop whose retry policy follows the drag that it measures "
            "ends better than one that appends its failures.",
            ("auto", "append"),
            "final.score.mean",
            f"{_PAPER}: self-deterioration under iterative refinement",
        ),
        _loop(
            "restart_beats_append",
            "At equal tokens a task, fresh restarts end better than appended failures.",
            ("restart", "append"),
            "final.score.mean",
            _PAPER,
        ),
        _loop(
            "auto_improves",
            "The loop beats the model that it started as.",
            ("auto",),
            "gain.mean",
            "ours",
        ),
        _study("drag", "A wrong draft in the context lowers accuracy.", "drag_1", 0.02),
        _study(
            "first_does_most",
            "The first wrong draft takes more than the second.",
            "first_does_most",
            0.02,
        ),
        _study(
            "copies",
            "Answers equal a wrong draft's more often with it in the context than without.",
            "copy_excess",
            0.02,
        ),
        _study(
            "pull",
            "Answers are closer to a wrong draft, as trees, than without having seen it.",
            "ted_pull_pooled",
            0.1,
        ),
        _study(
            "pull_beyond_foreign",
            "That pull is stronger than towards another problem's draft.",
            "ted_pull_pooled - pull_foreign",
            0.1,
        ),
        _study("right_drafts_help", "A right draft raises accuracy.", "benefit_right_1", 0.02),
        _study(
            "label_beats_append",
            "At equal tokens, retries that label the failure wrong solve more than appended ones.",
            "retry_correction_minus_append",
            0.02,
        ),
        _study(
            "restart_beats_label",
            "At equal tokens, fresh restarts solve more than retries with a labelled failure.",
            "retry_restart_minus_correction",
            0.02,
        ),
        _study(
            "rounds_below_vote",
            "By round, accuracy under iterated refinement rises less than a majority vote's at "
            "equal tokens.",
            "slope_vote - slope_append",
            0.005,
        ),
        _study(
            "fallback_helps",
            "Fallback fine-tuning raises accuracy after a wrong draft.",
            "fallback_wrong_1",
            0.02,
        ),
        _study(
            "fallback_costs",
            "Fallback fine-tuning lowers accuracy after a right draft.",
            "fallback_lost_right_1",
            0.02,
        ),
        Claim(
            name="larger_copy_more",
            statement="Larger models copy wrong drafts more, beyond what they answer unseen.",
            source=f"{_PAPER}; here 0.27, 0.60 and 1.06 million weights",
            arms=("study_large", "study", "study_small"),
            metric=f"{_STUDY}.copy_excess.mean",
            comparison="order",
            smallest_effect=0.02,
            seeds=_SEEDS,
        ),
    ),
)
"""Run with ``ratchet reproduce contextual_drag --tier tiny``."""
