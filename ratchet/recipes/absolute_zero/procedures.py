"""Absolute Zero's prompts: how the solver is asked, and what the proposer is shown, in the small
language (a line each) and in Python (texts with an empty line between them)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ratchet.core.errors import ConfigError
from ratchet.core.task import Rejection, Task
from ratchet.curriculum.buffer import Kept
from ratchet.solve.procedure import Procedure, Tool
from ratchet.worlds.programs import EXAMPLES
from ratchet.worlds.protocol import World

_QUESTION = "Q: {prompt}\nA:"


@dataclass(frozen=True)
class Form:
    """How texts follow each other in a prompt."""

    end: str
    """What ends a text."""
    examples: tuple[tuple[str, str], ...]
    """Open prompts with answers, for the solver."""
    seeds: tuple[str, ...]
    """Open proposals of every mode: what the buffers start with."""
    worked: tuple[tuple[str, str], ...] = ()
    """Examples for a solver with the calculator; left out: the plain ones."""


_F = "def f(x):\n    return "
FORMS = {
    "programs": Form(
        "\n",
        EXAMPLES,
        (
            "f(x) = x + 5, f(3) = ?",
            "f(x) = x * 2 + 1, f(7) = ?",
            "f(x) = x * 3 - 1, f(?) = f(4)",
            "f(x) = x + 8, f(?) = f(5)",
            "f(x) = x + 3, f(2), f(7), f(0)",
            "f(x) = x - 6, f(9), f(6), f(20)",
        ),
        (
            ("f(x) = x + 5, f(3) = ?", "<calc>3 + 5</calc> [8] 8"),
            ("f(x) = x * 2 + 1, f(7) = ?", "<calc>7 * 2 + 1</calc> [15] 15"),
            ("f(x) = x + 8, f(?) = 13", "<calc>13 - 8</calc> [5] 5"),
            ("f(x) = x * 3 - 1, f(?) = 11", "4"),
            ("f(2) = 5, f(7) = 10, f(0) = 3, f(x) = ?", "<calc>5 - 2</calc> [3] x + 3"),
            ("f(9) = 3, f(6) = 0, f(20) = 14, f(x) = ?", "<calc>9 - 3</calc> [6] x - 6"),
        ),
    ),
    "python": Form(
        "\n\n",
        (
            (f"{_F}x + 5\nf(3) = ?", "8"),
            (f"{_F}x * 3 - 1\nf(?) = 11", "4"),
            ("f(2) = 5, f(7) = 10, f(0) = 3, f = ?", "x + 3"),
            (f"{_F}sorted(x)[0]\nf([4, 2, 9]) = ?", "2"),
            (f"{_F}x[::-1]\nf(?) = [2, 6]", "[6, 2]"),
            ("f([1, 5]) = 5, f([7, 2, 4]) = 7, f([3, 3]) = 3, f = ?", "max(x)"),
        ),
        (
            f"{_F}x * 2 + 1\nf(7) = ?",
            f"{_F}sorted(x)[0]\nf([4, 2, 9]) = ?",
            f"{_F}x + 8\nf(?) = f(5)",
            f"{_F}x[::-1]\nf(?) = f([6, 2])",
            f"{_F}x * 4\nf(1), f(5), f(2)",
            f"{_F}x - 6\nf(9), f(6), f(20)",
        ),
    ),
}
"""By the name of the world."""


def list_procedures(
    form: Form, max_tokens: int, max_turns: int, tool: Tool | None
) -> dict[str, Procedure]:
    """Return the procedures by which a solver may be judged, by name; one limit for all."""
    plain, worked = (_show(form, shots) for shots in (form.examples, form.worked or form.examples))
    bare = Procedure("direct", _QUESTION, (form.end,), max_tokens)
    found = [bare, replace(bare, name="few_shot", template=plain)]
    if tool:
        able = replace(bare, name="direct_tool", max_turns=max_turns, tool=tool)
        found += [able, replace(able, name="few_shot_tool", template=worked)]
    return {procedure.name: procedure for procedure in found}


def _show(form: Form, shots: Sequence[tuple[str, str]]) -> str:
    return "".join(f"Q: {prompt}\nA: {answer}{form.end}" for prompt, answer in shots) + _QUESTION


def proposing(form: Form, max_tokens: int) -> Procedure:
    """Return the proposer's procedure: a list of questions, the next of which the policy writes."""
    return Procedure(
        "propose",
        "{prompt}Q:",
        (form.end,),
        max_tokens,
        read=lambda prompt, text: text.partition(form.end)[0].strip(),
    )


def request_of(form: Form, family: str, references: Sequence[Kept]) -> Task:
    """Return the request for a task of a family, with the tasks that are shown.

    All requests have one id: to whom traces are the units, each proposal is one by itself.
    """
    shown = "".join(f"Q: {one.text}{form.end}" for one in references)
    return Task("request", "", shown, family, 0)


def seed_buffer(world: World, examples: Sequence[str]) -> list[Kept]:
    """Return the tasks that a run starts from. Raises ConfigError where one is no open task, or a
    family has none."""
    kept = []
    for example in examples:
        task = world.parse(example)
        if isinstance(task, Rejection):
            raise ConfigError(
                f"examples: {example!r} is no open task ({task.reason})",
                "give examples that the world can read and has not reserved",
            )
        kept.append(Kept(task.id, example, task.family, 0))
    if missing := set(world.families) - {one.family for one in kept}:
        raise ConfigError(
            f"examples: none is of {', '.join(sorted(missing))}", "give one of every mode"
        )
    return kept
