"""Absolute Zero's three modes on real Python functions, which run in a sandbox and nowhere else.

A proposed function and its input are hostile. It runs twice, in processes of their own, and is no
task where what it gives differs; values come back as data and are compared as data. The sandbox has
one hash seed for all runs, so a function that hangs on the order of a set gives the same each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random

import numpy as np

from ratchet.core.task import Rejection, Task, Verdict
from ratchet.sandbox.compare import equal
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.protocol import Sandbox, Value
from ratchet.worlds.programs.drawing import LEVELS_OF, draw_input, draw_program
from ratchet.worlds.programs.problem import LEVELS
from ratchet.worlds.programs.python_problem import (
    NOTATION,
    WORLD,
    PythonProblem,
    induction_id,
    is_shown_reserved,
    write_pairs,
)
from ratchet.worlds.programs.python_runs import Refused, Runs
from ratchet.worlds.programs.python_source import (
    read_function,
    read_literal,
    read_solution,
    translate,
)
from ratchet.worlds.programs.reasons import Reason
from ratchet.worlds.programs.statements import MODES, SHOWN, Statement, read_statement
from ratchet.worlds.protocol import Stream
from ratchet.worlds.supply import Supply, draw_open, draw_reserved

_MISSES = 400
_TRIES = 8
_ANSWER = 2_000


class PythonPrograms:
    """Given a Python function and its input, say the output; given the output, an input; given
    both, a function.

    The prompt of a task holds the function's source or the pairs. An answer is a plain value as
    Python writes it, or a definition of ``f``, or an expression in ``x``.
    """

    name: str = WORLD
    families: tuple[str, ...] = MODES

    def __init__(self, sandbox: Sandbox | None = None, levels: Sequence[int] = LEVELS) -> None:
        """Take the sandbox, or open one at the default level; SandboxError if there is none."""
        self.sandbox = sandbox or open_sandbox(workers=1)
        self.levels = tuple(levels)
        self._runs = Runs(self.sandbox)

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        """Draw ``n`` distinct open tasks, spread evenly over the modes.

        Raises ValueError on an unknown level or family.
        """
        supply = partial(self._supply, levels=self.levels if level is None else LEVELS)
        return [_task(problem) for problem in draw_open(rng, n, level, family, LEVELS_OF, supply)]

    def check(self, task: Task, answer: str) -> Verdict:
        """Run what task and answer say, in the sandbox, and compare. Total.

        A task that cannot be read, and a sandbox that refuses, stand as ``error`` in the evidence.
        """
        statement = read_statement(task.prompt, NOTATION) if task.world == self.name else None
        if statement is None:
            return _error("unreadable_task")
        try:
            return self._decide(statement, task.id, answer[:_ANSWER])
        except Refused as refused:
            return _error("sandbox_refused", str(refused))

    def parse(self, text: str) -> Task | Rejection:
        """Read a task that a model wrote; reasons are those of ``REASONS``. Total."""
        try:
            problem = self._read(text)
        except Refused:
            problem = Reason.SANDBOX_REFUSED
        if isinstance(problem, Reason):
            return Rejection(problem.value, text[:200])
        return _task(problem, ("model",))

    def anchors(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream,
        families: Mapping[str, float],
        levels: Mapping[int, float],
    ) -> Sequence[Task]:
        """Draw ``n`` distinct reserved tasks by family weight, then by level weight in each family.

        Raises ValueError on an unknown family or level, or if all weights are 0.
        """
        drawn = draw_reserved(rng, n, stream, families, levels, LEVELS_OF, self._supply)
        return [_task(problem) for problem in drawn]

    def _decide(self, statement: Statement, task_id: str, answer: str) -> Verdict:
        if statement.mode == "induction":
            return self._decide_induction(statement, task_id, answer)
        source = read_function(NOTATION.opening + statement.program)
        about = statement.inputs if statement.mode == "deduction" else statement.outputs
        known = read_literal(about[0]) if about else None
        if isinstance(source, Reason) or known is None:
            return _error("unreadable_task")
        said = read_literal(answer.strip().split("\n", 1)[0])
        if said is None:
            return Verdict(0.0, False, False, "exact", "expected a plain value")
        given, wanted = (known, said) if statement.mode == "deduction" else (said, known)
        result = self._runs.once(source, given[0])
        return _verdict(result is not None and equal(result[0], wanted[0]), repr(said[0]))

    def _decide_induction(self, statement: Statement, task_id: str, answer: str) -> Verdict:
        found = read_solution(answer)
        pairs = [
            (read_literal(i), read_literal(o))
            for i, o in zip(statement.inputs, statement.outputs, strict=True)
        ]
        known = [(i[0], o[0]) for i, o in pairs if i is not None and o is not None]
        if len(known) != len(pairs) or not pairs:
            return _error("unreadable_task")
        if found is None:
            return Verdict(0.0, False, False, "exact", "expected a function of x")
        explored = self._runs.explore(found, tuple(given for given, _ in known))
        passed = not isinstance(explored, Reason) and (
            induction_id(known, explored.form) == task_id
            and all(
                out is not None and equal(out[0], output)
                for out, (_, output) in zip(explored.outputs, known, strict=True)
            )
        )
        return _verdict(passed, found[:200])

    def _read(self, text: str) -> PythonProblem | Reason:
        """Return the open problem that a text proposes, or why there is none."""
        text = text[: NOTATION.longest + 1].strip()
        if not text:
            return Reason.EMPTY
        if len(text) > NOTATION.longest:
            return Reason.TOO_LONG
        statement = read_statement(text, NOTATION)
        if statement is None:
            return Reason.NO_TASK
        if not statement.program:
            return _refuse_pairs(statement)
        source = read_function(NOTATION.opening + statement.program)
        if isinstance(source, Reason):
            return source
        inputs = [read_literal(one) for one in statement.inputs]
        known = tuple(one[0] for one in inputs if one is not None)
        if len(known) != len(inputs):
            return Reason.BAD_INPUT
        if statement.mode == "induction" and len({repr(one) for one in known}) != SHOWN:
            return Reason.TOO_FEW_INPUTS
        explored = self._runs.explore(source, known)
        if isinstance(explored, Reason):
            return explored
        problem = PythonProblem(statement.mode, source, known, explored)
        if problem.sealed or not known:
            return Reason.RESERVED if problem.sealed else Reason.NO_TASK
        return problem.flaw or problem

    def _supply(
        self, mode: str, stream: Stream | None, random: Random, levels: Sequence[int] = LEVELS
    ) -> Supply[PythonProblem]:
        problems = self._drawn(mode, stream, random)
        return Supply((p for p in problems if p.level in levels), _MISSES)

    def _drawn(self, mode: str, stream: Stream | None, random: Random) -> Iterator[PythonProblem]:
        """Yield problems on functions that the small language's programs are translated to."""
        misses = 0
        while misses < _MISSES:
            misses += 1
            on_lists = random.random() < 0.35
            program = draw_program(random, random.choice((1, 1, 2, 2, 3, 4)), on_lists)
            text = translate(program)
            source = read_function(text) if text else Reason.NO_PROGRAM
            if isinstance(source, Reason):
                continue
            problems = self._try_inputs(mode, source, on_lists, random)
            fitting = (p for p in problems if p.flaw is None and _fits(p, stream))
            problem = next(fitting, None)
            if problem is not None:
                misses = 0
                yield problem

    def _try_inputs(
        self, mode: str, source: str, on_lists: bool, random: Random
    ) -> Iterator[PythonProblem]:
        """Yield problems on one function with several draws of inputs, all explored at once."""
        count = SHOWN if mode == "induction" else 1
        size = count * (_TRIES if mode == "induction" else 1)
        drawn = [draw_input(random, on_lists) for _ in range(size)]
        inputs: list[Value] = [list(one) if isinstance(one, tuple) else one for one in drawn]
        explored = self._runs.explore(source, inputs)
        if isinstance(explored, Reason):
            return
        for at in range(0, size, count):
            part = slice(at, at + count)
            if len(set(drawn[part])) == count:
                found = replace(explored, outputs=explored.outputs[part])
                yield PythonProblem(mode, source, tuple(inputs[part]), found)


def _fits(problem: PythonProblem, stream: Stream | None) -> bool:
    return not problem.sealed if stream is None else problem.stream == stream


def _refuse_pairs(statement: Statement) -> Reason:
    """Say why pairs without a function are no proposal: perhaps they are an anchor's."""
    texts = zip(statement.inputs, statement.outputs, strict=True)
    pairs = [(read_literal(i), read_literal(o)) for i, o in texts]
    known = [(i[0], o[0]) for i, o in pairs if i is not None and o is not None]
    sealed = len(known) == len(pairs) and is_shown_reserved(write_pairs(known))
    return Reason.RESERVED if sealed else Reason.NO_TASK


def _error(name: str, message: str = "the task cannot be read") -> Verdict:
    return Verdict(0.0, False, False, "exact", message, {"error": name})


def _verdict(passed: bool, read: str) -> Verdict:
    feedback = "correct" if passed else "not correct"
    return Verdict(float(passed), passed, True, "exact", feedback, {"read": read})


def _task(problem: PythonProblem, lineage: tuple[str, ...] = ()) -> Task:
    return Task(problem.id, WORLD, problem.prompt, problem.mode, problem.level, lineage)
