"""Where a tiny model learns to read the language: supervised steps on open problems.

It sees questions with an answer, some worked out with the calculator, and lists of proposals. What
comes of it is the base of the run: the initial state, which every gain is measured against.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from ratchet.core.seeds import Seed
from ratchet.core.state import Component, State
from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.engine.protocol import Engine, Optim
from ratchet.loop.policies import close_policies, opened
from ratchet.worlds.arithmetic import calculate
from ratchet.worlds.programs import FAMILIES, Problem, render
from ratchet.worlds.programs.drawing import open_supply
from ratchet.worlds.programs.language import Input, Number, Operation
from ratchet.worlds.programs.running import Failure, write_value

if TYPE_CHECKING:
    from ratchet.recipes.absolute_zero.recipe import AbsoluteZero

_LISTS = 0.15
_LISTED = 5
"""Share of rows that are lists of proposals, and how many a list has."""
_PROMPT_WEIGHT = 0.1
_ERROR = "error"


def teach_language(recipe: AbsoluteZero, state: State, seed: Seed) -> State:
    """Return the state after the supervised steps that the settings ask of every policy."""
    c, taught = recipe.config, dict[str, Component]()
    for policy in c.policies if c.warm_steps else ():
        with opened(recipe.engine, recipe.store, state, policy):
            steps = (c.warm_steps, c.warm_rows, c.warm_lr)
            warm_up(recipe.engine, policy, c.levels, c.tool, c.warm_calls, seed, *steps)
            taught |= close_policies(recipe.engine, recipe.store, policy)
    return state.replace(**taught)


def warm_up(
    engine: Engine,
    policy: str,
    levels: tuple[int, ...],
    tool: bool,
    called: float,
    seed: Seed,
    steps: int,
    rows: int,
    lr: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Take supervised steps on open problems of these levels; the rate falls to a tenth.

    The share of answers that call the calculator where it helps falls evenly from all to
    ``called``: whoever is shown few calls from the start does not learn to copy what it computes.
    The optimiser's moments are forgotten at the end, so that learning by reward starts with none.
    """
    random = Random(seed.integer())
    share = -(-steps * rows // (2 * len(FAMILIES) * len(levels)))
    pools: dict[str, list[Problem]] = {}
    for family in FAMILIES:
        supply = open_supply(family, None, random, levels)
        pools[family] = [p for level in levels for p in supply.take(level, share)]
    for step in range(steps):
        made, calling = [], 1.0 - (1.0 - called) * step / max(1, steps - 1)
        for _ in range(rows):
            pool = pools[random.choice(FAMILIES)]
            if random.random() < _LISTS:
                listed = random.sample(pool, min(_LISTED, len(pool)))
                made.append(encode(engine, policy, "", [f"Q: {p.proposal}\n" for p in listed]))
            else:
                problem = random.choice(pool)
                answer = f" {work_out(problem, tool and random.random() < calling)}\n"
                made.append(encode(engine, policy, f"Q: {problem.prompt}\nA:", [answer]))
        engine.forward_backward(policy, Batch(tuple(made)), CrossEntropy())
        engine.optim_step(policy, Optim(lr * (1.0 - 0.9 * step / steps)))
        progress(step + 1, steps)
    with tempfile.TemporaryDirectory() as folder:
        engine.save(policy, Path(folder), optimiser=False)
        engine.drop(policy)
        engine.load(policy, Path(folder))


def work_out(problem: Problem, tool: bool = False) -> str:
    """Return a right answer to a problem, with a call of the calculator where one helps."""
    sum_of = _sum_of(problem) if tool else ""
    result = calculate(sum_of) if sum_of else _ERROR
    called = "" if result.startswith(_ERROR) else f"<calc>{sum_of}</calc> [{result}] "
    return called + _answer(problem)


def encode(engine: Engine, policy: str, prompt: str, parts: list[str]) -> Row:
    """Return the row that trains what follows a prompt; the prompt counts for a little too."""
    before = engine.encode(policy, prompt) if prompt else ()
    after = engine.encode(policy, "".join(parts))
    return Row((*before, *after), (_PROMPT_WEIGHT,) * len(before) + (1.0,) * len(after))


def _answer(problem: Problem) -> str:
    if problem.mode == "induction":
        return render(problem.program)
    value = problem.outputs[0] if problem.mode == "deduction" else problem.inputs[0]
    if isinstance(value, Failure):
        raise ValueError(f"{problem.prompt!r} comes to no value")
    return write_value(value)


def _sum_of(problem: Problem) -> str:
    """Return what the calculator can do for a problem on numbers, or nothing."""
    given, output = problem.inputs[0], problem.outputs[0]
    if not isinstance(given, int) or not isinstance(output, int):
        return ""
    if problem.mode == "deduction":
        return render(problem.program).replace("x", str(given) if given >= 0 else f"({given})")
    match problem.program:
        case Operation("+" | "-" as operator, Input(), Number(value)):
            if problem.mode == "abduction":
                return f"{output} {'-' if operator == '+' else '+'} {value}"
            return f"{output} - {given}" if operator == "+" else f"{given} - {output}"
    return ""
