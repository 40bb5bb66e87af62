"""The worlds that a study can be made on, and examples that show base models what to do."""

from __future__ import annotations

from pathlib import Path

from ratchet.core.errors import ConfigError
from ratchet.diagnose.drag.prompts import Format, few_shot
from ratchet.worlds.arithmetic import Arithmetic
from ratchet.worlds.countdown import Countdown
from ratchet.worlds.protocol import World
from ratchet.worlds.questions import READERS, open_questions

EXAMPLES = {
    "arithmetic": (
        ("7 - 3", "4", "5"),
        ("25 + 13", "38", "37"),
        ("6 * 13", "78", "68"),
        ("40 - 3 * 8", "16", "296"),
        ("48 + 25", "73", "63"),
        ("4 + 6 * 13", "82", "130"),
    ),
    "countdown": (
        ("Make 9 from 4, 5, each exactly once.", "4 + 5", "4 * 5"),
        ("Make 14 from 2, 7, each exactly once.", "2 * 7", "2 + 7"),
        ("Make 10 from 3, 4, 9, each exactly once.", "9 + 4 - 3", "9 - 4 + 3"),
    ),
}
"""Open problems with a right and a wrong answer; the kinds of draft alternate."""
ANSWERS = {
    "arithmetic": "Answers are whole numbers.",
    "gsm8k": "Answers are whole numbers.",
    "arc": "Answers are the letter of one choice.",
    "countdown": "Answers are expressions with + - * / and parentheses, such as 3 * (5 + 2).",
}
"""What an answer looks like, for instructions."""


def open_world(name: str, data: Path | None = None) -> World:
    """Return a world by name; gsm8k and arc read a file, or the hub without one. ConfigError."""
    if name == "arithmetic":
        return Arithmetic()
    if name == "countdown":
        return Countdown()
    if name not in READERS:
        raise ConfigError(f"there is no world {name!r}", f"choose from: {', '.join(ANSWERS)}")
    return open_questions(name, data)


def format_of(world: str) -> Format:
    """Return the format of examples of a world; ConfigError if there are none."""
    if world not in EXAMPLES:
        raise ConfigError(f"{world} has no examples", "use --style instruct")
    return few_shot(EXAMPLES[world])
