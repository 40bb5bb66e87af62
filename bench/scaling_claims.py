"""What is claimed of the search for scaling laws, written down before the run that tests it.

Every arm has the same budget of evaluations, and is judged on rows that no arm has seen: the
largest scale of each table (whole mixtures where the hidden rows are mixtures), taken away before
anything is searched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BUDGET, SEEDS = 120, (1, 2, 3)
"""Evaluations of an arm on one table, and seeds."""
BOUNDS = (-1.0, 1.0)
"""R2 is floored at -1, as published tables are."""


@dataclass(frozen=True)
class Arm:
    """One way of finding a law."""

    told: str
    """In words."""
    search: str = "evolve"
    """``evolve``, ``random``, or nothing."""
    routine: str = "evolved"
    """``bfgs``, ``fixed`` (our engine as it stands) or ``evolved`` with the form."""
    holdout: bool = False
    """Whether it is scored by inner extrapolation rather than by the fit to the rows."""
    firsts: str = "plain"
    """First programs: ``plain``, ``human`` (the human law too), ``all`` (its variants too)."""


ARMS: Mapping[str, Arm] = {
    "seed": Arm("SLDBench's seed program, BFGS", "", "bfgs"),
    "human": Arm("human laws refitted, our engine", "", "fixed", firsts="human"),
    "random": Arm("best of N random trees, BFGS", "random", "bfgs"),
    "form": Arm("form only, BFGS", "evolve", "bfgs"),
    "form_engine": Arm("form only, our engine fixed", "evolve", "fixed"),
    "both": Arm("form and fitter"),
    "both_holdout": Arm("form and fitter, inner hold-outs", holdout=True),
    "human_holdout": Arm("the same, from human laws too", holdout=True, firsts="human"),
    "full": Arm("the same, from their variants too", holdout=True, firsts="all"),
}
"""``both_holdout`` is the recipe with ``--seeds plain``; ``full`` is the recipe as it stands, whose
variants of human laws were written with the tables at hand: it is no blind arm."""


@dataclass(frozen=True)
class Claim:
    """A difference between two arms."""

    name: str
    """Short word."""
    statement: str
    """In one sentence."""
    treatment: str
    """Arm."""
    control: str
    """Arm."""
    metric: str = "r2"
    """``r2`` beyond, which shall be higher; or ``gap``, R2 of the fit less that, lower."""

    @property
    def sign(self) -> int:
        """1 where more is better."""
        return -1 if self.metric == "gap" else 1


CLAIMS = (
    Claim(
        "both_beats_form_only",
        "Form and fitting routine evolved together extrapolate better than the form alone.",
        "both",
        "form",
    ),
    Claim(
        "evolved_fitter_beats_fixed",
        "What evolves the fitter's settings extrapolates better than the engine left as it is.",
        "both",
        "form_engine",
    ),
    Claim(
        "form_only_beats_random",
        "Evolved forms extrapolate better than the best of as many random ones.",
        "form",
        "random",
    ),
    Claim(
        "holdout_selection_narrows_gap",
        "Selection by inner extrapolation narrows the gap between fit and extrapolation.",
        "both_holdout",
        "both",
        "gap",
    ),
    Claim(
        "holdout_selection_extrapolates_better",
        "Selection by inner extrapolation extrapolates better.",
        "both_holdout",
        "both",
    ),
    Claim(
        "refit_human_laws",
        "Human laws, their constants fitted by our engine, extrapolate better than the seed "
        "program.",
        "human",
        "seed",
    ),
    Claim(
        "search_beats_human_laws",
        "The search without any human law extrapolates better than the human laws refitted.",
        "both_holdout",
        "human",
    ),
    Claim(
        "variants_of_human_laws_help",
        "Starting from human laws and their shipped variants extrapolates better than starting "
        "from the plain power law.",
        "full",
        "both_holdout",
    ),
)
"""Fixed before the run."""
