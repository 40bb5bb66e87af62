"""Programs: deduction, abduction and induction in a small language that always ends."""

from ratchet.worlds.programs.language import Expression, parse_program, render
from ratchet.worlds.programs.problem import FAMILIES, LEVELS, Problem
from ratchet.worlds.programs.reasons import REASONS, Reason
from ratchet.worlds.programs.running import Failure, Value, run
from ratchet.worlds.programs.statements import SHOWN
from ratchet.worlds.programs.world import EXAMPLES, Programs

__all__ = [
    "EXAMPLES",
    "FAMILIES",
    "LEVELS",
    "REASONS",
    "SHOWN",
    "Expression",
    "Failure",
    "Problem",
    "Programs",
    "Reason",
    "Value",
    "parse_program",
    "render",
    "run",
]
