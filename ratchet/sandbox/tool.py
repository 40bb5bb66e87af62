"""A Python tool for a policy in the middle of its text: code goes in, its output comes out as text.

``solve`` says how a call is written and where the result goes; here is only the function between.
"""

from __future__ import annotations

from collections.abc import Callable

from ratchet.sandbox.feedback import cut, word
from ratchet.sandbox.judge import run_fairly
from ratchet.sandbox.protocol import End, Limits, Outcome, Program, Sandbox

TOOL_LIMITS = Limits(cpu_s=2.0, wall_s=8.0, output=16 * 2**10)
"""A short call: what a model waits for in the middle of a sentence."""


def python_tool(
    sandbox: Sandbox, limits: Limits = TOOL_LIMITS, characters: int = 1000
) -> Callable[[str], str]:
    """Return a function from code to the text it printed, at most ``characters`` long.

    Total: any text gives a text. Each call is a fresh process with nothing of the call before it.
    An error is its type, message and line, after what was printed until then. A code fence around
    the code is taken off. The text is printable; it may still hold anything that a program can
    print, so that whoever inserts it must not take it for the policy's words.
    """

    def run(code: str) -> str:
        outcome = run_fairly(sandbox, Program(_unfence(code)), [""], limits=limits)
        return _report(outcome, characters)

    return run


def _report(outcome: Outcome, characters: int) -> str:
    result = outcome.results[0] if outcome.results else None
    if outcome.end is End.REFUSED:
        return cut(f"not run: {outcome.reason or 'refused'}", characters)
    printed = outcome.stdout
    if result is not None and type(result.value) is str:
        printed = result.value
    lines = [printed.strip("\n")] if printed.strip() else []
    if outcome.end is not End.OK:
        lines.append(_problem(outcome))
    elif outcome.truncated:
        lines.append("(output cut)")
    return _middle("\n".join(lines) or "(no output)", characters)


def _problem(outcome: Outcome) -> str:
    result = outcome.results[0] if outcome.results else None
    if result is None or not result.error:
        return f"error: {word(outcome.end)}"
    where = f" (line {result.line})" if result.line else ""
    message = result.message.removesuffix(f" (<program>, line {result.line})")
    return f"{result.error}{where}: {message}".removesuffix(": ")


def _middle(text: str, limit: int) -> str:
    """Return a text cut in the middle: an error stands at the end of what was printed."""
    if len(text) <= limit:
        return cut(text, limit)
    tail = max(0, (limit - 5) // 2)
    return cut(text[: max(0, limit - 5 - tail)] + "\n...\n" + text[len(text) - tail :], limit)


def _unfence(code: str) -> str:
    lines = code.strip().split("\n")
    if len(lines) >= 2 and lines[0].startswith("```") and lines[-1].strip() == "```":
        return "\n".join(lines[1:-1]) + "\n"
    return code
