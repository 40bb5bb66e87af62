"""A problem on a program of the small language: its prompt, canonical form, side, family, level.

What a program *is* is what it does: its form is the list of what it gives on a fixed battery of
numbers, and on one of lists, so that ``x + 1 + 1`` and ``x + 2`` are one. A problem is reserved by
the form on the kind of its inputs; it is open only if the forms on both kinds are, so that nothing
that is trained on, in any mode, does what an anchor's program does. Of an induction what is shown
must be on the same side too, so that a prompt alone tells on which side it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ratchet.core.codec import hash_text
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.programs.language import Expression, count_operations, render
from ratchet.worlds.programs.reasons import Reason
from ratchet.worlds.programs.running import Failure, Value, run, write_value
from ratchet.worlds.programs.statements import MODES, Notation, ask, propose
from ratchet.worlds.protocol import Stream

WORLD = "programs"
FAMILIES = MODES
LEVELS = (1, 2, 3, 4, 5)
NOTATION = Notation("f(x) = ", ", ", "f(x) = ?")

MAX_INPUT = 99
MAX_INPUTS = 8

NUMBERS: tuple[Value, ...] = (*range(-4, 13), 17, 20, 26, 45, -9, -30)
LISTS: tuple[Value, ...] = (
    (),
    (0,),
    (7,),
    (2, 1),
    (-3, -8),
    (3, 3, 1),
    (4, 9, 5),
    (1, 2, 3, 4),
    (9, -2, 0, 7),
    (6, 0, 8, 6, 2),
    (10, 12, 11),
    (5, -1, 5, -1, 5, 20),
)
"""The batteries. An induction is checked on the one of its kind: these are its held-out inputs."""


@dataclass(frozen=True)
class Problem:
    """A program, a mode, and the input or inputs it is about."""

    mode: str
    """One of ``MODES``; also the family."""
    program: Expression
    """The program."""
    inputs: tuple[Value, ...]
    """One input; of an induction ``SHOWN`` different ones of one kind."""

    @property
    def family(self) -> str:
        """The mode."""
        return self.mode

    @cached_property
    def outputs(self) -> tuple[Value | Failure, ...]:
        """What the program gives on the inputs."""
        return tuple(run(self.program, given) for given in self.inputs)

    @property
    def prompt(self) -> str:
        """The text a solver sees."""
        inputs, outputs = map(write_value, self.inputs), map(_write, self.outputs)
        return ask(self.mode, render(self.program), tuple(inputs), tuple(outputs), NOTATION)

    @property
    def proposal(self) -> str:
        """The text by which a proposer would state it."""
        inputs = tuple(map(write_value, self.inputs))
        return propose(self.mode, render(self.program), inputs, NOTATION)

    @cached_property
    def form(self) -> str:
        """What the program does on the battery of its inputs' kind; of an abduction, whose prompt
        does not tell the kind, on that of lists."""
        return behaviour(self.program, self._on_lists or self.mode == "abduction")

    @cached_property
    def id(self) -> str:
        """The task id. Of an induction it is a hash of the pairs shown and of what the program
        gives on the whole battery: a check of held-out pairs needs no other memory of them."""
        if self.mode == "induction":
            return induction_id(zip(self.inputs, self.outputs, strict=True), self.form)
        about = self.inputs if self.mode == "deduction" else self.outputs
        parts = (WORLD, self.mode, render(self.program), *map(_write, about))
        return hash_text("\x1f".join(parts))

    @cached_property
    def level(self) -> int:
        """The operations of the program as written, and 2 for lists; at most 5."""
        return min(count_operations(self.program) + 2 * self._on_lists, LEVELS[-1])

    @cached_property
    def stream(self) -> Stream | None:
        """The stream this is reserved for, or None."""
        stream = reserved_stream(WORLD, self.form)
        if stream is None or self.mode != "induction":
            return stream
        return stream if is_shown_reserved(self._shown) else None

    @cached_property
    def is_open(self) -> bool:
        """Whether it may be drawn and proposed for training."""
        shown = self.mode == "induction" and is_shown_reserved(self._shown)
        return is_open(self.program) and not shown

    @property
    def flaw(self) -> Reason | None:
        """Why it is no task, whichever its side is; None if it is one."""
        given = outcomes(self.program, self._on_lists)
        if given == (LISTS if self._on_lists else NUMBERS):
            return Reason.IDENTITY
        if len(set(given)) == 1:
            return Reason.CONSTANT
        if any(isinstance(output, Failure) for output in self.outputs):
            return Reason.FAILS
        if self.mode == "induction" and len(set(self.outputs)) == 1:
            return Reason.SAME_OUTPUTS
        return None

    @property
    def _on_lists(self) -> bool:
        return isinstance(self.inputs[0], tuple)

    @property
    def _shown(self) -> str:
        return write_pairs(zip(self.inputs, self.outputs, strict=True))


@lru_cache(maxsize=65_536)
def outcomes(program: Expression, on_lists: bool) -> tuple[Value | Failure, ...]:
    """Return what a program gives on a battery."""
    return tuple(run(program, value) for value in (LISTS if on_lists else NUMBERS))


@lru_cache(maxsize=65_536)
def behaviour(program: Expression, on_lists: bool) -> str:
    """Return what a program gives on a battery, as text."""
    given = " ".join(_write(one).replace(" ", "") for one in outcomes(program, on_lists))
    return f"{'lists' if on_lists else 'numbers'} {given}"


def is_open(program: Expression) -> bool:
    """Say whether neither of a program's forms is reserved."""
    return all(reserved_stream(WORLD, behaviour(program, kind)) is None for kind in (False, True))


def write_pairs(pairs: Iterable[tuple[Value, Value | Failure]]) -> str:
    """Return pairs in one order, for hashing."""
    return "; ".join(sorted(f"{write_value(i)} -> {_write(o)}" for i, o in pairs))


def is_shown_reserved(pairs: str) -> bool:
    """Say whether the pairs that an induction shows are kept for anchors."""
    return reserved_stream(f"{WORLD}.shown", pairs) is not None


def induction_id(pairs: Iterable[tuple[Value, Value | Failure]], form: str) -> str:
    """Return the task id of an induction."""
    return hash_text("\x1f".join((WORLD, "induction", write_pairs(pairs), form)))


def _write(value: Value | Failure) -> str:
    return value.value if isinstance(value, Failure) else write_value(value)
