"""Agent0 (arXiv 2511.16043): two policies from one model teach each other with zero outside data.

A proposer writes tasks and is paid for those that make the solver uncertain and make it call its
tool. The solver attempts them with a calculator; execution decides what is right; the tasks in a
band of difficulty train it by ADPO. Both are adapters, or copies, of one base. The phases are those
of `coevolution`; the settings of this recipe make them Agent0.

Deviations from the paper: labels come from execution by default (plurality is a switch); a pass
rate is measured once, by the attempts that are then trained on; the reference KL is 0 by default.
"""

from __future__ import annotations

from ratchet.recipes.agent0.config import Config as Config
from ratchet.recipes.coevolution.phases import CoEvolution
from ratchet.recipes.coevolution.plan import plan as plan


class Agent0(CoEvolution):
    """See the module."""


build = Agent0
