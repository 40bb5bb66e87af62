from __future__ import annotations

import pytest

from ratchet.guard.texts import TextIndex

QUESTION = (
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in "
    "May. How many clips did Natalia sell altogether in April and May?"
)
OTHER = (
    "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total "
    "does it take?"
)


@pytest.fixture
def index() -> TextIndex:
    return TextIndex([QUESTION, OTHER, "What is two plus two", "Yes"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (QUESTION, 0),
        (f"Q: {OTHER.upper()}\nA: three", 1),
        (QUESTION.replace(",", " --").replace("?", "!"), 0),
        # Thirteen words in a row, in the middle of something else.
        ("so then she sold half as many clips in May. How many clips did she", 0),
        # A word changed every ten: no run of thirteen is left, most shingles are.
        (QUESTION.replace("friends", "cousins").replace("altogether", "overall"), 0),
        ("please: what is TWO plus two?", 2),
    ],
)
def test_repeated_items_are_found(index: TextIndex, text: str, found: int) -> None:
    assert len(index) == 3, "a single word is no item"
    assert index.find(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes",
        "How many clips did Tom sell in June?",
        "Natalia sold clips to 48 of her friends",
        "What is two plus three",
        "A tale of 12 words which has nothing to do with any of the items at all " * 50,
    ],
)
def test_other_texts_are_let_pass(index: TextIndex, text: str) -> None:
    assert index.find(text) is None


def test_the_two_limits_are_what_they_say() -> None:
    words = [f"w{i}" for i in range(30)]
    item = " ".join(words)
    twelve, thirteen = (" ".join([*words[:n], *(f"x{i}" for i in range(60))]) for n in (12, 13))
    assert TextIndex([item]).find(twelve) is None
    assert TextIndex([item]).find(thirteen) == 0
    assert TextIndex([item], ngram=12).find(twelve) == 0
    # 28 shingles each; one word changed in the middle leaves 25 of 31 in common.
    near = " ".join([*words[:11], "new", *words[12:]])
    assert TextIndex([item], ngram=30, similarity=0.80).find(near) == 0
    assert TextIndex([item], ngram=30, similarity=0.81).find(near) is None
