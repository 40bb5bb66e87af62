"""What the self-judge of Language Self-Play is worth: does it tell tasks from texts that are none?

``python -m bench.judge [--model smollm2] [--tasks 40] [--bare]``: tasks with right and with wrong
answers, tasks spoiled in five ways with some number for an answer, and tasks answered by "I do not
know". AUC is the chance that one of the first is rated above one of the second, 0.5 where they are
not told apart, with a bootstrap interval over questions. ``--bare``: without the worked examples.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ratchet.core.seeds import Seed
from ratchet.core.task import Rejection
from ratchet.engine.local import LocalEngine
from ratchet.engine.protocol import Full
from ratchet.recipes.language_self_play.judging import SHOTS
from ratchet.verify.quality import Pair, Quality, SelfJudge
from ratchet.worlds.arithmetic import Arithmetic, solve_exactly

_OTHER = (
    *("the number of apples", "7 7 7 7", "x = y", "blue plus green"),
    *("what is the", "(((", "hello world", "3 + + 4 -"),
)
PARTS = ("instruction", "response", "mean")


def spoil(text: str, at: int) -> str:
    """Return a text that is no task any more, in one of five ways."""
    words = text.split()
    match at % 5:
        case 0:
            return text.replace(" ", " - * ", 1) if "*" not in text[:4] else f"{text} *"
        case 1:
            return text[: max(3, len(text) // 2)] + " ("
        case 2:
            return " ".join(reversed(words)) + " +"
        case 3:
            return _OTHER[at // 5 % len(_OTHER)]
    return text.replace(words[-1], "apples") if len(words) > 2 else f"{text} of"


def draw_pairs(n: int, seed: Seed) -> dict[str, list[Pair]]:
    """Return pairs of a question and an answer, by kind."""
    world, rng = Arithmetic(), seed.rng()
    tasks, others = world.tasks(rng, n), world.tasks(rng, n)
    spoiled = [spoil(task.prompt, at) for at, task in enumerate(others)]
    values = [(t.prompt, solve_exactly(t.prompt)) for t in tasks]
    right = [(prompt, value) for prompt, value in values if value is not None]
    wrong = [
        (prompt, value + int(rng.integers(1, 12)) * (1 if rng.random() < 0.5 else -1))
        for prompt, value in right
    ]
    none = [text for text in spoiled if isinstance(world.parse(text), Rejection)]
    return {
        "right": [(prompt, str(value)) for prompt, value in right],
        "wrong": [(prompt, str(value)) for prompt, value in wrong],
        "spoiled": [(text, str(rng.integers(1, 99))) for text in none],
        "unknown": [(prompt, "I do not know") for prompt, _ in right[: n // 2]],
    }


def auc(above: ArrayLike, below: ArrayLike) -> float:
    """Return the chance that one of the first exceeds one of the second; ties count half."""
    a, b = np.asarray(above)[:, None], np.asarray(below)[None]
    return float(((a > b) + 0.5 * (a == b)).mean())


def describe(above: Sequence[float], below: Sequence[float], rng: np.random.Generator) -> str:
    """Return the AUC with its interval."""
    drawn = [auc(rng.choice(above, len(above)), rng.choice(below, len(below))) for _ in range(500)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{auc(above, below):.2f} [{low:.2f}, {high:.2f}]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    engine = LocalEngine("cpu", "float32", 1)
    engine.create("first", given.model, Full())
    judge = SelfJudge(engine, "first", () if given.bare else SHOTS)
    pairs = draw_pairs(given.tasks, Seed(given.seed).child("judge"))
    rated: dict[str, list[Quality]] = {kind: judge(said) for kind, said in pairs.items()}
    print(
        "| criteria | right | wrong | spoiled | unknown | right over spoiled | over wrong "
        "| over unknown |\n|---|---|---|---|---|---|---|---|"
    )
    for part in PARTS:
        found = {k: [float(getattr(one, part)) for one in v] for k, v in rated.items()}
        means = " | ".join(f"{np.mean(values):.2f}" for values in found.values())
        rng = np.random.default_rng(0)
        told = (describe(found["right"], found[k], rng) for k in ("spoiled", "wrong", "unknown"))
        print(f"| {part} | {means} | {' | '.join(told)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
