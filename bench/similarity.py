"""Scoring 10,000 pairs of answers by ROUGE-L and tree edit distance, against rouge-score and zss.

    python -m bench.similarity

Each side starts from texts: it tokenises, reads the expressions and computes both numbers, one
thread each. The peers get our tokens and our trees, so that only the scoring differs, and both
sides must give equal numbers.
"""

from __future__ import annotations

from random import Random
from typing import Any

from bench.paired import arguments, compare, report
from ratchet.diagnose.drag.similarity import rouge_l, tokenise
from ratchet.diagnose.drag.trees import _ordered, read_tree, tree_distance
from ratchet.worlds.countdown.expression import Expression, Negation, Number, Operation, Operator
from ratchet.worlds.countdown.expression import render as write

PAIRS = 10_000
SIGNS: tuple[Operator, ...] = ("+", "-", "*", "/")


def draw(random: Random, leaves: int) -> Expression:
    """Return a random expression with so many numbers."""
    if leaves == 1:
        return Number(random.randint(1, 25))
    left = random.randint(1, leaves - 1)
    return Operation(random.choice(SIGNS), draw(random, left), draw(random, leaves - left))


def make_pairs(seed: int) -> list[tuple[str, str]]:
    """Return pairs of texts: a reply of a sentence or two, and a draft's expression."""
    random = Random(seed)

    def say() -> str:
        expression = write(draw(random, random.choice((3, 4, 4, 6))))
        value = random.randint(1, 100)
        return f"Let us multiply first, then {value} is left over, so the answer: {expression}"

    return [(say(), say()) for _ in range(PAIRS)]


def ours(pairs: list[tuple[str, str]]) -> list[tuple[float, int]]:
    """Score by our own code, nothing remembered from the round before."""
    forget()
    return [(rouge_l(a, b), tree_distance(tree(a), tree(b))) for a, b in pairs]


def peers(pairs: list[tuple[str, str]]) -> list[tuple[float, int]]:
    """Score by rouge-score and zss."""
    import zss
    from rouge_score import rouge_scorer

    class Tokens:
        def tokenize(self, text: str) -> list[str]:
            return tokenise(text)

    forget()
    scorer: Any = rouge_scorer.RougeScorer(["rougeL"], tokenizer=Tokens())
    return [
        (
            scorer.score(a, b)["rougeL"].fmeasure,
            int(zss.simple_distance(to_zss(tree(a)), to_zss(tree(b)))),
        )
        for a, b in pairs
    ]


def forget() -> None:
    """Clear what reading a text twice would be spared."""
    read_tree.cache_clear()
    _ordered.cache_clear()


def tree(text: str) -> Expression:
    """Return the expression of a text that has one."""
    found = read_tree(text)
    if found is None:
        raise ValueError(f"no expression in {text!r}")
    return found


def to_zss(expression: Expression) -> Any:
    """Return an expression as a tree of zss."""
    import zss

    if isinstance(expression, Number):
        return zss.Node(str(expression.value))
    if isinstance(expression, Negation):
        return zss.Node("negative", [to_zss(expression.operand)])
    return zss.Node(expression.operator, [to_zss(expression.left), to_zss(expression.right)])


def main() -> None:
    """Compare and print."""
    given, pairs = arguments(), make_pairs(1)
    mine, theirs = ours(pairs), peers(pairs)
    apart = max(abs(a - c) + abs(b - d) for (a, b), (c, d) in zip(mine, theirs, strict=True))
    row = compare(f"{PAIRS} pairs", lambda: ours(pairs), lambda: peers(pairs), given.rounds)
    summary = {"largest difference of a number": apart, "seconds": row.ours_s}
    report("ROUGE-L and tree edit distance", [row], summary, [], given.json)


if __name__ == "__main__":
    main()
