"""Reading texts on programs: proposals, prompts, inputs and answers. Nothing raises."""

from __future__ import annotations

import re

from ratchet.worlds.programs.language import Expression, parse_program
from ratchet.worlds.programs.problem import (
    MAX_INPUT,
    MAX_INPUTS,
    NOTATION,
    Problem,
    is_open,
    is_shown_reserved,
    write_pairs,
)
from ratchet.worlds.programs.reasons import Reason
from ratchet.worlds.programs.running import Value
from ratchet.worlds.programs.statements import SHOWN, Statement, read_statement

_VALUE = re.compile(r"-?[0-9]{1,5}|\[\s*(?:-?[0-9]{1,5}(?:\s*,\s*-?[0-9]{1,5})*\s*)?\]")
_LAST = re.compile(r"\[[-0-9,\s]*\]|(?<![\w.])-?[0-9]+(?![\w.]*\w)")
_BEFORE = re.compile(
    r"(?:[-*•]\s+|[0-9]{1,3}[.):]\s+|(?:q|question|problem|task)\s*[0-9]{0,3}\s*[.:]\s*)",
    re.IGNORECASE,
)
_HEAD = re.compile(r"\s*(?:f\(x\)\s*=)?\s*(.*?)[\s.]*")
_TAIL = 500


def read_proposal(text: str) -> Problem | Reason:
    """Return the open problem in the first line of a text, or why there is none."""
    line = text[:1_000].strip().split("\n", 1)[0].strip()
    while (match := _BEFORE.match(line)) is not None:
        line = line[match.end() :]
    line = line.strip("`\"'")
    if not line:
        return Reason.EMPTY
    if len(line) > NOTATION.longest:
        return Reason.TOO_LONG
    statement = read_statement(line, NOTATION)
    if statement is None:
        return Reason.NO_TASK
    if not statement.program:
        return _refuse_pairs(statement)
    program = parse_program(statement.program)
    if isinstance(program, Reason):
        return program
    problem = _build(statement, program)
    if isinstance(problem, Problem):
        flaw = problem.flaw
        if flaw is not None:
            return flaw
        return problem if problem.is_open else Reason.RESERVED
    # Prompts of abductions state no input: whose they are hangs on the program alone.
    return problem if is_open(program) else Reason.RESERVED


def read_prompt(text: str) -> tuple[Statement, Expression | None] | None:
    """Return what a prompt states and its program, or None; that of an induction is not known."""
    statement = read_statement(text, NOTATION) if len(text) <= NOTATION.longest else None
    if statement is None:
        return None
    asked = {"deduction": statement.inputs, "abduction": statement.outputs}
    if statement.mode == "induction":
        return (statement, None) if statement.outputs else None
    program = parse_program(statement.program)
    if isinstance(program, Reason) or not asked[statement.mode]:
        return None
    return statement, program


def read_value(text: str) -> Value | None:
    """Return the value that a text is, or None: ``7``, ``-2`` or ``[1, 2]``."""
    text = text.strip()
    if not _VALUE.fullmatch(text):
        return None
    if not text.startswith("["):
        return int(text)
    return tuple(int(part) for part in text[1:-1].split(",") if part.strip())


def read_answer(text: str) -> Value | None:
    """Return the last number or list in an answer, or None."""
    found = _LAST.findall(text[-_TAIL:])
    return read_value(found[-1]) if found else None


def read_program(text: str) -> Expression | None:
    """Return the program that the first line of an answer is, ``f(x) =`` before it or not."""
    line = text[:_TAIL].strip().split("\n", 1)[0]
    match = _HEAD.fullmatch(line)
    program = parse_program(match[1]) if match else Reason.NO_PROGRAM
    return None if isinstance(program, Reason) else program


def _build(statement: Statement, program: Expression) -> Problem | Reason:
    if statement.outputs:
        return Reason.NO_TASK
    inputs = tuple(map(_read_input, statement.inputs))
    if any(value is None for value in inputs):
        return Reason.BAD_INPUT
    known = tuple(value for value in inputs if value is not None)
    if statement.mode == "induction":
        kinds = {isinstance(value, tuple) for value in known}
        if len(known) != SHOWN or len(set(known)) != SHOWN or len(kinds) != 1:
            return Reason.TOO_FEW_INPUTS
    return Problem(statement.mode, program, known)


def _read_input(text: str) -> Value | None:
    value = read_value(text)
    if value is None:
        return None
    numbers = (value,) if isinstance(value, int) else value
    fits = len(numbers) <= MAX_INPUTS and all(abs(number) <= MAX_INPUT for number in numbers)
    return value if fits else None


def _refuse_pairs(statement: Statement) -> Reason:
    """Say why pairs without a program are no proposal: perhaps they are an anchor's."""
    pairs = [(read_value(i), read_value(o)) for i, o in _pairs(statement)]
    known = [(i, o) for i, o in pairs if i is not None and o is not None]
    sealed = len(known) == len(pairs) and is_shown_reserved(write_pairs(known))
    return Reason.RESERVED if sealed else Reason.NO_TASK


def _pairs(statement: Statement) -> list[tuple[str, str]]:
    return list(zip(statement.inputs, statement.outputs, strict=True))
