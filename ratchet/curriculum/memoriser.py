"""A simulation of a self-play that runs out of what it can learn, in tables, in seconds.

A learner answers questions of a few templates. What it knows has two parts: a table by template,
which serves unseen questions too, and a table by question, which serves that one alone. A proposer
that is paid for uncertainty moves from easy templates to hard ones until there are none left; then
rounds repeat, and labels that are pluralities keep teaching what the learner gets wrong for
certain. No language model is in it; its constants are arbitrary. It is for the signs that come
before a peak (`diagnose.information_gain`), with texts as a round would leave them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratchet.core.seeds import Seed
from ratchet.curriculum.difficulty import uncertainty

Array = npt.NDArray[np.float64]
_FORMS = (
    *("{a} + {b}", "{a} - {b}", "{a}0 + {b}0", "{a} + {b} - {c}", "{a} * {b}", "{a} * {b} + {c}"),
    *("({a} + {b}) * {c}", "{a} - {b} * {c}", "({a} - {b}) * (7 - {c})", "{a} * {b} - {c} * 3"),
    *("{a} * ({b} + 4 * {c})", "(({a} + 2) * {b} - {c}) * 5"),
)
"""Templates, easiest first."""
TEMPLATES, ANSWERS, ATTEMPTS = len(_FORMS), 4, 8
HELD = 32
"""Unseen questions that are tried anew in every round."""
_EASIEST, _SLOPE, _SETTLED = 2.0, 0.35, 2.0


@dataclass(frozen=True)
class Setting:
    """What kind of course it is."""

    questions: int = 24
    """Questions of a template that the proposer can write: few are memorised."""
    misled: float = 0.3
    """Share of questions whose answer the learner gets wrong in one and the same way at first."""
    truth: bool = False
    """Whether labels are the truth; else the commonest of the attempts."""
    pace: float = 8.0
    """How strongly the proposer prefers the templates that were uncertain when last asked."""
    lr: float = 12.0
    """Step size of the table by template; that by question has five times as much."""
    rounds: int = 20
    """Rounds."""
    asked: int = 192
    """Questions in a round."""


@dataclass(frozen=True)
class Round:
    """What one round leaves behind."""

    texts: tuple[tuple[str, str], ...]
    """Questions and the answers they were labelled with."""
    score: float
    """Mean chance of a right answer to unseen questions of all templates, after the round."""
    held: tuple[float, ...] = ()
    """Share of right attempts at each of a few unseen questions, the same in every round."""


def memorise(setting: Setting, seed: Seed) -> list[Round]:
    """Play a course and return its rounds."""
    rng, s = seed.rng(), setting
    shared = np.zeros((TEMPLATES, ANSWERS))
    shared[:, 0] = _EASIEST - _SLOPE * np.arange(TEMPLATES)
    own, unseen = (_mislead(s, rng) for _ in range(2))
    words = [[_write(form, rng) for _ in range(s.questions)] for form in _FORMS]
    worth = 1.0 - 0.2 * np.arange(TEMPLATES, dtype=np.float64)
    trials = seed.child("held").rng()
    tried = np.arange(HELD) % TEMPLATES, trials.integers(s.questions, size=HELD)
    rounds = []
    for _ in range(s.rounds):
        templates = rng.choice(TEMPLATES, s.asked, p=_softmax(s.pace * worth))
        places = rng.integers(s.questions, size=s.asked)
        chances = _softmax(shared[templates] + own[templates, places])
        drawn = (rng.random((s.asked, ATTEMPTS, 1)) > chances.cumsum(1)[:, None, :-1]).sum(2)
        counts = (drawn[:, :, None] == np.arange(ANSWERS)).sum(1)
        labels = np.zeros(s.asked, dtype=np.int64) if s.truth else counts.argmax(1)
        rates = counts[np.arange(s.asked), labels] / ATTEMPTS
        for at in np.flatnonzero((rates > 0.0) & (rates < 1.0)):
            here, place = templates[at], places[at]
            pull = (np.eye(ANSWERS)[labels[at]] - chances[at]) / s.asked
            shared[here] += s.lr * pull
            own[here, place] += 5.0 * s.lr * pull
        paid = np.array([uncertainty(rate) for rate in rates])
        met = np.bincount(templates, minlength=TEMPLATES)
        seen = np.bincount(templates, paid, TEMPLATES) / np.maximum(met, 1)
        worth = np.where(met > 0, seen, worth)
        texts = tuple(
            (words[t][p][0], str(words[t][p][1] + int(label)))
            for t, p, label in zip(templates, places, labels, strict=True)
        )
        right = _softmax(shared[:, None] + unseen)[..., 0]
        held = trials.binomial(ATTEMPTS, right[tried]) / ATTEMPTS
        rounds.append(Round(texts, float(right.mean()), tuple(held.tolist())))
    return rounds


def _mislead(s: Setting, rng: np.random.Generator) -> Array:
    """Return logits by question: some have a wrong answer that they settle on."""
    own = np.zeros((TEMPLATES, s.questions, ANSWERS))
    wrong = rng.integers(1, ANSWERS, (TEMPLATES, s.questions))
    strength = _SETTLED * (rng.random((TEMPLATES, s.questions)) < s.misled)
    np.put_along_axis(own, wrong[..., None], strength[..., None], axis=2)
    return own


def _write(form: str, rng: np.random.Generator) -> tuple[str, int]:
    a, b, c = rng.integers(2, 10, 3).tolist()
    return form.format(a=a, b=b, c=c), int(a * b + 7 * c)


def _softmax(logits: Array) -> Array:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Array = raised / raised.sum(axis=-1, keepdims=True)
    return shares
