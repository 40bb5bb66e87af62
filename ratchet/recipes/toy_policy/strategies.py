"""Ways to work out an arithmetic prompt, most of them wrong: what the toy's solver chooses from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import accumulate

from ratchet.worlds.arithmetic import calculate

_APPLY: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}
SHAPES = (
    "n + n",
    "n * n",
    "n + n * n",
    "n - n * n",
    "n * n - n",
    "(n + n) * n",
    "n * (n + n)",
    "n * (n - n)",
    "n - (n + n)",
    "n - (n - n)",
    "n n",
)
"""Shapes that the toy's proposer can write; the last is no task."""


def shape_of(text: str) -> str:
    """Return the text with every number replaced by ``n``: what the solver's table sees."""
    return re.sub(r"\d+", "n", text)


def fill_shape(shape: str, numbers: Sequence[int]) -> str:
    """Return the shape with these numbers in place of its ``n``."""
    supply = iter(numbers)
    return re.sub("n", lambda _: str(next(supply)), shape)


def _fold(numbers: list[int], signs: list[str]) -> int:
    result = numbers[0]
    for sign, number in zip(signs, numbers[1:], strict=False):
        result = _APPLY[sign](result, number)
    return result


def _from_the_right(numbers: list[int], signs: list[str]) -> int:
    result = numbers[-1]
    for sign, number in zip(reversed(signs), numbers[-2::-1], strict=False):
        result = _APPLY[sign](number, result)
    return result


STRATEGIES: dict[str, Callable[[str], str]] = {
    "first": lambda text: str(_numbers(text)[0]),
    "sum": lambda text: str(sum(_numbers(text))),
    "difference": lambda text: str(_fold(_numbers(text), ["-"] * len(_numbers(text)))),
    "product": lambda text: str(list(accumulate(_numbers(text), lambda a, b: a * b))[-1]),
    "left_to_right": lambda text: str(_fold(_numbers(text), _signs(text))),
    "right_to_left": lambda text: str(_from_the_right(_numbers(text), _signs(text))),
    "ignore_brackets": lambda text: calculate(re.sub(r"[()]", "", text)),
    "brackets_first": calculate,
}
"""Strategy by name: prompt -> answer. Total."""


def _numbers(text: str) -> list[int]:
    return [int(number[:6]) for number in re.findall(r"\d+", text)] or [0]


def _signs(text: str) -> list[str]:
    return re.findall(r"[-+*]", text)
