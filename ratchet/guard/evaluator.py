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
from ratchet.guard.messages import Draw, Drawn, Open, Opened, Score, Scored
from ratchet.worlds.protocol import Stream


class Evaluator:
    """A running evaluator process; use it as a context manager.

    Raises ConfigError on a bad charter, EvaluatorError when the process refuses, ends or hangs.
    """

    charter: Charter
    """The charter, as read before the process started."""
    charter_hash: str
    """Its hash; the process refuses to work under another."""

    def __init__(self, charter: Path, seed: int, folder: Path, timeout: float = 120.0) -> None:
        """``timeout``: seconds that the process may take for a reply; the solver's time is free."""
        self.charter = Charter.read(charter)
        self.charter_hash = self.charter.hash
        self._path = charter.resolve()
        self._seed = seed
        self._folder = folder.resolve()
        self._timeout = timeout
        self._child: Child | None = None

    def __enter__(self) -> Self:
        self._child = Child(self._folder, self._timeout)
        try:
            request = Open(str(self._path), self.charter_hash, self._seed, str(self._folder))
            self._child.ask(request, Opened)
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

    def measure(
        self,
        solver: Solver,
        stream: Stream,
        n: int,
        draw: int,
        seed: Seed,
        label: str,
        sealed: str = "",
    ) -> Scores:
        """Return the solver's scores on a draw of anchors.

        Equal ``(stream, n, draw)`` give equal items in equal order, so two solvers measured on one
        draw are paired. Fewer than ``n`` items come back when the reserved space is exhausted.
        ``seed`` is the solver's, ``label`` stands in the evaluator's own records. The final stream
        opens for one value of ``sealed`` only, a hash that binds the closing states; other streams
        ignore it.
        """
        if self._child is None:
            raise EvaluatorError(
                "the evaluator is not running", "enter it first: with Evaluator(...) as evaluator"
            )
        drawn = self._child.ask(Draw(stream, n, draw, sealed), Drawn)
        prompts = [prompt.text for prompt in drawn.prompts]
        answers = solver.answer(prompts, seed) if prompts else []
        checked = _require_answers(answers, len(prompts), label)
        return Scores(self._child.ask(Score(stream, n, draw, label, checked, sealed), Scored).items)


def _require_answers(answers: Sequence[str], n: int, label: str) -> tuple[str, ...]:
    hint = "Solver.answer returns one text per prompt, in order; an empty text is an answer"
    if isinstance(answers, str) or len(answers) != n:
        raise EvaluatorError(f"{label}: {len(answers)} answers to {n} prompts", hint)
    for place, answer in enumerate(answers):
        if not isinstance(answer, str):
            kind = type(answer).__name__
            raise EvaluatorError(f"{label}: answer {place} is a {kind}, not a text", hint)
    # Halves of surrogate pairs are text in Python but not in JSON or UTF-8.
    return tuple(answer.encode("utf-8", "replace").decode() for answer in answers)
