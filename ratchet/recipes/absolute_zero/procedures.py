"""Absolute Zero's prompts: how the solver is asked, and what the proposer is shown."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.core.errors import ConfigError
from ratchet.core.task import Rejection, Task
from ratchet.curriculum.buffer import Kept
from ratchet.solve.procedure import Procedure, Tool
from ratchet.worlds.programs import EXAMPLES
from ratchet.worlds.protocol import World

_QUESTION = "Q: {prompt}\nA:"


def list_procedures(max_tokens: int, max_turns: int, tool: Tool | None) -> dict[str, Procedure]:
    """Return the procedures by which a solver may be judged, by name; one limit for all."""
    few = "".join(f"Q: {prompt}\nA: {answer}\n" for prompt, answer in EXAMPLES)
    found = {
        name: Procedure(name, template, max_tokens=max_tokens)
        for name, template in (("direct", _QUESTION), ("few_shot", few + _QUESTION))
    }
    if tool:
        found |= {
            f"{name}_tool": Procedure(
                f"{name}_tool", bare.template, max_tokens=max_tokens, max_turns=max_turns, tool=tool
            )
            for name, bare in found.items()
        }
    return found


def proposing(max_tokens: int) -> Procedure:
    """Return the proposer's procedure: a list of questions, the next of which the policy writes."""
    return Procedure("propose", "{prompt}Q:", max_tokens=max_tokens, read=_first_line)


def request_of(family: str, references: Sequence[Kept]) -> Task:
    """Return the request for a task of a family, with the tasks that are shown.

    All requests have one id: to whom traces are the units, each proposal is one by itself.
    """
    shown = "".join(f"Q: {one.text}\n" for one in references)
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


def _first_line(prompt: str, text: str) -> str:
    return text.partition("\n")[0].strip()
