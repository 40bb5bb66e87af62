"""What the recipe claims here. Fixed before its first full run."""

from __future__ import annotations

from ratchet.claims import Arm, Claim, Claims

_PAPER = "Contextual Drag (arXiv 2602.04288)"

CLAIMS = Claims(
    arms=(
        Arm("auto"),
        Arm("append", {"retry": "append"}),
        Arm("restart", {"retry": "restart"}),
    ),
    claims=(
        Claim(
            name="auto_beats_append",
            statement="At equal tokens a task, a loop whose retry policy follows the drag that it "
            "measures ends better than one that appends its failures.",
            source=f"{_PAPER}: self-deterioration under iterative refinement",
            arms=("auto", "append"),
            metric="final.score.mean",
            comparison="treatment > control",
            smallest_effect=0.02,
        ),
        Claim(
            name="restart_beats_append",
            statement="At equal tokens a task, fresh restarts end better than appended failures.",
            source=_PAPER,
            arms=("restart", "append"),
            metric="final.score.mean",
            comparison="treatment > control",
            smallest_effect=0.02,
        ),
        Claim(
            name="auto_improves",
            statement="The loop beats the model that it started as.",
            source="ours",
            arms=("auto",),
            metric="gain.mean",
            comparison="treatment > 0",
            smallest_effect=0.02,
        ),
    ),
)
"""Run with ``ratchet reproduce contextual_drag --tier tiny``."""
