"""The worlds that a co-evolution can stand on, with what its policies are shown of each.

The charter says which one it is, so that a run is trained on what it is measured on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ratchet.core.errors import ConfigError
from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.guard.charter import Charter
from ratchet.recipes.coevolution.planted import Planted
from ratchet.recipes.coevolution.procedures import SHOTS, Shot
from ratchet.worlds.arithmetic import Arithmetic, calculate, solve_exactly
from ratchet.worlds.gym import ReasoningGym, designate
from ratchet.worlds.gym.bank import answer_of, open_bank
from ratchet.worlds.protocol import World

_SUM = re.compile(r"[-+*/() \d]{5,}")


@dataclass(frozen=True)
class Ground:
    """A world and what is shown of it."""

    open: Callable[[Charter], World]
    """Opens the world that a charter measures."""
    shots: Callable[[World], Sequence[Shot]]
    """Worked examples for the solver; their tasks are open."""
    examples: Callable[[World], Sequence[str]]
    """Open proposals that the proposer is shown where the settings name none."""
    plant: Callable[[Task], Planted]
    """Puts answers whose verdicts are known beside a drawn task."""


def find_ground(charter: Charter, grounds: Mapping[str, Ground]) -> Ground:
    """Return the ground of the world that a charter measures. Raises ConfigError on another."""
    if charter.world not in grounds:
        raise ConfigError(
            f"this recipe does not know how to put the tasks of {charter.world}",
            f"name a --charter with world = one of {', '.join(grounds)}",
        )
    return grounds[charter.world]


def _plant_sum(task: Task) -> Planted:
    value = solve_exactly(task.prompt) or 0
    return Planted(task, f" {value}\n", f" {value + 10}\n")


def _open_gym(charter: Charter) -> World:
    families = [family for family, weight in charter.families.items() if weight]
    return ReasoningGym(families, [level for level, weight in charter.levels.items() if weight])


def _show_gym(world: World) -> list[Shot]:
    """Show an open task of every family, at its first level."""
    rng = Seed(0).child("shots").rng()
    drawn = [task for family in world.families for task in world.tasks(rng, 1, 1, family)]
    answers = [(task.prompt, _answer(task)) for task in drawn]
    return [(prompt, answer, _sum_of(prompt, answer)) for prompt, answer in answers]


def _sum_of(question: str, answer: str) -> str:
    """Return the expression in a question that comes to its answer, or nothing."""
    texts = (text.strip() for text in _SUM.findall(question))
    return next((text for text in texts if text != answer and calculate(text) == answer), "")


def _name_gym(world: World) -> list[str]:
    """Name two open tasks of every family, in no order: where all names differ, a small model
    invents further ones."""
    rng = Seed(0).child("examples").rng()
    drawn = [task for family in world.families for task in world.tasks(rng, 2, family=family)]
    return [designate(drawn[at]) for at in rng.permutation(len(drawn))]


def _plant_question(task: Task) -> Planted:
    return Planted(task, f" {_answer(task)}\n", f" {_answer(task)}7\n", " \n")


def _answer(task: Task) -> str:
    problem = open_bank(task.family, task.level)[task.prompt]
    if problem.stream is not None:
        raise ValueError("the answer to a reserved task is the evaluator's alone")
    return answer_of(problem)


ARITHMETIC = "ratchet.worlds.arithmetic:Arithmetic"
_STARTS = (
    *("8 + 6", "47 - 19", "6 * 13"),
    *("(9 + 4) * 3", "52 + 7 * 6", "20 - 3 + 8 * 2", "5 * (14 - 6)"),
)
GROUNDS: Mapping[str, Ground] = {
    ARITHMETIC: Ground(
        lambda charter: Arithmetic(),
        lambda world: SHOTS,
        lambda world: _STARTS,
        _plant_sum,
    ),
    "ratchet.worlds.gym:ReasoningGym": Ground(_open_gym, _show_gym, _name_gym, _plant_question),
}
"""By the import path of the world."""
