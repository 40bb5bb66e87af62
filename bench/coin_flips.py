"""How far coin flips move a policy: ``python -m bench.coin_flips [--json]``.

A solver's first generation on SmolLM2-135M, at several step sizes: once by the true reward, and in
mirrored pairs by coin flips (where one of a pair pays, the other does not). Two numbers separate
two stories. If rewards that carry no information teach something after all, both of a pair gain,
and the pair's mean stays above 0. If they only shake the policy, one of a pair gains what the other
loses: the mean is near 0 and the spread tells how much of a single run's gain may be luck.

Tasks are drawn evenly by family; accuracy is greedy, on other tasks of the families that leave room
for a change. This measures the update rule and its step size, not a whole run. A
generation takes about a minute and a half on two cores; by default there are eighteen.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
from dataclasses import dataclass, replace

from bench.paired import table
from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, Task
from ratchet.engine.local import LocalEngine
from ratchet.engine.protocol import Adapter, Optim
from ratchet.learn.adpo import adpo
from ratchet.learn.step import step
from ratchet.recipes.coevolution.procedures import list_procedures
from ratchet.solve.rollout import PolicySolver, rollout
from ratchet.verify.labels import Labelled, judge_groups, trace_labelled
from ratchet.worlds.arithmetic import Arithmetic

FAMILIES = ("one_digit", "precedence", "parentheses", "multi_step")
"""Families in which the untrained model is neither always right nor always wrong."""
PROCEDURE = list_procedures(32, 4)["few_shot_tool"]
WORLD = Arithmetic()


@dataclass(frozen=True)
class Line:
    """Change of accuracy in one generation, by step size."""

    rate: float
    """Learning rate."""
    reward: float
    """Gain by the true reward."""
    pairs: list[tuple[float, float]]
    """Gains of mirrored coin flips."""

    @property
    def mean(self) -> float:
        """Mean over pairs and their halves: what the flips teach."""
        return statistics.fmean(gain for pair in self.pairs for gain in pair)

    @property
    def spread(self) -> float:
        """Root mean square of half a pair's difference: what they shake."""
        return math.sqrt(statistics.fmean(((a - b) / 2) ** 2 for a, b in self.pairs))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rates", type=float, nargs="+", default=[5e-4, 2e-4])
    parser.add_argument("--pairs", type=int, default=4, help="mirrored pairs at each rate")
    parser.add_argument("--items", type=int, default=60, help="test tasks of each family")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    trial = Trial(options.threads, options.items)
    lines = []
    for rate in options.rates:
        flips = [trial.pair(rate, number) for number in range(options.pairs)]
        lines.append(Line(rate, trial.reward(rate), flips))
        if not options.json:
            told = ", ".join(f"{one:+.3f} and {other:+.3f}" for one, other in flips)
            print(f"  {rate:g}: reward {lines[-1].reward:+.3f}; pairs {told}", flush=True)
    rows = [
        {"rate": x.rate, "reward": x.reward, "flips_mean": x.mean, "flips_spread": x.spread}
        for x in lines
    ]
    if options.json:
        print(json.dumps({"base": trial.base, "items": len(trial.test), "rows": rows}))
        return
    print(f"accuracy before: {trial.base:.3f} of {len(trial.test)} tasks; gains of one generation")
    cells = [
        [f"{x.rate:g}", f"{x.reward:+.3f}", f"{x.mean:+.3f}", f"{x.spread:.3f}"] for x in lines
    ]
    print(table([["step size", "reward", "flips, mean", "flips, spread"], *cells]))


class Trial:
    """One set of attempts by the untrained model, from which every step starts."""

    def __init__(self, threads: int, items: int) -> None:
        self.engine = LocalEngine(threads=threads, micro_tokens=512)
        rng = Seed(1).child("coin_flips").rng()
        self.test = [t for f in FAMILIES for t in WORLD.tasks(rng, items, family=f)]
        self.tasks: list[Task] = [t for f in WORLD.families for t in WORLD.tasks(rng, 8, family=f)]
        self._create("base")
        self.attempts: list[list[Attempt]] = rollout(
            self.engine, "base", PROCEDURE, self.tasks, Seed(2), 8
        )
        self.base = self._accuracy("base")

    def reward(self, rate: float) -> float:
        """Return the gain of a generation that is paid for being right."""
        groups = judge_groups(WORLD, self.tasks, self.attempts, "execution", Seed(3))
        return self._train(groups, rate)

    def pair(self, rate: float, number: int) -> tuple[float, float]:
        """Return the gains of two generations that are paid by opposite coin flips."""
        groups = judge_groups(
            WORLD, self.tasks, self.attempts, "random", Seed(4).child("pair", number)
        )
        return self._train(groups, rate), self._train([_mirror(group) for group in groups], rate)

    def _train(self, groups: list[Labelled], rate: float) -> float:
        traces = [trace_labelled(g) for g in groups if 0.1 <= g.pass_rate <= 0.9]
        order = Seed(5).rng().permutation(len(traces))
        self._create("trained")
        for start in range(0, len(order), 8):
            batch = [traces[i] for i in order[start : start + 8]]
            step(self.engine, "trained", adpo(batch), Optim(rate))
        gain = self._accuracy("trained") - self.base
        self.engine.drop("trained")
        return gain

    def _create(self, name: str) -> None:
        self.engine.create(name, "smollm2", Adapter(16, 32.0), seed=1)

    def _accuracy(self, name: str) -> float:
        solver = PolicySolver(self.engine, name, PROCEDURE)
        answers = solver.answer([task.prompt for task in self.test], Seed(1))
        right = [WORLD.check(t, a).passed for t, a in zip(self.test, answers, strict=True)]
        return statistics.fmean(right)


def _mirror(group: Labelled) -> Labelled:
    verdicts = tuple(replace(v, reward=1.0 - v.reward, passed=not v.passed) for v in group.verdicts)
    return replace(group, verdicts=verdicts)


if __name__ == "__main__":
    main()
