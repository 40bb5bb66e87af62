"""Self-imitation of a table by SPIN and by the chi-square objective: which rewards stay bounded.

A policy over twenty texts imitates a target that favours a few of them, round after round from its
own last state, by steps on pairs of a target's draw and its own. The implicit reward of what was
drawn is read off exactly after every step.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, StopReason, Task, Turn, Verdict
from ratchet.diagnose.imitation import measure_gap
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.fake.characters import FIRST_ACTION
from ratchet.engine.protocol import Full, Optim
from ratchet.learn.chi_square import chi_square, implicit_rewards
from ratchet.learn.spin import spin
from ratchet.learn.step import step

Array = npt.NDArray[np.float64]
TEXTS, PAIRS, STEPS, LR = 20, 48, 80, 0.03
BOUND = 1.0
"""The most that the chi-square objective lets a reward differ from the mean."""
_OPTIM = Optim(LR, betas=(0.0, 0.99), max_grad_norm=0.0)
"""Without momentum, which carries a reward beyond its bound by ten steps' length."""
_PROMPT = (ord("?"),)


def compare_imitation(rounds: int, seed: Seed) -> dict[str, float]:
    """Return by rule the largest |r|, about its mean, the divergence left from the target, and the
    reward gap of the last round; and what is left to the bound, 5% of it allowed for steps."""
    rng = seed.child("target").rng()
    target = rng.dirichlet(np.full(TEXTS, 0.15)) * 0.98 + 0.02 / TEXTS
    found: dict[str, float] = {}
    for rule in ("spin", "chi_square"):
        found |= {f"{rule}_{k}": v for k, v in imitate(rule, target, rounds, seed).items()}
    found["difference"] = found["spin_largest"] - found["chi_square_largest"]
    found["margin"] = 1.05 * BOUND - found["chi_square_largest"]
    return found


def imitate(
    rule: Literal["spin", "chi_square"] | str, target: Array, rounds: int, seed: Seed
) -> dict[str, float]:
    """Play some rounds; the scale of rewards is 1."""
    engine = FakeEngine({"table": Tabular(tuple(f"t{i}" for i in range(TEXTS)), lambda text: "")})
    engine.create("policy", "table", Full())
    largest, gap = 0.0, 0.0
    for number in range(rounds):
        opponent = engine.pin("policy")
        rng = seed.child("draws", number).rng()
        before = _logs(engine, opponent)
        draws = [rng.choice(TEXTS, PAIRS, p=p / p.sum()) for p in (target, np.exp(before))]
        pairs = [(_trace(int(a)), _trace(int(b))) for a, b in zip(*draws, strict=True)]
        rows = [row.tokens for row in spin(pairs).batch.rows]
        then = engine.score(opponent, rows)
        for _ in range(STEPS):
            if rule == "spin":
                update = spin(pairs, scale=1.0).with_reference(then)
            else:
                rewards = implicit_rewards(pairs, engine.score("policy", rows), then, 1.0)
                update = chi_square(pairs, rewards, scale=1.0, penalty=1.0 / BOUND)
            step(engine, "policy", update, _OPTIM)
            reward = (_logs(engine, "policy") - before)[np.concatenate(draws)]
            largest = max(largest, float(np.abs(reward - reward.mean()).max()))
        gap = measure_gap(
            implicit_rewards(pairs, engine.score("policy", rows), then, 1.0), BOUND
        ).gap
        engine.drop(opponent)
    left = float((target * (np.log(target) - _logs(engine, "policy"))).sum())
    return {"largest": largest, "divergence": left, "gap": gap}


def _logs(engine: FakeEngine, policy: str) -> Array:
    rows = [(*_PROMPT, FIRST_ACTION + i) for i in range(TEXTS)]
    return np.array([one.logprobs[-1] for one in engine.score(policy, rows)])


def _trace(text: int) -> Trace:
    turns = (Turn("user", "?", _PROMPT), Turn("policy", f"t{text}", (FIRST_ACTION + text,), (0.0,)))
    attempt = Attempt("imitate", "target", turns, f"t{text}", StopReason.END)
    verdict = Verdict(1.0, True, True, "exact")
    return Trace(Task("imitate", "", "?", "imitation", 1), attempt, verdict, "imitator")
