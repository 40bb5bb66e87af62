"""R-Zero (arXiv 2508.05004): a Challenger and a Solver from one model, without tools or labels.

The Challenger writes tasks and is paid for those on which the Solver's answers disagree; the
commonest answer is the label; the tasks in a band of agreement train the Solver by GRPO, each with
a KL to its frozen first state. The phases are those of `coevolution`.

Deviations from the paper: a share is measured once, by the attempts that are then trained on; the
label is the commonest readable answer of these; the Challenger writes no answer of its own.
"""

from __future__ import annotations

from ratchet.recipes.coevolution.phases import CoEvolution
from ratchet.recipes.coevolution.plan import plan as plan
from ratchet.recipes.r_zero.config import Config as Config


class RZero(CoEvolution):
    """See the module."""


build = RZero
