"""How a problem and its drafts are put to a policy, and how its reply is read.

After the released prompts of the paper, in our words. Deviations: one verdict for all drafts
together, and for base models a few examples in place of instructions. All conditions of a format
share one header, so that only what is said about the problem differs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.diagnose.drag.conditions import Condition

_VERDICT = re.compile(r"\b(incorrect|not correct|wrong|correct|right)\b", re.IGNORECASE)
_ANSWER = re.compile(r"answer\s*:", re.IGNORECASE)
_NEGATIVE = ("incorrect", "not correct", "wrong")


@dataclass(frozen=True)
class Reply:
    """A reply taken apart."""

    answer: str
    """The text that the world checks."""
    verdict: bool | None
    """True for "right", False for "wrong", None if there is none."""


@dataclass(frozen=True)
class Format:
    """A header and the shape of one problem."""

    header: str
    """What every prompt begins with."""
    stop: tuple[str, ...] = ("\n\n", "\nProblem")
    """Texts that end a reply of several lines."""
    instructs: bool = False
    """Whether instructions are given for each problem; else the header's examples show the way."""

    def write(self, condition: Condition, prompt: str, drafts: Sequence[str]) -> str:
        """Return the whole prompt of a problem under a condition."""
        problem = f"Problem: {prompt}\n"
        shown = "" if condition.framing == "excluded" else _number(drafts)
        parts = [shown, problem] if condition.first else [problem, shown]
        body = "".join(parts)
        if condition.framing == "excluded" and drafts:
            body += f"Note: the answer is not {drafts[0]}.\n"
        told = _instruction(condition, len(drafts)) if self.instructs else ""
        opening = "" if self.instructs else _opening(condition, bool(drafts))
        return f"{self.header}{told}{body}{opening}"

    def stops(self, condition: Condition) -> tuple[str, ...]:
        """Return what ends a reply: the line's end where it begins as an answer."""
        judges = condition.framing == "verify" and condition.drafts > 0
        return self.stop if judges or self.instructs else ("\n",)

    def read(self, condition: Condition, text: str) -> Reply:
        """Take a reply apart. Total: what has no answer line is all answer."""
        asked = condition.framing == "verify" and condition.drafts > 0
        head, verdict = text, None
        match = _ANSWER.search(text)
        if match is not None:
            head, text = text[: match.start()], text[match.end() :]
        if asked:
            verdict = _read_verdict(head)
            if match is None:
                text = ""
        elif condition.framing == "labelled":
            verdict = False
        line = text if self.instructs else text.strip().split("\n", 1)[0]
        return Reply(line.strip(), verdict)


def few_shot(examples: Sequence[tuple[str, str, str]]) -> Format:
    """Return a format that shows examples: (prompt, right answer, wrong answer), open ones all.

    Each example comes clean, with its wrong draft or with its right draft, in turn.
    """
    blocks = []
    for index, (prompt, right, wrong) in enumerate(examples):
        lines = [f"Problem: {prompt}"]
        if index % 3 == 1:
            lines += [f"Draft: {wrong}", "Verdict: wrong"]
        elif index % 3 == 2:
            lines += [f"Draft: {right}", "Verdict: right"]
        blocks.append("\n".join([*lines, f"Answer: {right}"]))
    return Format("\n\n".join(blocks) + "\n\n")


def instruct(task: str = "") -> Format:
    """Return a format of instructions, for chat models; ``task`` says what an answer looks like."""
    return Format(f"{task}\n\n" if task else "", ("\nProblem:",), True)


def _instruction(condition: Condition, drafts: int) -> str:
    if not drafts or condition.framing == "excluded":
        return "Solve the problem step by step. End with one line 'Answer: ...'.\n\n"
    what = "a draft of a solution" if drafts == 1 else f"{drafts} drafts of a solution"
    if condition.framing == "labelled":
        told = "What the drafts answer is wrong: do not repeat it. Write a solution of your own."
    elif condition.framing == "plain":
        told = "Solve the problem step by step; you may use what is there."
    else:
        told = (
            "First check them step by step, up to the first serious mistake, and write one line "
            "'Verdict: right' or 'Verdict: wrong'. If they are wrong, solve the problem yourself; "
            "else adopt the answer."
        )
    return f"Below stand a problem and {what}. {told} End with one line 'Answer: ...'.\n\n"


def _number(drafts: Sequence[str]) -> str:
    if len(drafts) == 1:
        return f"Draft: {drafts[0]}\n"
    return "".join(f"Draft {place}: {text}\n" for place, text in enumerate(drafts, 1))


def _opening(condition: Condition, drafted: bool) -> str:
    if drafted and condition.framing == "verify":
        return "Verdict:"
    if drafted and condition.framing == "labelled":
        return "Verdict: wrong\nAnswer:"
    return "Answer:"


def _read_verdict(text: str) -> bool | None:
    """Return the last word on the draft, right or wrong."""
    found = [match.lower() for match in _VERDICT.findall(text)]
    return found[-1] not in _NEGATIVE if found else None
