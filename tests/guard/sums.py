"""Small worlds for the evaluator's tests, importable by its process, and solvers for them."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ratchet.core.codec import hash_text
from ratchet.core.seeds import Seed
from ratchet.core.task import Rejection, Task, Verdict
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.protocol import Stream

FAMILIES = {"small": range(0, 40), "large": range(40, 80)}


class Sums:
    """``a + b`` below 80; the two families differ in the size of ``a``."""

    name = "sums"
    families = tuple(FAMILIES)

    def tasks(
        self, rng: np.random.Generator, n: int, level: int | None = None, family: str | None = None
    ) -> list[Task]:
        return self._draw(rng, n, None, {family or "small": 1.0})

    def check(self, task: Task, answer: str) -> Verdict:
        found = re.search(r"-?\d+", answer)
        passed = found is not None and int(found[0]) == truth(task.prompt)
        return Verdict(float(passed), passed, found is not None, "exact")

    def parse(self, text: str) -> Task | Rejection:
        return Rejection("closed", text[:200])

    def anchors(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream,
        families: Mapping[str, float],
        levels: Mapping[int, float],
    ) -> Sequence[Task]:
        if set(levels) != {1}:
            raise ValueError(f"unknown level {max(levels)}")
        return self._draw(rng, n, stream, families)

    def _draw(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream | None,
        families: Mapping[str, float],
    ) -> list[Task]:
        drawn: list[Task] = []
        for family, weight in families.items():
            forms = [f"{a}+{b}" for a in FAMILIES[family] for b in range(80)]
            pool = [form for form in forms if reserved_stream(self.name, form) == stream]
            chosen = rng.permutation(len(pool))[: round(n * weight)]
            drawn += [_task(pool[i], family) for i in chosen]
        return drawn


class Raising(Sums):
    """Its checker fails, and says on what."""

    def check(self, task: Task, answer: str) -> Verdict:
        raise ZeroDivisionError(f"no idea about {task.prompt}")


class Dying(Sums):
    """Its checker takes the process with it."""

    def check(self, task: Task, answer: str) -> Verdict:
        os._exit(7)


class Hanging(Sums):
    """Its checker waits for what never comes."""

    def check(self, task: Task, answer: str) -> Verdict:
        read, _write = os.pipe()
        os.read(read, 1)
        return super().check(task, answer)


class Noisy(Sums):
    """It prints and reads where the protocol runs."""

    def check(self, task: Task, answer: str) -> Verdict:
        print("printed", task.prompt, flush=True)
        os.write(1, b"written\n")
        assert sys.stdin.read() == ""
        return super().check(task, answer)


class Overpaid(Sums):
    """Its rewards leave [0, 1]."""

    def check(self, task: Task, answer: str) -> Verdict:
        return Verdict(float("nan"), True, True, "exact")


class Repeating(Sums):
    """It draws one anchor again and again."""

    def anchors(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream,
        families: Mapping[str, float],
        levels: Mapping[int, float],
    ) -> Sequence[Task]:
        return list(super().anchors(rng, 4, stream, families, levels)[:1]) * n


class Inside(Sums):
    """Its one prompt tells what the process knows."""

    def anchors(
        self,
        rng: np.random.Generator,
        n: int,
        stream: Stream,
        families: Mapping[str, float],
        levels: Mapping[int, float],
    ) -> Sequence[Task]:
        seen = {
            "environment": dict(os.environ),
            "modules": sorted(sys.modules),
            "folder": str(Path.cwd()),
            "path": sys.path,
        }
        return [Task("inside", self.name, json.dumps(seen), "small", 1)]


class Adder:
    """Answers right."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def answer(self, prompts: Sequence[str], seed: Seed) -> list[str]:
        self.prompts = list(prompts)
        return [str(truth(prompt)) for prompt in prompts]


class Constant:
    """Answers the same to everything."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.prompts: list[str] = []

    def answer(self, prompts: Sequence[str], seed: Seed) -> list[str]:
        self.prompts = list(prompts)
        return [self.text for _ in prompts]


def truth(prompt: str) -> int:
    a, b = re.findall(r"\d+", prompt)[:2]
    return int(a) + int(b)


def _task(form: str, family: str) -> Task:
    a, b = form.split("+")
    return Task(hash_text(f"sums {form}"), "sums", f"What is {a} plus {b}?", family, 1)
