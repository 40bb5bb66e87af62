"""The loop's side of the evaluator: measure a solver on sealed anchors.

Prompts pass through here to the solver and are dropped; what stays is a score per opaque item.
Spawning, waiting and the environment of the process are in ``ratchet.guard.child``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ratchet.core.errors import EvaluatorError
from ratchet.core.evidence import Scores
from ratchet.core.seeds import Seed
from ratchet.core.solver import Solver
from ratchet.guard.charter import Charter
from ratchet.guard.child import Child
from ratchet.guard.messages import (
    Draw,
    Drawn,
    Inspect,
    Inspected,
    Open,
    Opened,
    Score,
    Scored,
)
from ratchet.guard.records import Mark
from ratchet.worlds.protocol import Stream


class Evaluator:
    """A running evaluator process; use it as a context manager.

    Raises ConfigError on a bad charter, EvaluatorError when the process refuses, ends or hangs.
    """

    charter: Charter
    """The charter, as read before the process started."""
    charter_hash: str
    """Its hash; the process refuses to work under another."""
    opened: Opened
    """What the process told of itself when it started."""
    mark: Mark
    """How far the evaluator's own records go, as it last said."""
    timeout: float
    """Seconds that the process may take for one reply; the solver's time does not count."""

    def __init__(self, charter: Path, seed: int, folder: Path, timeout: float = 120.0) -> None:
        self.charter = Charter.read(charter)
        self.charter_hash = self.charter.hash
        self._path = charter.resolve()
        self._seed = seed
        self._folder = folder.resolve()
        self.timeout = timeout
        self._child: Child | None = None

    def __enter__(self) -> Self:
        self._child = Child(self._folder)
        try:
            request = Open(str(self._path), self.charter_hash, self._seed, str(self._folder))
            self.opened = self._child.ask(request, Opened, self.timeout)
            self.mark = self.opened.mark
        except BaseException:
            self._child.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    @property
    def pid(self) -> int | None:
        """Id of the process, or None if it is not running."""
        return self._child.pid if self._child is not None else None

    def measure(
        self,
        solver: Solver,
        stream: Stream,
        n: int,
        draw: int,
        seed: Seed,
        label: str,
        sealed: str = "",
        batch: int = 0,
        families: Sequence[str] = (),
    ) -> Scores:
        """Return the solver's scores on a draw of anchors.

        Equal ``(stream, n, draw)`` give equal items in equal order, so two solvers measured on one
        draw are paired. Fewer than ``n`` items come back when the reserved space is exhausted.
        Further batches of a draw, numbered from 1 and drawn in order, repeat no item of those
        before them; with ``families`` a batch holds ``n`` of each. ``seed`` is the solver's,
        ``label`` stands in the evaluator's own records. The final stream opens for one value of
        ``sealed`` only, a hash that binds the closing states; other streams ignore it.
        """
        child = self._running()
        request = Draw(stream, n, draw, sealed, batch, tuple(families))
        prompts = [p.text for p in child.ask(request, Drawn, self.timeout).prompts]
        answers = solver.answer(prompts, seed) if prompts else []
        asked = len(prompts)
        del prompts
        given = _require_answers(answers, asked, label)
        answered = Score(stream, n, draw, label, given, sealed, batch, tuple(families))
        scored = child.ask(answered, Scored, self.timeout)
        self.mark = scored.mark
        return Scores(scored.items)

    def inspect(self, prompts: Sequence[str] = (), texts: Sequence[str] = ()) -> Inspected:
        """Count the trained prompts and texts that are sealed or part of a declared benchmark.

        Raises TamperedError, ``charter_changed`` or ``evaluator_changed``, if these are not what
        they were when the process started.
        """
        request = Inspect(tuple(prompts), tuple(texts))
        return self._running().ask(request, Inspected, self.timeout)

    def _running(self) -> Child:
        if self._child is None:
            raise EvaluatorError(
                "the evaluator is not running", "enter it first: with Evaluator(...) as evaluator"
            )
        return self._child


def _require_answers(answers: Sequence[str], n: int, label: str) -> tuple[str, ...]:
    hint = "Solver.answer returns one text per prompt, in order; an empty text is an answer"
    if isinstance(answers, str) or len(answers) != n:
        raise EvaluatorError(f"{label}: {len(answers)} answers to {n} prompts", hint)
    for place, answer in enumerate(answers):
        if not isinstance(answer, str):
            kind = type(answer).__name__
            raise EvaluatorError(f"{label}: answer {place} is a {kind}, not a text", hint)
    return tuple(answers)
