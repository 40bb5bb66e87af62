"""Countdown and the Game of 24: make a number from given numbers; answers are expressions."""

from ratchet.worlds.countdown.expression import (
    Expression,
    Negation,
    Number,
    Operation,
    evaluate,
    numbers_of,
    parse_expression,
    read_answer,
    render,
)
from ratchet.worlds.countdown.problem import FAMILIES, LEVELS, REASONS, Problem, read_prompt
from ratchet.worlds.countdown.solutions import Solution, solve
from ratchet.worlds.countdown.world import EXAMPLES, Countdown, self_check, solve_exactly

__all__ = [
    "EXAMPLES",
    "FAMILIES",
    "LEVELS",
    "REASONS",
    "Countdown",
    "Expression",
    "Negation",
    "Number",
    "Operation",
    "Problem",
    "Solution",
    "evaluate",
    "numbers_of",
    "parse_expression",
    "read_answer",
    "read_prompt",
    "render",
    "self_check",
    "solve",
    "solve_exactly",
]
