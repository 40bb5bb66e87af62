"""A problem on a Python function: its prompt, id, side and level."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ratchet.core.codec import hash_text
from ratchet.core.syntax import parse
from ratchet.sandbox.compare import equal
from ratchet.sandbox.protocol import Value
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.programs.problem import LEVELS
from ratchet.worlds.programs.python_runs import BATTERY, Explored
from ratchet.worlds.programs.python_source import HEAD, canonical_value, write_literal
from ratchet.worlds.programs.reasons import Reason
from ratchet.worlds.programs.statements import Notation, ask
from ratchet.worlds.protocol import Stream

WORLD = "python_programs"
NOTATION = Notation(HEAD, "\n", "f = ?", 1_000)

_COUNTED = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Call, ast.Subscript)
_STATEMENTS = (ast.For, ast.While, ast.If, ast.ListComp, ast.DictComp, ast.SetComp)


@dataclass(frozen=True)
class PythonProblem:
    """A function, a mode, and the input or inputs it is about."""

    mode: str
    """One of ``MODES``; also the family."""
    source: str
    """The function, in one way of writing it."""
    inputs: tuple[Value, ...]
    """One input; of an induction ``SHOWN`` different ones."""
    explored: Explored
    """What it gives on these and on the battery."""

    @cached_property
    def pairs(self) -> list[tuple[Value, Value]]:
        """Inputs with their outputs, as far as there are any."""
        both = zip(self.inputs, self.explored.outputs, strict=True)
        return [(given, output[0]) for given, output in both if output is not None]

    @property
    def prompt(self) -> str:
        """The text a solver sees."""
        outputs = tuple(write_literal(output) for _, output in self.pairs)
        inputs = tuple(map(write_literal, self.inputs))
        body = self.source.removeprefix(HEAD)
        return ask(self.mode, body, inputs, outputs, NOTATION)

    @cached_property
    def id(self) -> str:
        """The task id; of an induction it seals what the function gives on the battery."""
        if self.mode == "induction":
            return induction_id(self.pairs, self.explored.form)
        about = [given if self.mode == "deduction" else output for given, output in self.pairs]
        return hash_text("\x1f".join((WORLD, self.mode, self.source, *map(canonical_value, about))))

    @cached_property
    def level(self) -> int:
        """Operations, loops and choices of the function, at least 1 and at most 5."""
        nodes = list(ast.walk(parse(self.source)))
        count = sum(isinstance(n, _COUNTED) + 2 * isinstance(n, _STATEMENTS) for n in nodes)
        return min(max(count, LEVELS[0]), LEVELS[-1])

    @cached_property
    def stream(self) -> Stream | None:
        """The stream this is reserved for, or None."""
        stream = reserved_stream(WORLD, self.explored.form)
        return stream if self.mode != "induction" or self._shown_sealed else None

    @cached_property
    def sealed(self) -> bool:
        """Whether it may not be trained on."""
        function = reserved_stream(WORLD, self.explored.form) is not None
        return function or (self.mode == "induction" and self._shown_sealed)

    @property
    def flaw(self) -> Reason | None:
        """Why it is no task, whichever its side is; None if it is one."""
        given = [(one, out) for one, out in zip(BATTERY, self.explored.on_battery, strict=True)]
        worked = [(one, out[0]) for one, out in given if out is not None]
        if worked and all(equal(one, out) for one, out in worked):
            return Reason.IDENTITY
        if len({canonical_value(out) for _, out in worked}) <= 1:
            return Reason.CONSTANT
        if len(self.pairs) < len(self.inputs):
            return Reason.FAILS
        outputs = {canonical_value(output) for _, output in self.pairs}
        return Reason.SAME_OUTPUTS if self.mode == "induction" and len(outputs) == 1 else None

    @property
    def _shown_sealed(self) -> bool:
        return is_shown_reserved(write_pairs(self.pairs))


def write_pairs(pairs: Iterable[tuple[Value, Value]]) -> str:
    """Return pairs in one order, for hashing."""
    return "; ".join(sorted(f"{canonical_value(i)} -> {canonical_value(o)}" for i, o in pairs))


def is_shown_reserved(pairs: str) -> bool:
    """Say whether the pairs that an induction shows are kept for anchors."""
    return reserved_stream(f"{WORLD}.shown", pairs) is not None


def induction_id(pairs: Iterable[tuple[Value, Value]], form: str) -> str:
    """Return the task id of an induction."""
    return hash_text("\x1f".join((WORLD, "induction", write_pairs(pairs), form)))
