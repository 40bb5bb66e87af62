"""Agent0's prompts: how the solver is asked, with and without the calculator, and the proposer."""

from __future__ import annotations

from ratchet.solve.procedure import Procedure, Tool
from ratchet.worlds.arithmetic import EXAMPLES, calculate

CALCULATOR = Tool("<calc>", "</calc>", calculate, " = {result}")
"""The policy writes ``<calc>12 + 30</calc>``; `` = 42`` is inserted as tool tokens."""

_QUESTION = "Q: {prompt}\nA:"
_WORDS = ("Tom has 5 books and buys 7. How many books?", "5 + 7")


def _plain(prompt: str, answer: str) -> str:
    return f"Q: {prompt}\nA: {answer}\n"


def _called(prompt: str, expression: str) -> str:
    return _plain(prompt, f"<calc>{expression}</calc> = {calculate(expression)}")


_FEW = "".join(_plain(prompt, answer) for prompt, answer in EXAMPLES)
_TOOL = "".join(_called(p, p) for p in ("7 - 3", "(11 - 5) * 3")) + _called(*_WORDS)


def solver_procedures(max_tokens: int, max_turns: int) -> dict[str, Procedure]:
    """Return the procedures by which a policy may be judged, by name; same limit for all."""
    templates = {"direct": _QUESTION, "few_shot": _FEW + _QUESTION}
    plain = {
        name: Procedure(name, template, max_tokens=max_tokens)
        for name, template in templates.items()
    }
    return plain | {
        "few_shot_tool": Procedure(
            "few_shot_tool",
            _TOOL + _QUESTION,
            max_tokens=max_tokens,
            max_turns=max_turns,
            tool=CALCULATOR,
        )
    }


PROPOSER = Procedure(
    "propose",
    "Exercises:\n8 + 6\n47 - 19\n6 * 13\n(9 + 4) * 3\n52 + 7 * 6\n20 - 3 + 8 * 2\n",
    max_tokens=24,
    read=lambda prompt, text: text.partition("\n")[0].strip(),
)
"""The request for a task: exercises, the next of which the policy writes."""
