"""The closed list of reasons why a text is not an open task of arithmetic."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a text was refused."""

    EMPTY = "empty"
    """Nothing but spaces."""
    TOO_LONG = "too_long"
    """More than 200 characters."""
    NO_EXPRESSION = "no_expression"
    """Words, or symbols in an order that means nothing."""
    UNKNOWN_SYMBOL = "unknown_symbol"
    """A character that is no digit, parenthesis, ``+``, ``-`` or ``*``."""
    UNBALANCED = "unbalanced"
    """A parenthesis without its partner."""
    TOO_DEEP = "too_deep"
    """More than 8 parentheses and signs inside one another."""
    TOO_MANY_OPERANDS = "too_many_operands"
    """More than 12 numbers."""
    NUMBER_TOO_BIG = "number_too_big"
    """A number of more than 6 digits."""
    RESULT_TOO_BIG = "result_too_big"
    """A value beyond 10**12."""
    TRIVIAL = "trivial"
    """No operator: nothing to compute."""
    RESERVED = "reserved"
    """The problem is kept for anchors."""


REASONS: tuple[str, ...] = tuple(reason.value for reason in Reason)
