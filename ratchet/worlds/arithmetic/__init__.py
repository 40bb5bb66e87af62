"""Arithmetic with whole numbers: the standard world of small language models."""

from ratchet.worlds.arithmetic.canonical import canonical
from ratchet.worlds.arithmetic.expression import (
    Expression,
    calculate,
    evaluate,
    parse_expression,
    render,
)
from ratchet.worlds.arithmetic.levels import FAMILIES, LEVELS, family_of, level_of
from ratchet.worlds.arithmetic.reasons import REASONS, Reason
from ratchet.worlds.arithmetic.world import EXAMPLES, Arithmetic, solve_exactly

__all__ = [
    "EXAMPLES",
    "FAMILIES",
    "LEVELS",
    "REASONS",
    "Arithmetic",
    "Expression",
    "Reason",
    "calculate",
    "canonical",
    "evaluate",
    "family_of",
    "level_of",
    "parse_expression",
    "render",
    "solve_exactly",
]
