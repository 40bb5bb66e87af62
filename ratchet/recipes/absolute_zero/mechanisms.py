"""What of Absolute Zero must be alive beside what co-evolution has, and what is seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ratchet.core.records import Trace
from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, StopReason, Task, Turn, Verdict
from ratchet.curriculum.buffer import Buffer, Kept
from ratchet.learn.step import Stepped
from ratchet.learn.task_relative import task_relative
from ratchet.learn.update import Update
from ratchet.loop.recipe import Context, Mechanism
from ratchet.recipes.absolute_zero.config import Config
from ratchet.recipes.coevolution.planted import Planted
from ratchet.recipes.coevolution.sealed import seals
from ratchet.verify.composite import composite
from ratchet.worlds.protocol import World

_EQUAL = 1e-6
_DRAWN, _FAR = 16, 100


def list_own(config: Config, task: Task) -> list[Mechanism]:
    """Return the mechanisms that are Absolute Zero's, with their planted triggers.

    ``task`` is an open one.
    """
    found = [
        Mechanism("reward.composite", lambda: _composes(config)),
        Mechanism("buffer.age", lambda: _remembers(config)),
    ]
    if config.proposer != "uniform":
        found.append(Mechanism("filter.sealed", partial(seals, task)))
    if config.baseline == "cell":
        found.append(Mechanism("baseline.cells", _centres))
    return found


def observe_step(
    context: Context, config: Config, update: Update, stepped: Stepped, both: bool
) -> None:
    """Report what one joint step shows: that cells of unequal means were centred one by one, and
    that the proposer, who shares the weights, learned in it."""
    if config.baseline == "cell" and update.measures["cell_spread"] > _EQUAL and update.signal:
        context.observe("baseline.cells", update.measures["cell_lead"] < _EQUAL)
    if both:
        context.observe("learner.proposer", stepped.grad_norm > 0)


def observe_composite(context: Context, config: Config, groups: Sequence[Sequence[Trace]]) -> None:
    """Report whether attempts that did not pass earn what their form earns."""
    failed = [t.verdict for group in groups for t in group if not t.verdict.passed]
    if failed:
        paid = ((v.reward, config.wrong if v.parsed else config.unread) for v in failed)
        context.observe("reward.composite", all(reward == due for reward, due in paid))


def observe_buffer(context: Context, buffer: Buffer, now: int) -> None:
    """Report whether what is oldest in the buffers has aged; births are never later than now."""
    ages = buffer.ages(now)
    if ages:
        context.observe("buffer.age", max(ages) > 0 <= min(ages))


def plant_deduction(world: World, seed: Seed) -> Planted:
    """Return an open deduction with a right and a wrong answer.

    The right one is found by asking the world: outputs are small numbers, or it draws another task.
    """
    for task in world.tasks(seed.rng(), _DRAWN, family="deduction"):
        for value in range(-_FAR, _FAR):
            if world.check(task, str(value)).passed:
                return Planted(task, f" {value}\n", f" {value + 10}\n")
    raise ValueError(f"no output of {_DRAWN} deductions is a small number")


def _composes(config: Config) -> bool:
    right, wrong = Verdict(1.0, True, True, "exact"), Verdict(0.0, False, True, "exact")
    verdicts = (right, wrong, replace(wrong, parsed=False))
    paid = [composite(verdict, config.wrong, config.unread) for verdict in verdicts]
    return paid == [1.0, config.wrong, config.unread]


def _remembers(config: Config) -> bool:
    """A task keeps its first birth, is drawn for its own mode only, and ages."""
    old, young = Kept("a", "old", "deduction", 1), Kept("b", "young", "deduction", 5)
    other = Kept("c", "other", "induction", 5)
    buffer = Buffer(limit=config.buffer_limit).add([old, young, other, replace(old, born=6)])
    shown = buffer.draw(Seed(0).rng(), 3, "deduction", 6, config.recall)
    return {one.text for one in shown} <= {"old", "young"} and buffer.ages(6)[0] == 5


def _centres() -> bool:
    """Two cells of unequal means must each be centred."""
    groups = [
        [_plant(role, family, reward) for reward in (low, low + 1.0)]
        for role, family, low in (("solver", "deduction", 0.0), ("proposer", "induction", -1.0))
    ]
    return task_relative(groups).measures["cell_lead"] < _EQUAL


def _plant(role: str, family: str, reward: float) -> Trace:
    turns = (Turn("user", "q", (1,)), Turn("policy", "a", (2,), (-1.0,)))
    attempt = Attempt("planted", "planted", turns, "a", StopReason.END)
    task = Task("planted", "planted", "", family, 1)
    return Trace(task, attempt, Verdict(reward, reward > 0, True, "exact"), role)
