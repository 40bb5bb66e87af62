"""Agent0's prompts: how the solver is asked, with and without the calculator, and the proposer."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.core.errors import ConfigError
from ratchet.core.task import Rejection
from ratchet.solve.procedure import Procedure, Tool
from ratchet.worlds.arithmetic import calculate
from ratchet.worlds.protocol import World

CALCULATOR = Tool("<calc>", "</calc>", calculate, " [{result}]")
"""The policy writes ``<calc>12 + 30</calc>``, `` [42]`` is inserted, and the policy states 42."""

_QUESTION = "Q: {prompt}\nA:"
Shot = tuple[str, str, str]
"""An open prompt, its answer, and the expression that works it out, or nothing."""
_WORKED = (
    ("7 - 3", "7 - 3"),
    ("48 + 25", "48 + 25"),
    ("(11 - 5) * 3", "(11 - 5) * 3"),
    ("4 + 6 * 13", "4 + 6 * 13"),
    ("Tom has 5 books and buys 7. How many books?", "5 + 7"),
)
SHOTS: tuple[Shot, ...] = tuple((prompt, calculate(sum_of), sum_of) for prompt, sum_of in _WORKED)
"""Worked examples of arithmetic."""


def _plain(prompt: str, answer: str, expression: str) -> str:
    return f"Q: {prompt}\nA: {answer}\n"


def _called(prompt: str, answer: str, expression: str) -> str:
    if not expression:
        return _plain(prompt, answer, expression)
    call = f"{CALCULATOR.opening}{expression}{CALCULATOR.closing}{CALCULATOR.insert(answer)}"
    return f"Q: {prompt}\nA: {call} {answer}\n"


def list_procedures(
    max_tokens: int,
    max_turns: int,
    tool: Tool | None = CALCULATOR,
    shots: Sequence[Shot] = SHOTS,
) -> dict[str, Procedure]:
    """Return the procedures by which a solver may be judged, by name; one limit for all."""
    few = "".join(_plain(*shot) for shot in shots)
    found = {
        name: Procedure(name, template, max_tokens=max_tokens)
        for name, template in (("direct", _QUESTION), ("few_shot", few + _QUESTION))
    }
    if tool:
        found["few_shot_tool"] = Procedure(
            "few_shot_tool",
            "".join(_called(*shot) for shot in shots) + _QUESTION,
            max_tokens=max_tokens,
            max_turns=max_turns,
            tool=tool,
        )
    return found


def request(world: World, examples: Sequence[str]) -> Procedure:
    """Return the proposer's request: a list of questions, the next of which the policy writes.

    Raises ConfigError where an example is no open task of the world: a reserved one would show
    the proposer an anchor.
    """
    for example in examples:
        outcome = world.parse(example)
        if isinstance(outcome, Rejection):
            raise ConfigError(
                f"examples: {example!r} is no open task ({outcome.reason})",
                "give examples that the world can read and has not reserved",
            )
    shown = "".join(f"Q: {example}\n" for example in examples)
    return Procedure("propose", shown + "Q:", max_tokens=24, read=_first_line)


def _first_line(prompt: str, text: str) -> str:
    return text.partition("\n")[0].strip()
