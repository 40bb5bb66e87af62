from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.core.errors import ConfigError
from ratchet.guard.charter import Charter, find_charter
from ratchet.guard.terms import GateTerms

GOOD = """
objective = "Add."
world = "tests.guard.sums:Sums"
[families]
small = 0.25
large = 0.75
[levels]
1 = 0.5
2 = 0.5
"""


def read(folder: Path, text: str) -> Charter:
    path = folder / "charter.toml"
    path.write_text(text, "utf-8")
    return Charter.read(path)


def test_tables_are_read_with_their_types(tmp_path: Path) -> None:
    charter = read(tmp_path, GOOD + "[quality]\nmargin = 0.25\n[budget]\ntokens = 10\n")
    assert charter.families == {"small": 0.25, "large": 0.75}
    assert charter.levels == {1: 0.5, 2: 0.5}
    assert charter.quality.margin == 0.25
    assert (charter.budget.seconds, charter.budget.tokens) == (None, 10)


def test_hash_is_of_the_content_not_of_the_layout(tmp_path: Path) -> None:
    plain = read(tmp_path, GOOD).hash
    assert read(tmp_path, "# a comment\n" + GOOD + "[budget]\n").hash == plain
    swapped = GOOD.replace("small = 0.25\nlarge = 0.75", "large = 0.75\nsmall = 0.25")
    assert read(tmp_path, swapped).hash == plain
    changes = [
        GOOD.replace("Add.", "Subtract."),
        GOOD.replace(":Sums", ":Raising"),
        GOOD.replace("0.25", "0.35").replace("0.75", "0.65"),
        GOOD.replace("2 = 0.5", "3 = 0.5"),
        GOOD + "[quality]\nmargin = 0.1\n",
        GOOD + "[budget]\nseconds = 5\n",
    ]
    assert len({plain, *(read(tmp_path, text).hash for text in changes)}) == 7


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD.replace("objective", "objectve"), "unknown key 'objectve' (did you mean 'objective'"),
        (GOOD + "[quality]\nmargn = 1\n", "unknown key 'quality.margn' (did you mean 'margin'"),
        (GOOD + "[budget]\ntoken = 1\n", "unknown key 'budget.token' (did you mean 'tokens'"),
        (GOOD.replace("0.25", "0.35"), "families: .* sum to 1, these sum to 1.1"),
        (GOOD.replace("0.25", "nan"), "families.small"),
        (GOOD.replace("0.25", "-0.25").replace("0.75", "1.25"), "families.small"),
        (GOOD.replace("2 = 0.5", "hard = 0.5"), "levels.hard"),
        (GOOD.replace("sums:Sums", "sums"), "world"),
        (GOOD + "[quality]\nmargin = -1\n", "quality.margin"),
        (GOOD.replace("[levels]\n1 = 0.5\n2 = 0.5\n", ""), "levels: Field required"),
    ],
)
def test_wrong_keys_and_values_are_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named.replace("(", r"\(")) as caught:
        read(tmp_path, text)
    assert caught.value.hint


def test_find_charter_knows_names_and_paths(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(GOOD, "utf-8")
    assert find_charter(str(own)) == own
    assert find_charter("arithmetic").name == "arithmetic.toml"
    with pytest.raises(ConfigError, match="did you mean 'arithmetic'"):
        find_charter("arithmetics")
    with pytest.raises(ConfigError, match="did you mean 'functions'"):
        find_charter("charters/function.toml")


def test_shipped_charters_are_sound() -> None:
    arithmetic = Charter.read(find_charter("arithmetic"))
    assert arithmetic.world == "ratchet.worlds.arithmetic:Arithmetic"
    assert len(arithmetic.families) == 8
    assert arithmetic.levels == {level: 0.2 for level in range(1, 6)}
    assert arithmetic.quality.margin == 0.25
    terms = {}
    for name in ("arithmetic_small", "arithmetic_standard"):
        other = Charter.read(find_charter(name))
        assert other.model_copy(update={"gate": None}) == arithmetic
        terms[name] = other.gate
    assert arithmetic.gate is None and terms["arithmetic_standard"] == GateTerms()
    small = terms["arithmetic_small"]
    assert small is not None and (small.tests, small.margin) == (10, 0.2)
    assert (small.first, small.batch, small.cap) == (240, 120, 360)
    functions = Charter.read(find_charter("functions"))
    assert functions.families == {"near": 0.7, "far": 0.3}
    assert functions.quality.margin is None


def test_gate_terms_are_read_hashed_and_checked(tmp_path: Path) -> None:
    plain = read(tmp_path, GOOD)
    assert plain.gate is None
    given = read(tmp_path, GOOD + "[gate]\ntests = 5\nmargin = 0.2\n")
    assert given.gate is not None and (given.gate.tests, given.gate.margin) == (5, 0.2)
    standard = read(tmp_path, GOOD + "[gate]\n")
    assert standard.gate is not None and standard.gate.cap == 1600
    assert len({plain.hash, given.hash, standard.hash}) == 3
    for text, named in (
        ("alpha = 1.5", "gate.alpha"),
        ("tests = 0", "gate.tests"),
        ("cap = 300", "first <= ordinary <= cap, not 100, 400, 300"),
        ("capability_cap = 10", "capability_batch 25 is above its cap 10"),
        ("margn = 0.1", "unknown key 'gate.margn'"),
    ):
        with pytest.raises(ConfigError, match=named):
            read(tmp_path, GOOD + f"[gate]\n{text}\n")


def test_a_term_that_came_later_leaves_the_hash_of_older_charters(tmp_path: Path) -> None:
    older = read(tmp_path, GOOD + "[gate]\ntests = 5\nmargin = 0.2\n")
    assert older.hash == "897ef2e6065fe658071c69ced3968103"
    asking = read(tmp_path, GOOD + "[gate]\ntests = 5\nmargin = 0.2\ncapability_jump = 0.5\n")
    assert asking.hash != older.hash and asking.terms["gate"]["capability_jump"] == 0.5
    assert Charter.build(asking.terms) == asking and Charter.build(older.terms) == older


def test_a_charter_without_gate_terms_keeps_the_hash_it_had_before_there_were_any() -> None:
    assert Charter.read(find_charter("arithmetic")).hash == "33a0f56b429dcd3f30a82a8812060a08"
