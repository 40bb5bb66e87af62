"""Is what reasoning-gym holds for true what its questions ask for?

``python -m bench.gym_truth``: every answer of the world's bank, and of two families that the world
leaves out, against an answer derived from the question's text alone by code that shares nothing
with the package. Prints by family and level how many were compared, how many differ, and what the
commonest answer would earn; then the first answers that differ. Needs the extra ``tasks``; about a
minute of one core.
"""

from __future__ import annotations

import ast
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from ratchet.core import syntax
from ratchet.worlds.gym.bank import answer_of, open_bank
from ratchet.worlds.gym.families import LEVELS_OF

LEFT_OUT = (("basic_arithmetic", (3, 4, 5)), ("syllogism", (1, 2, 3, 4)))
"""What the world does not offer and can be derived here all the same."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASES = {"binary": "2", "octal": "8", "decimal": "10", "hexadecimal": "16"}
_LEGS = {
    0: "snake, sea slug, jellyfish, flatworm, leech",
    2: "chicken, bird, human, duck",
    4: "dog, cat, cow, horse, lion, elephant, giraffe, tiger, deer, sheep",
    5: "starfish",
    6: "insect, ant, butterfly, beetle, bee, wasp, grasshopper, cricket, cockroach, firefly, "
    "praying mantis",
    8: "spider, scorpion",
    10: "crab, lobster, shrimp",
    14: "woodlouse",
}


@dataclass(frozen=True)
class Compared:
    """One family at one level."""

    family: str
    """Its name."""
    level: int
    """Its level."""
    compared: int
    """Questions whose answer was derived."""
    differ: int
    """Of them, those where the package holds another one for true."""
    example: str
    """The first such question, with the package's answer and ours."""
    commonest: str
    """The answer that is held for true most often."""
    share: float
    """Of how many questions: what saying it always would earn."""


def compare(family: str, level: int) -> Compared:
    """Derive every answer of a family at a level."""
    differ, example, answers = 0, "", Counter[str]()
    problems = open_bank(family, level).values()
    for problem in problems:
        held, ours = answer_of(problem), DERIVE[family](problem.question)
        answers[held] += 1
        if held != ours:
            differ += 1
            example = example or f"{problem.question!r}: {held!r}, but {ours!r}"
    ((commonest, times),) = answers.most_common(1)
    share = times / len(problems)
    return Compared(family, level, len(problems), differ, example, commonest, share)


def value(text: str, unknown: Fraction | None = None) -> Fraction:
    """Return what an expression comes to, exactly; a name in it stands for ``unknown``."""

    def walk(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant(int(number)):
                return Fraction(number)
            case ast.Name() if unknown is not None:
                return unknown
            case ast.UnaryOp(ast.USub(), operand):
                return -walk(operand)
            case ast.BinOp(left, op, right):
                return _OPERATIONS[type(op)](walk(left), walk(right))
        raise ValueError(f"cannot compute {ast.dump(node)}")

    return walk(syntax.parse(text.strip(), "eval").body)


_OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"-?\d+", text)]


def _found(pattern: str, question: str) -> re.Match[str]:
    found = re.search(pattern, question, re.DOTALL)
    if found is None:
        raise ValueError(f"cannot read {question!r}")
    return found


def _solve(question: str) -> str:
    """Solve a linear equation by its values at 0 and 1."""
    left, _, right = question.partition(": ")[2].partition("=")
    at = [value(left, Fraction(x)) - value(right, Fraction(x)) for x in (0, 1)]
    return str(-at[0] / (at[1] - at[0]))


def _convert(question: str) -> str:
    base = r"(?:base-(\d+)|(binary|octal|decimal|hexadecimal))"
    found = _found(rf"convert the {base} number (\S+) to {base}", question)
    source, target = (int(found[i] or _BASES[found[i + 1]]) for i in (1, 4))
    number, text = int(found[3], source), ""
    while number:
        number, digit = divmod(number, target)
        text = _DIGITS[digit] + text
    return text or "0"


def _count_legs(question: str) -> str:
    legs = {name: number for number, names in _LEGS.items() for name in names.split(", ")}
    told = re.findall(r"(\d+) ([a-z ]+?)s?(?=,|\?)", question.rpartition("have")[2])
    return str(
        sum(int(count) * legs[f"{name}s" if f"{name}s" in legs else name] for count, name in told)
    )


