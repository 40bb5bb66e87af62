"""A simulated solver of known rates: whether the estimators recover them. It is no model.

Each problem has a right answer and four equally likely wrong ones, all written as expressions. Its
base accuracy p is drawn from Beta(2, 2). A draft that is taken for right is copied, or copied with
one number changed, or ignored; else the solver answers as without any draft.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.diagnose.drag.curves import Chain
from ratchet.diagnose.drag.observations import CLEAN, Draft, Observations, Response

RIGHT = "8 * 3 + 9 - 3"
WRONGS = ("8 + 3 * 9 - 3", "(9 - 3) * 8 - 3", "9 * 3 - 8 / 3", "8 - 3 / (9 + 3)")
CHANGED = {
    RIGHT: "8 * 3 + 9 - 4",
    "8 * 3 + 9 - 4": "8 * 3 + 9 - 5",
    "8 * 3 + 9 - 5": "8 * 3 + 9 - 4",
    WRONGS[0]: "8 + 3 * 9 - 4",
    WRONGS[1]: "(9 - 3) * 8 - 4",
    WRONGS[2]: "9 * 3 - 8 / 4",
    WRONGS[3]: "8 - 3 / (9 + 4)",
}
CHANGED |= {changed: kept for kept, changed in CHANGED.items() if kept in WRONGS}
"""Each answer with its last number changed; none of them is right."""


@dataclass(frozen=True)
class Rates:
    """What the simulated solver does."""

    copy: float = 0.4
    """Chance that a draft taken for right is copied."""
    mutate: float = 0.2
    """Chance that it is copied with one number changed."""
    detect: float = 0.3
    """Chance to notice that a wrong draft is wrong."""
    doubt: float = 0.1
    """Chance to take a right draft for wrong."""
    labelled: float = 0.8
    """Chance to notice it where the prompt says so."""

    def harm(self, detect: float) -> float:
        """Return the share of accuracy that survives one wrong draft."""
        return 1.0 - (1.0 - detect) * (self.copy + self.mutate)

    def after_right(self, p: float) -> float:
        """Return the accuracy after one right draft."""
        ignored = 1.0 - self.copy - self.mutate
        return self.doubt * p + (1.0 - self.doubt) * (self.copy + ignored * p)


@dataclass
class Solver:
    """Answers one problem of base accuracy p."""

    rates: Rates
    p: float
    rng: np.random.Generator
    problem: str
    drawn: int = 0

    def clean(self) -> str:
        """Return an answer without a draft."""
        if self.rng.random() < self.p:
            return RIGHT
        return WRONGS[int(self.rng.integers(len(WRONGS)))]

    def respond(
        self, condition: str, drafts: Sequence[Draft] = (), detect: float | None = None
    ) -> Response:
        """Return a response to these drafts; ``detect`` replaces the rate of noticing."""
        answer, verdict = self.clean(), None
        for draft in drafts:
            noticed = self.rates.detect if detect is None else detect
            verdict = not self.rng.random() < (self.rates.doubt if draft.right else noticed)
            u = self.rng.random()
            if verdict and u < self.rates.copy + self.rates.mutate:
                answer = draft.answer if u < self.rates.copy else CHANGED[draft.answer]
                break
        self.drawn += 1
        return Response(
            self.problem,
            condition,
            f"{self.problem}/{condition}/{self.drawn}",
            answer,
            answer,
            answer == RIGHT,
            tuple(draft.id for draft in drafts),
            verdict,
            prompt_tokens=40 + 15 * len(drafts),
            tokens=12,
        )


def simulate(
    rates: Rates, rng: np.random.Generator, problems: int = 120, samples: int = 4
) -> Observations:
    """Return the observations of one simulated study."""
    drafts: dict[str, Draft] = {}
    responses: list[Response] = []
    for index in range(problems):
        name = f"p{index}"
        solver = Solver(rates, float(rng.beta(2, 2)), rng, name)
        first, second = (WRONGS[int(i)] for i in rng.permutation(len(WRONGS))[:2])
        wrong = Draft(f"{name}/w1", name, first, first, False)
        other = Draft(f"{name}/w2", name, second, second, False)
        right = Draft(f"{name}/r1", name, RIGHT, RIGHT, True)
        drafts |= {draft.id: draft for draft in (wrong, other, right)}
        for _ in range(samples):
            responses += [
                solver.respond(CLEAN),
                solver.respond("wrong_1", [wrong]),
                solver.respond("wrong_2", [wrong, other]),
                solver.respond("right_1", [right]),
                solver.respond("labelled", [wrong], detect=rates.labelled),
            ]
    names = tuple(f"p{index}" for index in range(problems))
    return Observations(names, drafts, responses)


def simulate_chains(
    rates: Rates, rng: np.random.Generator, problems: int = 120, rounds: int = 6, fresh: int = 12
) -> tuple[list[Chain], dict[str, Sequence[Response]]]:
    """Return chains in which each round sees the answer before, and fresh clean samples."""
    chains: list[Chain] = []
    spare: dict[str, Sequence[Response]] = {}
    for index in range(problems):
        name = f"p{index}"
        solver = Solver(rates, float(rng.beta(2, 2)), rng, name)
        steps = [solver.respond(CLEAN)]
        for _ in range(rounds - 1):
            before = steps[-1].answer
            draft = Draft(f"{name}/{len(steps)}", name, before, before, steps[-1].passed)
            steps.append(solver.respond("append", [draft]))
        chains.append(Chain(name, tuple(steps)))
        spare[name] = [solver.respond(CLEAN) for _ in range(fresh)]
    return chains, spare


def expectation(value: Callable[[float], float]) -> float:
    """Return the mean of a function of p under Beta(2, 2), by the midpoint rule."""
    grid = (np.arange(4000) + 0.5) / 4000
    weights = 6.0 * grid * (1.0 - grid) / 4000
    return float(sum(w * value(float(p)) for w, p in zip(weights, grid, strict=True)))
