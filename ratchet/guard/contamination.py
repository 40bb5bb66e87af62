"""Contamination: what a system was trained on must hold nothing that it is judged by.

Used by the evaluator process alone, which knows what is sealed. Prompts are held against the
reserved partition (by the world's own ``parse``) and against every anchor drawn in this run; all
texts against the benchmarks that the charter declares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ratchet.core.config import Config
from ratchet.core.errors import ConfigError
from ratchet.core.task import Rejection
from ratchet.guard.code import CodeIndex
from ratchet.guard.texts import TextIndex
from ratchet.worlds.protocol import World

Why = Literal["reserved", "anchor", "benchmark"]
"""In the reserved partition; an anchor of this run; part of a declared benchmark."""


class Benchmarks(Config):
    """Public test sets that the system must not be trained on; paths are seen from the charter.

    ``.jsonl``: one JSON text or object a line, every text in it an item; ``.py``: every function;
    any other file: every line.
    """

    texts: tuple[str, ...] = ()
    """Files of questions and answers, scanned by words."""
    code: tuple[str, ...] = ()
    """Files of programs, scanned by syntax tree."""
    ngram: Annotated[int, Field(ge=5)] = 13
    """This many words in a row that are shared are contamination."""
    similarity: Annotated[float, Field(gt=0.0, le=1.0)] = 0.7
    """And so is this share of three-word shingles in common (Jaccard)."""

    def files(self, charter: Path) -> list[Path]:
        """Return the declared files. Raises ConfigError on one that is not there."""
        found = [charter.parent / name for name in (*self.texts, *self.code)]
        for path in found:
            if not path.is_file():
                raise ConfigError(
                    f"{charter}: there is no benchmark file {path}",
                    "correct texts or code under [benchmarks]",
                )
        return found


class Inspector:
    """Tells which prompts and texts are sealed or belong to a benchmark."""

    def __init__(self, world: World, declared: Benchmarks | None, charter: Path) -> None:
        self._world = world
        self._drawn: set[str] = set()
        self._indexes: list[TextIndex | CodeIndex] = []
        if declared is None:
            return
        declared.files(charter)
        texts = [item for name in declared.texts for item in read_items(charter.parent / name)]
        code = [item for name in declared.code for item in read_items(charter.parent / name)]
        self._indexes.append(TextIndex(texts, declared.ngram, declared.similarity))
        self._indexes.append(CodeIndex(code))
        for kind, names, index in zip(
            ("texts", "code"), (declared.texts, declared.code), self._indexes, strict=True
        ):
            if names and not len(index):
                raise ConfigError(
                    f"{charter}: the benchmark {kind} {', '.join(names)} hold no item large enough",
                    "correct the files: see docs/safety.md",
                )

    def learn(self, prompt: str) -> None:
        """Take note of an anchor of this run."""
        self._drawn.add(_plain(prompt))

    def prompt(self, text: str) -> Why | None:
        """Say why this must not have been a training task, or None."""
        for line in {text, *text.splitlines()}:
            outcome = self._world.parse(line)
            if isinstance(outcome, Rejection) and outcome.reason == "reserved":
                return "reserved"
        if _plain(text) in self._drawn:
            return "anchor"
        return self.text(text)

    def text(self, text: str) -> Why | None:
        """Say why this must not have been written or read in training, or None."""
        found = any(index.find(text) is not None for index in self._indexes)
        return "benchmark" if found else None


def read_items(path: Path) -> Sequence[str]:
    """Return the items of a benchmark file. Raises ConfigError on one that cannot be read."""
    try:
        content = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            return [content]
        lines = [line for line in content.splitlines() if line.strip()]
        if path.suffix != ".jsonl":
            return lines
        return [text for line in lines for text in _strings(json.loads(line))]
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot read the benchmark {path}: {error}", f"correct {path}"
        ) from error


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _strings(value)


def _plain(text: str) -> str:
    return " ".join(text.split())
