"""The examiner: draws anchors, hands out prompts, marks answers and keeps its own records.

It lives in the evaluator process, the only place where anchors, answers and verdicts meet.
"""

from __future__ import annotations

import importlib
import json
import os
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import numpy as np

from ratchet.core.codec import to_data
from ratchet.core.config import nearest
from ratchet.core.errors import ConfigError, EvaluatorError, TamperedError
from ratchet.core.evidence import ItemScore
from ratchet.core.task import Task, Verdict
from ratchet.guard.anchors import AnchorKey
from ratchet.guard.batches import Batches
from ratchet.guard.charter import Charter
from ratchet.guard.contamination import Inspector
from ratchet.guard.messages import (
    ERRORS,
    FINAL,
    RECORDS,
    Draw,
    Drawn,
    Inspect,
    Inspected,
    Open,
    Opened,
    Prompt,
    Score,
    Scored,
)
from ratchet.guard.protected import changed, digests, evaluator_files, hash_digests
from ratchet.guard.records import Records
from ratchet.worlds.protocol import Stream, World
from ratchet.worlds.rows import TableTerms


class Examiner:
    """One charter, one seed, one folder. Every refusal is an EvaluatorError or a ConfigError."""

    def __init__(self, request: Open) -> None:
        self._path = Path(request.charter)
        self._charter = Charter.read(self._path)
        self._seed = request.seed
        self._folder = Path(request.folder)
        self._hash = request.charter_hash
        self._require_same_charter()
        self._world = _load_world(self._charter.world, self._charter.table)
        self._key = AnchorKey.derive(self._charter.fixed_hash, self._seed)
        # The order of a table is not part of the charter's hash, so it may not shape a draw.
        self._families = dict(sorted(self._charter.families.items()))
        self._levels = dict(sorted(self._charter.levels.items()))
        self._require_known_weights()
        self._batches = Batches(self._key, self._families, self._take)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._records = Records(self._folder / RECORDS)
        declared = self._charter.benchmarks
        self._inspector = Inspector(self._world, declared, self._path)
        for prompt in self._records.drawn:
            self._inspector.learn(prompt)
        self._files = evaluator_files(self._world, declared.files(self._path) if declared else ())
        self._digests = digests(self._files)
        self.opened = Opened(
            self._hash,
            self._world.name,
            tuple(self._world.families),
            hash_digests(self._digests),
            self._knows_reserved(),
            self._records.mark,
        )

    def draw(self, request: Draw) -> Drawn:
        """Return the prompts of a draw."""
        anchors = self._anchors(request)
        return Drawn(tuple(Prompt(self._key.conceal(task.id), task.prompt) for task in anchors))

    def score(self, request: Score) -> Scored:
        """Mark the answers to a draw and record them."""
        anchors = self._anchors(request)
        if len(request.answers) != len(anchors):
            raise EvaluatorError(
                f"{len(request.answers)} answers to {len(anchors)} prompts",
                "give one answer per prompt, in order; an empty text is an answer",
            )
        verdicts = [
            self._check(task, text) for task, text in zip(anchors, request.answers, strict=True)
        ]
        mark = self._records.add(
            {
                "kind": "score",
                "label": request.label,
                "stream": request.stream,
                "draw": request.draw,
                "batch": request.batch,
                "families": list(request.families),
                "item": self._key.conceal(task.id),
                "family": task.family,
                "level": task.level,
                "prompt": task.prompt,
                "answer": answer,
                "verdict": to_data(verdict),
            }
            for task, answer, verdict in zip(anchors, request.answers, verdicts, strict=True)
        )
        return Scored(
            tuple(
                ItemScore(self._key.conceal(t.id), t.family, float(v.reward), bool(v.parsed))
                for t, v in zip(anchors, verdicts, strict=True)
            ),
            mark,
        )

    def inspect(self, request: Inspect) -> Inspected:
        """Count what training must not have held; TamperedError if this process was touched."""
        self._require_same_charter()
        if touched := changed(self._digests, self._files):
            raise TamperedError(
                "evaluator_changed",
                f"the evaluator is not what this run started with: {', '.join(touched[:3])}",
                "restore the files, then start a new run: ratchet run",
            )
        with self._in_world("parse"):
            prompts = Counter(filter(None, map(self._inspector.prompt, request.prompts)))
        texts = Counter(filter(None, map(self._inspector.text, request.texts)))
        return Inspected(dict(prompts), dict(texts))

    def _knows_reserved(self) -> bool:
        """Plant one anchor and one open task: say whether the world tells them apart."""
        rng = self._key.rng(Stream.AUDIT, 0, family="planted")
        with self._in_world("anchors"):
            anchors = self._world.anchors(rng, 1, Stream.AUDIT, self._families, self._levels)
            planted = [self._inspector.prompt(task.prompt) for task in anchors]
        with self._in_world("tasks"):
            opened = [self._inspector.prompt(task.prompt) for task in self._world.tasks(rng, 1)]
        if "reserved" in opened:
            raise EvaluatorError(
                f"world {self._world.name!r} takes an open task for a reserved one",
                f"correct {self._charter.world}: tasks() and parse() share one partition",
            )
        return planted == ["reserved"]

    def _anchors(self, request: Draw | Score) -> list[Task]:
        """Return the anchors of a draw; their prompts are recorded when they are first drawn."""
        self._require_same_charter()
        if request.stream is Stream.FINAL:
            self._open_final(request.sealed)
        anchors, new = self._batches.get(request)
        if new:
            for task in anchors:
                self._inspector.learn(task.prompt)
            self._records.add(
                {
                    "kind": "draw",
                    "stream": request.stream,
                    "draw": request.draw,
                    "item": self._key.conceal(task.id),
                    "prompt": task.prompt,
                }
                for task in anchors
            )
        return anchors

    def _take(
        self, rng: np.random.Generator, n: int, stream: Stream, families: Mapping[str, float]
    ) -> list[Task]:
        """Draw from the world, and hold it to its contract."""
        with self._in_world("anchors"):
            anchors = list(self._world.anchors(rng, n, stream, families, self._levels))
        if len(anchors) > n or len({task.id for task in anchors}) < len(anchors):
            raise EvaluatorError(
                f"world {self._world.name!r} drew an anchor twice or more than were asked for",
                f"correct {self._charter.world}: anchors() yields at most n distinct tasks",
            )
        return anchors

    def _check(self, task: Task, answer: str) -> Verdict:
        with self._in_world("check"):
            verdict = self._world.check(task, answer)
        if not isinstance(verdict, Verdict) or not 0.0 <= verdict.reward <= 1.0:
            raise EvaluatorError(
                f"world {self._world.name!r} gave no verdict with a reward in [0, 1]",
                f"correct {self._charter.world}: check() states its map to [0, 1]",
            )
        return verdict

    def _open_final(self, sealed: str) -> None:
        """Bind the final stream to what is measured on it, once and for good."""
        if not sealed:
            raise EvaluatorError(
                "the final stream opens only for named states",
                "pass sealed=, a hash that binds the closing states",
            )
        path = self._folder / FINAL
        binding = {"sealed": sealed, "charter": self._charter.fixed_hash, "seed": self._seed}
        if not path.exists():
            draft = path.with_suffix(".draft")
            with draft.open("w", encoding="utf-8") as file:
                json.dump(binding, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            return
        try:
            found = json.loads(path.read_bytes())
        except ValueError as error:
            raise EvaluatorError(f"{path} is damaged", "restore it from a copy") from error
        if found != binding:
            raise EvaluatorError(
                "the final stream was opened for other states and does not open again",
                "report the result it was opened for, or start a new run: ratchet run",
            )

    def _require_known_weights(self) -> None:
        """Refuse families and levels that the world lacks before anything is measured."""
        known = ", ".join(self._world.families)
        for family in self._families:
            if family not in self._world.families:
                close = nearest(family, list(self._world.families))
                raise EvaluatorError(
                    f"{self._path}: unknown family {family!r}{close}", f"use one of {known}"
                )
        try:
            rng = self._key.rng(Stream.AUDIT, 0)
            self._world.anchors(rng, 0, Stream.AUDIT, self._families, self._levels)
        except Exception as error:
            traceback.print_exc()
            raise EvaluatorError(
                f"{self._path}: {type(error).__name__}: {error}", f"correct {self._path}"
            ) from error

    def _require_same_charter(self) -> None:
        try:
            found = Charter.read(self._path).hash
        except ConfigError as error:
            found = f"unreadable: {error.message}"
        if found != self._hash:
            raise TamperedError(
                "charter_changed",
                f"{self._path} is not the charter this run started with",
                "restore the charter, or start a new run under the new one: ratchet run",
            )

    @contextmanager
    def _in_world(self, verb: str) -> Iterator[None]:
        """Name the class of what a world raises; its message may quote an anchor and stays here."""
        try:
            yield
        except Exception as error:
            traceback.print_exc()
            raise EvaluatorError(
                f"world {self._world.name!r} raised {type(error).__name__} in {verb}()",
                f"read {self._folder / ERRORS}",
            ) from error


def _load_world(place: str, table: TableTerms | None) -> World:
    module, _, name = place.partition(":")
    given = () if table is None else (table,)
    hint = f"check that Python can import {module} and call {name}() without arguments"
    if given:
        hint = "give the charter a table that is there and unchanged, and a world that takes one"
    try:
        world = getattr(importlib.import_module(module), name)(*given)
    except Exception as error:
        traceback.print_exc()
        message = f"world {place!r} does not load: {type(error).__name__}: {error}"
        raise EvaluatorError(message, hint) from error
    lacking = [a for a in ("name", "families", "anchors", "check") if not hasattr(world, a)]
    if lacking:
        raise EvaluatorError(f"{place!r} is not a world: it has no {', '.join(lacking)}", hint)
    return cast(World, world)
