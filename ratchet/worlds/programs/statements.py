"""The three modes of a task on a program, as text: what is proposed and what a solver is asked.

    deduction    f(x) = x * 2 + 3, f(4) = ?            is its own prompt
    abduction    f(x) = x * 2 + 3, f(?) = f(4)         asks f(x) = x * 2 + 3, f(?) = 11
    induction    f(x) = x * 2 + 3, f(4), f(0), f(1)    asks f(4) = 11, f(0) = 3, f(1) = 5, f(x) = ?

The modes are those of Absolute Zero (arXiv 2505.03335): of program, input and output one is asked
for. What a program is differs by world (`Notation`); its text is not read here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MODES = ("deduction", "abduction", "induction")
MAX_TEXT = 200
SHOWN = 3
"""Inputs of an induction."""

_GIVEN = r"[^()=?]*"
_DEDUCTION = re.compile(rf"f\(({_GIVEN})\)\s*=\s*\?")
_ABDUCTION = re.compile(rf"f\(\?\)\s*=\s*f\(({_GIVEN})\)")
_ASKED = re.compile(r"f\(\?\)\s*=\s*([^()?]*)")
_CALL = rf"f\({_GIVEN}\)"
_INDUCTION = re.compile(rf"{_CALL}(?:\s*,\s*{_CALL})*")
_PAIR = r"f\(([^()=?]*)\)\s*=\s*([^()=?]+?)\s*,\s*(?=f\(|$)"


@dataclass(frozen=True)
class Notation:
    """How program and question are put together."""

    opening: str
    """What a text begins with where it shows the program, e.g. ``f(x) = ``."""
    joint: str
    """What stands between program and question."""
    unknown: str
    """What asks for the program, e.g. ``f(x) = ?``."""
    longest: int = MAX_TEXT
    """Most characters of a text."""


@dataclass(frozen=True)
class Statement:
    """A task as it was written; nothing of it has been understood yet."""

    mode: str
    """One of ``MODES``."""
    program: str
    """The program's text; empty where it is asked for."""
    inputs: tuple[str, ...] = ()
    """Inputs, as text."""
    outputs: tuple[str, ...] = ()
    """Outputs, where the text gives them: it is then a prompt and no proposal."""


def read_statement(text: str, notation: Notation) -> Statement | None:
    """Return the statement that a text makes, or None. Total."""
    text = text.strip()
    if text.endswith(notation.unknown) and not text.startswith(notation.opening):
        return _read_pairs(text.removesuffix(notation.unknown))
    if not text.startswith(notation.opening):
        return None
    body = text[len(notation.opening) :]
    for at in _joints(body, notation.joint):
        program, question = body[:at], body[at + len(notation.joint) :].strip()
        found = _read_question(question)
        if found is not None:
            return Statement(found.mode, program, found.inputs, found.outputs)
    return None


def propose(mode: str, program: str, inputs: Sequence[str], notation: Notation) -> str:
    """Return the text of a proposal."""
    questions = {
        "deduction": f"f({inputs[0]}) = ?",
        "abduction": f"f(?) = f({inputs[0]})",
        "induction": ", ".join(f"f({one})" for one in inputs),
    }
    return f"{notation.opening}{program}{notation.joint}{questions[mode]}"


def ask(
    mode: str, program: str, inputs: Sequence[str], outputs: Sequence[str], notation: Notation
) -> str:
    """Return the prompt that a solver sees: without the part that is asked for."""
    if mode == "induction":
        pairs = (f"f({i}) = {o}, " for i, o in zip(inputs, outputs, strict=True))
        return "".join(pairs) + notation.unknown
    question = f"f({inputs[0]}) = ?" if mode == "deduction" else f"f(?) = {outputs[0]}"
    return f"{notation.opening}{program}{notation.joint}{question}"


def _read_question(text: str) -> Statement | None:
    if match := _DEDUCTION.fullmatch(text):
        return Statement("deduction", "", (match[1].strip(),))
    if match := _ABDUCTION.fullmatch(text):
        return Statement("abduction", "", (match[1].strip(),))
    if _INDUCTION.fullmatch(text):
        inputs = re.findall(rf"f\(({_GIVEN})\)", text)
        return Statement("induction", "", tuple(one.strip() for one in inputs))
    if match := _ASKED.fullmatch(text):
        return Statement("abduction", "", (), (match[1].strip(),))
    return None


def _read_pairs(text: str) -> Statement | None:
    if not re.fullmatch(f"(?:{_PAIR})+", text):
        return None
    pairs = [(i.strip(), o.strip()) for i, o in re.findall(_PAIR, text)]
    return Statement("induction", "", tuple(i for i, _ in pairs), tuple(o for _, o in pairs))


def _joints(body: str, joint: str) -> list[int]:
    """Return where the joint stands, from the first place to the last, at most eight of them."""
    found, at = list[int](), body.find(joint)
    while at >= 0 and len(found) < 8:
        found.append(at)
        at = body.find(joint, at + 1)
    return found