def _count_primes(question: str) -> str:
    low, high = _numbers(question)
    return str(sum(n > 1 and all(n % d for d in _roots(n)) for n in range(low, high + 1)))


_PRIMES = [n for n in range(2, 320) if all(n % d for d in range(2, math.isqrt(n) + 1))]


def _roots(n: int) -> Iterator[int]:
    """Yield the primes up to the square root; n is below 320 squared."""
    for prime in _PRIMES:
        if prime * prime > n:
            return
        yield prime


def _sort_words(question: str) -> str:
    found = _found(r"\nNow, .*? in (ascending|descending) order .*?list: (.*)$", question)
    words = [word.strip() for word in found[2].split(",")]
    return ", ".join(sorted(words, reverse=found[1] == "descending"))


def _can_finish(question: str) -> str:
    """Take courses whose prerequisites are taken, as long as there are any."""
    left = set(range(_numbers(question)[0]))
    needs = [(int(a), int(b)) for a, b in re.findall(r"\((\d+), (\d+)\)", question)]
    while free := {c for c in left if not any(a == c and b in left for a, b in needs)}:
        left -= free
    return str(not left)


def _largest_island(question: str) -> str:
    """Merge land with the land beside it, cell by cell."""
    rows = [line.split() for line in question.splitlines() if re.fullmatch("[01 ]+", line)]
    land = {(i, j) for i, row in enumerate(rows) for j, cell in enumerate(row) if cell == "1"}
    largest = 0
    while land:
        front, size = [land.pop()], 0
        while front:
            i, j = front.pop()
            size += 1
            beside = {(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)} & land
            land -= beside
            front += beside
        largest = max(largest, size)
    return str(largest)


def _follows(question: str) -> str:
    """Look for a world in which the premises hold and the conclusion does not.

    No kind is empty there, the reading under which most syllogisms hold. A world is which of the
    eight combinations of three kinds exist.
    """
    said = re.findall(r"(All|No|Some) (\w+) are (not )?(\w+)", question)
    kinds = sorted({kind for _, one, _, other in said for kind in (one, other)})
    for size in range(1, 9):
        for world in combinations(range(8), size):
            if not all(any(thing >> at & 1 for thing in world) for at in range(len(kinds))):
                continue
            holds = [_holds(world, one, kinds) for one in said]
            if all(holds[:2]) and not holds[2]:
                return "No"
    return "Yes"


def _holds(world: tuple[int, ...], said: tuple[str, str, str, str], kinds: list[str]) -> bool:
    quantity, one, negated, other = said
    members = [thing for thing in world if thing >> kinds.index(one) & 1]
    others = [bool(thing >> kinds.index(other) & 1) != bool(negated) for thing in members]
    return {"All": all(others), "No": not any(others), "Some": any(others)}[quantity]


DERIVE: dict[str, Callable[[str], str]] = {
    "spell_backward": lambda q: q.partition("): ")[2][::-1],
    "letter_counting": lambda q: str(q.partition("text: ")[2].lower().count(q.split('"')[1])),
    "chain_sum": lambda q: str(value(_found(r"problem: (.*) =", q)[1])),
    "leg_counting": _count_legs,
    "basic_arithmetic": lambda q: str(value(_found(r"Calculate (.*)\.", q)[1])),
    "products": lambda q: str(value(_found(r"multiplication: (.*?)\.", q)[1])),
    "gcd": lambda q: str(math.gcd(*_numbers(q.partition(":")[2]))),
    "lcm": lambda q: str(math.lcm(*_numbers(q.partition(":")[2]))),
    "simple_equations": _solve,
    "count_bits": lambda q: str(_numbers(q)[-1].bit_count()),
    "base_conversion": _convert,
    "word_sorting": _sort_words,
    "largest_island": _largest_island,
    "course_schedule": _can_finish,
    "count_primes": _count_primes,
    "syllogism": _follows,
}
"""How a question's answer is derived, by family."""


def main() -> int:
    """Print the table."""
    print("| family | level | compared | differ | commonest answer |\n|---|---|---|---|---|")
    examples = []
    for family, levels in [*LEVELS_OF.items(), *LEFT_OUT]:
        for level in levels:
            found = compare(family, level)
            constant = f"{found.share:.0%} {found.commonest[:20]}"
            row = (family, level, found.compared, found.differ, constant)
            print(f"| {' | '.join(map(str, row))} |", flush=True)
            examples += [f"{family} {level}: {found.example}"] if found.differ else []
    print("\n".join(["", *examples]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
