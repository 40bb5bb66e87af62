"""What a language model is told of a task when it shall write a law."""

from __future__ import annotations

from ratchet.research.scaling_laws.expression import ARITY
from ratchet.research.scaling_laws.form import FOCUSES, LINKS, LOSSES, POOLS
from ratchet.research.scaling_laws.human import plain_law
from ratchet.research.scaling_laws.tasks import Task


def describe_task(task: Task) -> str:
    """Return the first part of the prompt: the variables, the cap, the language, an example."""
    variables = "\n".join(
        f"  {name}: {v.column} / {v.unit:g} ({v.kind})" for name, v in task.variables.items()
    )
    own = "\n  own: the proportion that belongs to the target" if task.own else ""
    beyond = ", ".join(task.beyond) or "mixtures never seen"
    operators = ", ".join(f"{op} ({count})" for op, count in ARITY.items())
    return f"""Find a scaling law that extrapolates: it is fitted to rows given and scored on rows
beyond them, in {beyond}. Target: {", ".join(task.targets)}. Variables:
{variables}{own}
At most {task.cap} constants for each group. The law is a sum of terms, each with one coefficient of
its own, which is not written. It is written as
  (law LINK LOSS FOCUS POOL (SIGN TERM) (SIGN TERM) ...)
LINK is one of {" ".join(LINKS)}; LOSS of {" ".join(LOSSES)}; FOCUS of {FOCUSES}; POOL of
{" ".join(POOLS)}; SIGN is + or - for a coefficient of that sign, ~ for any. A TERM is made of
variables, numbers, the constants ?e (positive exponent), ?s (positive scale), ?r (real), and
operators with their number of operands: {operators}.
Example: {plain_law(task).text}"""
