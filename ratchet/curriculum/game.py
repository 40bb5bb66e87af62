"""A simulation of Language Self-Play in a table: when does the challenger collapse into nonsense?

A solver of six families has a chance of a right answer by family and level. A challenger is a
softmax over all tasks and over texts that are none, on which every attempt fails; it is paid -V,
and weight * V_Q for the quality of its query: 1 for a task, 2/7 for nonsense (`verify.quality`'s
rule). Constants are arbitrary; the judge is given, sharp and free of noise; roles share nothing.
No language model is in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratchet.core.seeds import Seed

Array = npt.NDArray[np.float64]
FAMILIES, LEVELS, NONSENSE = 6, 8, 24
"""Kinds of task, difficulties of each, and texts that are no task."""
_SLOPE, _EASE, _RARE = 0.9, 0.8, -2.5
_NEAT = 2.0 / 7.0
_TAIL = 10


@dataclass(frozen=True)
class Outcome:
    """What came of a game."""

    base: float
    """Mean chance of a right answer over all tasks at the start."""
    score: float
    """The same at the end."""
    nonsense: float
    """Share of queries that are no task, over the last ten steps."""
    signal: float
    """Share of queries with both passes and failures, over the last ten steps."""
    silent_from: int
    """First step after which no ten steps in a row have signal in a twentieth of the queries; the
    number of steps if there is none."""


def play_game(
    beta: float,
    quality: float,
    seed: Seed,
    *,
    trained: bool = True,
    steps: int = 150,
    queries: int = 48,
    attempts: int = 8,
    challenger_lr: float = 8.0,
    solver_lr: float = 1.0,
) -> Outcome:
    """Play: policy gradients of both roles without division by a deviation; ``beta`` weighs the
    challenger's exact KL to its first state. ``quality`` 0 is LSP-Zero; ``trained=False`` leaves
    the challenger as it is."""
    rng = seed.rng()
    skill = rng.normal(0.5, 0.3, FAMILIES)
    tasks = FAMILIES * LEVELS
    first = np.concatenate(
        [np.tile(-_EASE * np.arange(LEVELS), FAMILIES), np.full(NONSENSE, _RARE)]
    )
    challenger = first.copy()
    base = float(_chances(skill).mean())
    worth = np.concatenate([np.ones(tasks), np.full(NONSENSE, _NEAT)])
    silly, signal = [], []
    for _ in range(steps):
        share = _softmax(challenger)
        asked = rng.choice(len(share), queries, p=share)
        posed = asked < tasks
        chance = np.concatenate([_chances(skill).ravel(), np.zeros(NONSENSE)])[asked]
        passed = rng.random((queries, attempts)) < chance[:, None]
        value = passed.mean(axis=1)
        silly.append(float(1.0 - posed.mean()))
        signal.append(float(((value > 0.0) & (value < 1.0)).mean()))
        pull = ((passed - value[:, None]) * (passed - chance[:, None])).mean(axis=1) * posed
        np.add.at(skill, np.where(posed, asked, 0) // LEVELS, solver_lr * pull / queries)
        if trained:
            earned = -value + quality * worth[asked]
            advantage = earned - earned.mean()
            gradient = np.bincount(asked, advantage, len(share)) / queries
            gap = np.log(share) - np.log(_softmax(first))
            held = beta * share * (gap - share @ gap)
            challenger = challenger + challenger_lr * (gradient - held)
    return Outcome(
        base,
        float(_chances(skill).mean()),
        float(np.mean(silly[-_TAIL:])),
        float(np.mean(signal[-_TAIL:])),
        _silence(signal),
    )


def _silence(signal: list[float]) -> int:
    """Return where the last stretch of ten steps with signal ends."""
    window = np.convolve(signal, np.full(_TAIL, 1.0 / _TAIL), "valid")
    heard = np.flatnonzero(window >= 0.05)
    return int(heard[-1]) + _TAIL if len(heard) else 0


def _chances(skill: Array) -> Array:
    """Return the chance of a right answer by family and level."""
    logits: Array = skill[:, None] - _SLOPE * (np.arange(LEVELS) - 1.0)
    chances: Array = 1.0 / (1.0 + np.exp(-logits))
    return chances


def _softmax(logits: Array) -> Array:
    raised = np.exp(logits - logits.max())
    shares: Array = raised / raised.sum()
    return shares
