"""Reading a task that a model wrote: what stands around it is stripped, the rest is strict."""

from __future__ import annotations

import re

from ratchet.worlds.arithmetic.expression import MAX_TEXT, parse_expression
from ratchet.worlds.arithmetic.families import Problem
from ratchet.worlds.arithmetic.levels import has_operator
from ratchet.worlds.arithmetic.reasons import Reason
from ratchet.worlds.arithmetic.words import read_words

_BEFORE = re.compile(
    r"(?:[-*•]\s+|[0-9]{1,3}[.):]\s+"
    r"|(?:q|question|problem|task)\s*[0-9]{0,3}\s*[.:]\s*"
    r"|(?:compute|calculate|evaluate|solve|find|what\s+is|what's)\b\s*:?\s*)",
    re.IGNORECASE,
)
_AFTER = re.compile(r"[\s=?.]*\Z")
_QUOTES = "`\"'"
_WORD = re.compile(r"[^\W\d_]{2,}")


def read_proposal(text: str) -> Problem | Reason:
    """Return the open problem in the first line that is not empty, or why there is none. Total.

    Bullets, numbers, ``Q:``, ``Question:``, ``Compute``, ``What is`` and the like are stripped, and
    ``=``, ``= ?`` and ``?`` at the end. Word problems count only in a known wording.
    """
    line = text.strip().split("\n", 1)[0].strip()
    if not line:
        return Reason.EMPTY
    if len(line) > MAX_TEXT:
        return Reason.TOO_LONG
    problem = _read(_strip_before(line))
    if isinstance(problem, Problem) and problem.stream is not None:
        return Reason.RESERVED
    return problem


def read_prompt(prompt: str) -> Problem | None:
    """Return the problem that a task's prompt states, reserved or not, or None. Total."""
    problem = _read(prompt)
    return problem if isinstance(problem, Problem) else None


def _read(text: str) -> Problem | Reason:
    words = read_words(text)
    if words is not None:
        template, expression = words
        return Problem(expression, text, template.name)
    text = _AFTER.sub("", text).strip(_QUOTES)
    if _WORD.search(text):
        return Reason.NO_EXPRESSION
    read = parse_expression(text)
    if isinstance(read, Reason):
        return read
    return Problem(read) if has_operator(read) else Reason.TRIVIAL


def _strip_before(line: str) -> str:
    while True:
        line = line.strip(_QUOTES)
        match = _BEFORE.match(line)
        if match is None:
            return line
        line = line[match.end() :]
