"""How alike two texts are: ROUGE-L on tokens that keep operators and digits, and Levenshtein.

The usual tokeniser of ROUGE drops everything that is no letter or digit, so that ``3*4`` and
``3+4`` are the same text to it. For a study of arithmetic that is the difference that counts.
"""

from __future__ import annotations

import re

from rapidfuzz.distance import LCSseq, Levenshtein

_TOKEN = re.compile(r"[^\W\d_]+|[0-9]+|[^\w\s]|_")


def tokenise(text: str) -> list[str]:
    """Return words in lower case, whole numbers, and every other visible character by itself."""
    return _TOKEN.findall(text.lower())


def rouge_l(first: str, second: str) -> float:
    """Return the F measure of the longest common subsequence of tokens, in [0, 1].

    Lin, ROUGE: a package for automatic evaluation of summaries (2004), with equal weight on
    precision and recall. Two texts without tokens give 0, as in the reference implementation.
    """
    a, b = tokenise(first), tokenise(second)
    if not a or not b:
        return 0.0
    return 2.0 * LCSseq.similarity(a, b) / (len(a) + len(b))


def levenshtein(first: str, second: str) -> int:
    """Return the edits of one character between two texts without their spaces."""
    return Levenshtein.distance("".join(first.split()), "".join(second.split()))


def same_text(first: str, second: str) -> bool:
    """Say whether two texts are equal but for spaces."""
    return "".join(first.split()) == "".join(second.split())
