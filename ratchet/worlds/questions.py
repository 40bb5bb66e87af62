"""Finite sets of questions in a public format, from a file or the hub: GSM8K, ARC-Challenge.

A set is data that somebody brings: it is not shipped, and truth lies in its rows, not in a
computation. A row is open or reserved for ever by the hash of its question, as in every world.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ratchet.core.codec import hash_text
from ratchet.core.errors import ConfigError
from ratchet.core.task import Rejection, Task, Verdict
from ratchet.worlds.apportion import check_weights, draw_by_weight
from ratchet.worlds.arithmetic.answers import read_integer
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.protocol import Stream

_CHOICE = re.compile(r"(?<![A-Za-z0-9])\(?([A-E1-5])\)?(?![A-Za-z0-9])")
_TAIL = 2_000


@dataclass(frozen=True)
class Question:
    """One row."""

    prompt: str
    """What a solver sees, the choices included."""
    answer: str
    """The right answer: a whole number, or the label of a choice."""
    kind: str
    """``number`` or ``choice``; also the family."""

    @property
    def form(self) -> str:
        """The canonical form: the text without differences of spaces and case."""
        return " ".join(self.prompt.lower().split())


Rows = Iterable[tuple[str, Mapping[str, Any]]]
"""Rows of a published set, each with where it stands."""


def read_gsm8k(source: Path | Rows) -> list[Question]:
    """Read GSM8K's rows, of a file of JSON lines or given: ``question``, and ``answer`` that ends
    in ``#### 18``.

    Cobbe et al., arXiv 2110.14168; the data's licence is MIT. Raises ConfigError on another shape.
    """
    questions = []
    for place, row in _rows(source):
        value = read_integer(str(row.get("answer", "")).rpartition("####")[2])
        if "####" not in str(row.get("answer", "")) or value is None or not row.get("question"):
            raise _shape(place, "a question, and an answer that ends in '#### <number>'")
        questions.append(Question(str(row["question"]).strip(), str(value), "number"))
    return questions


def read_arc(source: Path | Rows) -> list[Question]:
    """Read ARC's rows, of a file of JSON lines or given, with ``choices`` as one table or as a list
    inside ``question``.

    Clark et al., arXiv 1803.05457. Raises ConfigError on another shape.
    """
    questions = []
    for place, row in _rows(source):
        try:
            question = row["question"]
            if isinstance(question, Mapping):
                stem, listed = question["stem"], question["choices"]
                pairs = [(str(c["label"]), str(c["text"])) for c in listed]
            else:
                stem, choices = question, row["choices"]
                pairs = list(zip(choices["label"], choices["text"], strict=True))
            key = str(row["answerKey"])
        except (KeyError, TypeError, ValueError) as error:
            raise _shape(place, "question, choices and answerKey") from error
        if key not in [label for label, _ in pairs]:
            raise _shape(place, "an answerKey that is one of the choices")
        lines = [str(stem).strip(), *(f"{label}. {text}" for label, text in pairs)]
        questions.append(Question("\n".join(lines), key, "choice"))
    return questions


SETS = {"gsm8k": ("openai/gsm8k", "main"), "arc": ("allenai/ai2_arc", "ARC-Challenge")}
"""Where the published sets are on the Hugging Face hub: repository and configuration."""
READERS = {"gsm8k": read_gsm8k, "arc": read_arc}
"""What reads the rows of each."""


def open_questions(name: str, data: Path | None = None) -> Questions:
    """Return a set by name, from a local file or, without one, through Hugging Face ``datasets``.

    The hub's test split is taken; ``datasets`` keeps what it has fetched. Raises ConfigError where
    the package is missing, the set cannot be fetched, or a row has another shape.
    """
    return Questions(name, READERS[name](data if data is not None else _fetch(name)))


def _fetch(name: str) -> Rows:
    home, part = SETS[name]
    local = "name a local file in the published format with --data FILE"
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        message = f"{name} comes from the hub by the package datasets, which is not installed"
        raise ConfigError(message, f"pip install 'ratchet-rsi[datasets]', or {local}") from error
    try:
        rows: list[Mapping[str, Any]] = list(datasets.load_dataset(home, part, split="test"))
    except (OSError, ValueError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"{home} cannot be fetched: {first}", local) from error
    return [(f"{home}, row {number}", row) for number, row in enumerate(rows)]


class Questions:
    """A world over rows: the number or the choice at the end of an answer is compared."""

    families: tuple[str, ...] = ("number", "choice")

    def __init__(self, name: str, rows: Sequence[Question]) -> None:
        """Take the rows; equal questions are kept once. Raises ConfigError if there are none."""
        self.name = name
        self._by_id = {hash_text(f"{name}\x1f{row.form}"): row for row in rows}
        if not self._by_id:
            raise ConfigError(f"{name} has no questions", "give a file with rows")
        kinds = {row.kind for row in rows}
        self.families = tuple(kind for kind in type(self).families if kind in kinds)

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        """Draw ``n`` distinct open questions, or as many as there are; ValueError on bad names."""
        if level is not None:
            check_weights({level: 1.0}, (1,), "level")
        if family is not None:
            check_weights({family: 1.0}, self.families, "family")
        found = [t for t in self._side(None) if family in (None, t.family)]
        return [found[i] for i in rng.permutation(len(found))[:n]]

    def check(self, task: Task, answer: str) -> Verdict:
        """Compare with the row's answer. Total; a task of no row fails with ``error``."""
        row = self._by_id.get(task.id)
        if row is None or task.world != self.name or row.prompt != task.prompt:
            told = {"error": "unreadable_task"}
            return Verdict(0.0, False, False, "exact", "the task cannot be read", told)
        read = _read(row, answer)
        if read is None:
            return Verdict(0.0, False, False, "exact", f"expected a {row.kind}")
        passed = read == row.answer
        feedback = "correct" if passed else "not correct"
        return Verdict(float(passed), passed, True, "exact", feedback, {"read": read})

    def parse(self, text: str) -> Task | Rejection:
        """Read a question that is a row and open; a model cannot add rows. Total."""
        readable = text.encode("utf-8", "replace").decode()
        task_id = hash_text(f"{self.name}\x1f{' '.join(readable.lower().split())}")
        row = self._by_id.get(task_id)
        if row is None:
            return Rejection("unknown_question", text[:200])
        if self._stream(row) is not None:
            return Rejection("reserved", text[:200])
        return self._task(task_id, row, ("model",))

    def anchors(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream,
        families: Mapping[str, float],
        levels: Mapping[int, float],
    ) -> Sequence[Task]:
        """Draw ``n`` distinct reserved questions of one stream by family weight."""
        check_weights(families, self.families, "family")
        check_weights(levels, (1,), "level")
        side = self._side(stream)
        shuffled = [side[i] for i in rng.permutation(len(side))]
        supplies = {f: [t for t in shuffled if t.family == f] for f in self.families}

        def take(family: str, count: int) -> list[Task]:
            taken, supplies[family] = supplies[family][:count], supplies[family][count:]
            return taken

        return draw_by_weight(n, {f: families[f] for f in self.families if f in families}, take)

    def _side(self, stream: Stream | None) -> list[Task]:
        rows = self._by_id.items()
        return [self._task(i, row) for i, row in rows if self._stream(row) == stream]

    def _stream(self, row: Question) -> Stream | None:
        return reserved_stream(self.name, row.form)

    def _task(self, task_id: str, row: Question, lineage: tuple[str, ...] = ()) -> Task:
        return Task(task_id, self.name, row.prompt, row.kind, 1, lineage)


def _read(row: Question, answer: str) -> str | None:
    """Return the number or the label of a choice that stands last in an answer."""
    if row.kind == "number":
        value = read_integer(answer)
        return None if value is None else str(value)
    found = _CHOICE.findall(answer[-_TAIL:])
    return found[-1] if found else None


def _rows(source: Path | Rows) -> Rows:
    if not isinstance(source, Path):
        return source
    try:
        lines = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {source}: {error}", "give a file of JSON lines") from error
    rows: list[tuple[str, Mapping[str, Any]]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{source}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _shape(place, "JSON") from error
        if not isinstance(row, dict):
            raise _shape(place, "an object")
        rows.append((place, row))
    return rows


def _shape(place: str, wanted: str) -> ConfigError:
    return ConfigError(f"{place}: expected {wanted}", "use the file as published")
