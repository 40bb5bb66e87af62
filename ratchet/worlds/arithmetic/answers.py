"""Reading a whole number out of an answer, leniently."""

from __future__ import annotations

import re
from collections import deque

_NUMBER = re.compile(r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?")
_MINUS = "-−–"
_MAX_DIGITS = 30
_TAIL = 10_000
"""Only the last characters of an answer are read."""


def read_integer(text: str) -> int | None:
    """Return the last number of a text if it is whole, else None. Total.

    Commas between thousands, ``$``, a sign at the number and zeros after the point are allowed. A
    minus after a digit, letter or parenthesis is an operator or hyphen, not a sign. Numbers of more
    than 30 digits are read as 10**30, which is no task's answer.
    """
    text = text[-_TAIL:]
    found = deque(_NUMBER.finditer(text), maxlen=1)
    if not found:
        return None
    last = found.pop()
    whole, _, decimals = last[0].partition(".")
    if decimals.strip("0"):
        return None
    digits = whole.replace(",", "").lstrip("0") or "0"
    value = int(digits) if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS
    return -value if _has_sign(text[: last.start()]) else value


def _has_sign(before: str) -> bool:
    before = before.removesuffix("$")
    if not before or before[-1] not in _MINUS:
        return False
    before = before[:-1].removesuffix("$")
    if before[-1:].isalnum():
        return False
    return before.rstrip()[-1:] not in {*"0123456789)"}
