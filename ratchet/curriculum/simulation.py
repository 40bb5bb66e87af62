"""Simulations of co-evolution in a table, in seconds. What they show holds for their constants'
signs alone: nothing here is a language model.

`teach_under_noise`: does a policy learn from verdicts with a given Youden's J? `co_evolve`: does a
proposer that seeks uncertainty help or hurt, as the solver's errors become systematic? Results and
the command: docs/simulations.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratchet.core.seeds import Seed
from ratchet.curriculum.difficulty import uncertainty

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

GOOD, BAD = 3, 7
"""Answers that are right and wrong, equally likely at the start: 30% right."""
FAMILIES, LEVELS, ANSWERS = 6, 8, 5
"""Kinds of task, difficulties of each, and answers to each: one right, four wrong."""
ATTEMPTS, BAND = 10, (0.3, 0.8)
_SLOPE, _RARE = 0.9, -1.0
_EASE, _FAVOUR, _PENALTY, _PROPOSER_LR = 1.5, 2.0, 3.0, 3.0


def teach_under_noise(
    j: float, seed: Seed, steps: int = 400, group: int = 16, lr: float = 0.1
) -> float:
    """Return the share of right answers after policy gradient on noisy verdicts.

    TPR = (1 + j) / 2 and FPR = (1 - j) / 2; groups are standardised, as in GRPO. ``j`` in [-1, 1].
    """
    rng, logits = seed.rng(), np.zeros(GOOD + BAD)
    for _ in range(steps):
        chances = _softmax(logits)
        drawn = rng.choice(GOOD + BAD, group, p=chances)
        passes = np.where(drawn < GOOD, (1.0 + j) / 2.0, (1.0 - j) / 2.0)
        advantages = _standardise((rng.random(group) < passes).astype(float))
        for answer, advantage in zip(drawn, advantages, strict=True):
            logits += lr / group * advantage * (np.eye(GOOD + BAD)[answer] - chances)
    return float(_softmax(logits)[:GOOD].sum())


@dataclass(frozen=True)
class Course:
    """What came of one simulated co-evolution."""

    score: float
    """Mean chance of a right answer over the whole grid, whatever was proposed."""
    label_accuracy: float
    """Share of right labels among the tasks kept in the first iteration."""
    pinned: tuple[float, ...]
    """Pass rate of the first solver on each iteration's proposals."""


def co_evolve(
    concentration: float,
    seed: Seed,
    *,
    trained: bool = True,
    oracle: bool = False,
    iterations: int = 3,
    proposer_steps: int = 30,
) -> Course:
    """Run proposer and solver against each other.

    ``concentration`` is the logit of one systematic wrong answer, at the start, where the other
    three have -1: low values scatter errors. Labels are pluralities of ten attempts, or the truth
    (``oracle``). The proposer is a softmax over family and level that starts with easy tasks of one
    family and is paid for uncertainty less its share of the batch.
    """
    rng = seed.rng()
    skill = rng.normal(1.5, 0.3, FAMILIES)
    solver = np.stack([skill, np.full(FAMILIES, concentration)])
    first = _answers(solver)
    proposer = np.tile(-_EASE * np.arange(LEVELS), FAMILIES) + np.repeat(
        [_FAVOUR, *[0.0] * (FAMILIES - 1)], LEVELS
    )
    accuracy, pinned = 0.0, []
    for iteration in range(iterations):
        if trained:
            for _ in range(proposer_steps):
                proposer = _teach_proposer(proposer, _answers(solver), rng)
        tasks = rng.choice(FAMILIES * LEVELS, 512, p=_softmax(proposer))
        pinned.append(float(first.reshape(-1, ANSWERS)[tasks, 0].mean()))
        labels, rates = _label(tasks, _answers(solver), rng, oracle)
        kept = np.flatnonzero((rates >= BAND[0]) & (rates <= BAND[1]))
        if iteration == 0 and len(kept):
            accuracy = float((labels[kept] == 0).mean())
        for _ in range(40 if len(kept) else 0):
            batch = rng.choice(kept, 64)
            solver = _teach_solver(solver, tasks[batch], labels[batch], rng)
    return Course(float(_answers(solver)[..., 0].mean()), accuracy, tuple(pinned))


def _answers(solver: Array) -> Array:
    """Return the chance of each answer by family and level; answer 0 is right, 1 systematic."""
    logits = np.full((FAMILIES, LEVELS, ANSWERS), _RARE)
    logits[..., 0] = solver[0][:, None] - _SLOPE * (np.arange(LEVELS) - 1.0)
    logits[..., 1] = solver[1][:, None]
    return _softmax(logits)


def _draw(tasks: Whole, chances: Array, rng: np.random.Generator) -> Whole:
    """Return ten answers to each task."""
    below = np.cumsum(chances.reshape(-1, ANSWERS)[tasks], axis=1)
    uniform = rng.random((len(tasks), ATTEMPTS, 1)) * below[:, None, -1:]
    drawn: Whole = (uniform >= below[:, None, :]).sum(axis=2)
    return drawn


def _label(
    tasks: Whole, chances: Array, rng: np.random.Generator, oracle: bool
) -> tuple[Whole, Array]:
    """Return each task's label and the share of attempts that give it."""
    drawn = _draw(tasks, chances, rng)
    counts = (drawn[:, :, None] == np.arange(ANSWERS)).sum(axis=1)
    labels = np.zeros(len(tasks), dtype=np.int64) if oracle else counts.argmax(axis=1)
    return labels, counts[np.arange(len(tasks)), labels] / ATTEMPTS


def _teach_proposer(proposer: Array, chances: Array, rng: np.random.Generator) -> Array:
    share = _softmax(proposer)
    tasks = rng.choice(len(proposer), 128, p=share)
    _, rates = _label(tasks, chances, rng, oracle=False)
    crowd = np.bincount(tasks, minlength=len(proposer))[tasks] / len(tasks)
    earned = np.array([uncertainty(rate) for rate in rates]) - _PENALTY * crowd
    advantages = _standardise(np.maximum(earned, 0.0))
    gradient = np.bincount(tasks, advantages, len(proposer)) - advantages.sum() * share
    moved: Array = proposer + _PROPOSER_LR * gradient / len(tasks)
    return moved


def _teach_solver(solver: Array, tasks: Whole, labels: Whole, rng: np.random.Generator) -> Array:
    chances = _answers(solver)
    drawn = _draw(tasks, chances, rng)
    passed = (drawn == labels[:, None]).astype(float)
    spread = passed.std(axis=1, keepdims=True)
    advantages = (passed - passed.mean(axis=1, keepdims=True)) / (spread + 1e-6)
    here = chances.reshape(-1, ANSWERS)[tasks]
    moved = solver.copy()
    for row in (0, 1):
        gradient = (advantages * ((drawn == row) - here[:, row : row + 1])).mean(axis=1)
        np.add.at(moved[row], tasks // LEVELS, 1.0 * gradient / 8.0)
    return moved


def _standardise(values: Array) -> Array:
    result: Array = (values - values.mean()) / (values.std() + 1e-6)
    return result


def _softmax(logits: Array) -> Array:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Array = raised / raised.sum(axis=-1, keepdims=True)
    return shares
