"""The closed list of reasons why a text is not an open task on programs."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a text was refused."""

    EMPTY = "empty"
    """Nothing but spaces."""
    TOO_LONG = "too_long"
    """A program of more than 80 characters, or a task of more than 200."""
    NO_TASK = "no_task"
    """None of the three forms of a task."""
    NO_PROGRAM = "no_program"
    """What stands after ``f(x) =`` is not of the language."""
    TOO_BIG = "too_big"
    """A program of more than 24 parts."""
    TOO_DEEP = "too_deep"
    """More than 8 parts inside one another."""
    NUMBER_TOO_BIG = "number_too_big"
    """A number of more than two digits in a program."""
    BAD_LOOP = "bad_loop"
    """A loop without a written number of rounds from 1 to 9."""
    BAD_INPUT = "bad_input"
    """No whole number from -99 to 99 and no list of at most 8 of them."""
    TOO_FEW_INPUTS = "too_few_inputs"
    """An induction without as many different inputs as it takes, all numbers or all lists."""
    IDENTITY = "identity"
    """The program gives back its input, whatever it is."""
    CONSTANT = "constant"
    """The program gives the same, whatever its input is."""
    SAME_OUTPUTS = "same_outputs"
    """An induction all of whose shown outputs are the same."""
    FAILS = "fails"
    """The program comes to no value on the input proposed."""
    NOT_DETERMINISTIC = "not_deterministic"
    """Two runs of a Python function differed; the small language knows no such program."""
    SANDBOX_REFUSED = "sandbox_refused"
    """A Python function was not run: nothing is said of it."""
    RESERVED = "reserved"
    """What the program does, or what is shown of it, is kept for anchors."""


REASONS: tuple[str, ...] = tuple(reason.value for reason in Reason)
