"""Speakers without a model: what they do with a draft is known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.diagnose.drag.speaker import Request, Said
from ratchet.worlds.arithmetic import solve_exactly

_PROBLEM = re.compile(r"Problem: (.*)\n")
_DRAFT = re.compile(r"Draft(?: \d)?: (-?\d+)\n")


@dataclass(frozen=True)
class Guesser:
    """Right with a chance of its own for each problem; leans on the last draft if it shall."""

    lean: float = 0.0
    name: str = "guesser"
    asked: list[str] | None = None

    def complete(self, prompts: Sequence[str], request: Request) -> list[list[Said]]:
        seed = Seed(request.seed)
        return [
            [self._say(prompt, seed.child(place, draw).rng()) for draw in range(request.n)]
            for place, prompt in enumerate(prompts)
        ]

    def _say(self, prompt: str, rng: np.random.Generator) -> Said:
        if self.asked is not None:
            self.asked.append(prompt)
        body = prompt.rpartition("\n\n")[2]
        problem = _PROBLEM.findall(body)[-1]
        truth = solve_exactly(problem)
        assert truth is not None
        chance = Seed(5).child(problem).rng().random()
        answer = truth if rng.random() < chance else truth + int(rng.integers(1, 6))
        drafts = _DRAFT.findall(body)
        verdict = " wrong"
        if drafts and rng.random() < self.lean:
            answer, verdict = int(drafts[-1]), " right"
        text = f"{verdict}\nAnswer: {answer}" if body.endswith("Verdict:") else f" {answer}"
        return Said(text, False, len(prompt), len(text), 0.0)
