"""Where the tiny model learns Countdown: supervised, on problems with drafts of known reliability.

Most drafts are right, so leaning on them is rational: what later shows as drag is a learned
reliance. That pretrained models drag for the same reason is not shown by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.diagnose.drag.drafts import spoil
from ratchet.diagnose.drag.observations import Draft
from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.engine.protocol import Engine, Optim
from ratchet.solve.retry import Asking
from ratchet.worlds.countdown import Countdown, solve_exactly

SHOWN = {"none": 0.4, "draft": 0.2, "verdict": 0.25, "label": 0.15}
"""Shares of problems without a draft, with one, with one to be judged, and with one judged."""
END = "\n\n"
"""What a reply ends with."""


def warm_up(
    engine: Engine,
    policy: str,
    asking: Asking,
    families: Sequence[str],
    seed: Seed,
    steps: int,
    rows: int,
    reliability: float,
    lr: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Take supervised steps on fresh open problems; the rate falls linearly to a tenth."""
    world, random = Countdown(), Random(seed.child("drafts").integer())
    share = max(64, rows * 40)
    tasks: list[Task] = []
    for step in range(steps):
        if len(tasks) < rows:
            rng = seed.child("tasks", step).rng()
            drawn = [t for f in families for t in world.tasks(rng, share // len(families), None, f)]
            tasks = random.sample(drawn, len(drawn))
        batch = [tasks.pop() for _ in range(min(rows, len(tasks)))]
        texts = (write(world, task, asking, reliability, random) for task in batch)
        made = tuple(encode(engine, policy, *pair) for pair in texts)
        engine.forward_backward(policy, Batch(made), CrossEntropy())
        engine.optim_step(policy, Optim(lr * (1.0 - 0.9 * step / steps)))
        progress(step + 1, steps)


def write(
    world: Countdown, task: Task, asking: Asking, reliability: float, random: Random
) -> tuple[str, str]:
    """Return a prompt and the reply to learn, perhaps with a draft and a verdict."""
    solution = solve_exactly(task.prompt)
    if solution is None:
        raise ValueError(f"{task.prompt!r} has no solution")
    right = Draft(f"{task.id}/r", task.id, solution, solution, True)
    (shown,) = random.choices(list(SHOWN), list(SHOWN.values()))
    wrong = spoil(world, task, right, random)
    if shown == "none" or wrong is None:
        return asking.write(task.prompt), f" {solution}{END}"
    draft = right if random.random() < reliability else wrong
    beside, judged = f"Draft: {draft.text}\n", "right" if draft.right else "wrong"
    if shown == "verdict":
        told = asking.write(task.prompt, beside, "Verdict:")
        return told, f" {judged}\nAnswer: {solution}{END}"
    if shown == "label":
        beside += f"Verdict: {judged}\n"
    return asking.write(task.prompt, beside), f" {solution}{END}"


def encode(engine: Engine, policy: str, prompt: str, reply: str) -> Row:
    """Return the row that trains a reply to a prompt."""
    before, after = engine.encode(policy, prompt), engine.encode(policy, reply)
    return Row((*before, *after), (0.0,) * len(before) + (1.0,) * len(after))
