"""What Absolute Zero claims here, with its controls. Fixed before the first full run.

Cost, planned for tier tiny: a run took 185 s of a crowded core, 90 of them the supervised steps
that teach the model the language. The first stage is 4 arms of 5 seeds, an hour of a crowded core.
The loop under votes with systematic errors, where a paid proposer does harm, is claimed of `agent0`
(`label_sign_flip`) and would cost as much again here, so it is left out.

Every arm records decisions without obeying them, so that the luck of the gate is in none, under a
charter without gate terms, so that few gate anchors are drawn; every score is the last candidate's.

With shared weights an unpaid proposer is not a frozen one: its texts still change with the solver's
steps. What it lacks is pay for what it writes.
"""

from __future__ import annotations

from ratchet.claims import Arm, Claim, Claims

_PAPER = "Absolute Zero (arXiv 2505.03335)"
_SCORE = "last_candidate.score.mean"
_BARE: dict[str, str | int | float | bool] = {
    "gate": "record",
    "charter": "programs",
    "gate_items": 40,
}

CLAIMS = Claims(
    arms=(
        Arm("full", _BARE),
        Arm("paid_alike", {**_BARE, "uncertainty": 0.0, "boundary": 1.0}),
        Arm("pooled", {**_BARE, "baseline": "pooled"}),
        Arm("unpaid", {**_BARE, "proposer": "frozen"}),
    ),
    claims=(
        Claim(
            name="improves",
            statement="Without outside data the model beats what it was, by the same procedure.",
            source=_PAPER,
            arms=("full",),
            metric="last_candidate.gains.same_procedure.mean",
            comparison="treatment > 0",
            smallest_effect=0.03,
        ),
        Claim(
            name="azr_middle",
            statement="Paid 1 - s, proposals lie nearer to the middle (1 - 2|s - 1/2|) than where "
            "every task is paid alike.",
            source=_PAPER + ", section 3.1; ours (control)",
            arms=("full", "paid_alike"),
            metric="course.means.middle",
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="azr_alike_is_easy",
            statement="Where every task is paid alike, proposals are solved more often.",
            source="ours (control)",
            arms=("paid_alike", "full"),
            metric="course.means.new_pass_rate",
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="azr_cell_baselines",
            statement="A baseline for each role at each mode is better than one for the batch.",
            source=_PAPER + ", section 3.3.4",
            arms=("full", "pooled"),
            metric=_SCORE,
            comparison="treatment > control",
            smallest_effect=0.03,
        ),
        Claim(
            name="azr_modes_in_order",
            statement="Before training a deduction is solved more often than an induction.",
            source="ours",
            arms=("full",),
            metric="families.deduction.base - families.induction.base",
            comparison="treatment > 0",
            smallest_effect=0.03,
        ),
        Claim(
            name="azr_no_label_flip",
            statement="Where execution labels, a paid proposer does the solver no harm.",
            source="ours (against agent0's label_sign_flip)",
            arms=("full", "unpaid"),
            metric=_SCORE,
            comparison="treatment not < control",
            smallest_effect=0.03,
        ),
        Claim(
            name="azr_labels_are_right",
            statement="Where execution labels, no label is wrong.",
            source=_PAPER,
            arms=("full",),
            metric="course.means.label_errors",
            comparison="treatment not > bound",
            smallest_effect=0.01,
        ),
    ),
)
"""Run with ``ratchet reproduce absolute_zero --tier tiny``."""
