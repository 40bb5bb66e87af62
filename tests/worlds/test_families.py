from __future__ import annotations

import ast
import re
from collections.abc import Callable
from random import Random

import pytest

from ratchet.worlds.arithmetic.expression import MAX_TEXT, evaluate
from ratchet.worlds.arithmetic.families import LEVELS_OF, LISTED, draw_problem, list_problems, turn
from ratchet.worlds.arithmetic.levels import FAMILIES
from ratchet.worlds.arithmetic.words import TEMPLATES, Template, read_words

DRAWN = tuple(family for family in FAMILIES if family not in LISTED)

MEANINGS: dict[str, Callable[..., int]] = {
    "gain": lambda a, b: a + b,
    "loss": lambda a, b: a - b,
    "box": lambda a, b: a + b,
    "fewer": lambda a, b: a - b,
    "packs": lambda a, b: a * b,
    "price": lambda a, b: a * b,
    "loose": lambda a, b, c: a * b + c,
    "sold": lambda a, b, c: a * b - c,
    "change": lambda a, b, c: a - b * c,
    "bus": lambda a, b, c: a - b + c,
    "twice": lambda a, b, c: a - b - c,
    "children": lambda a, b, c: (a + b) * c,
    "bags": lambda a, b, c: a * (b - c),
    "pages": lambda a, b, c: a + b * c,
}


def test_one_digit_is_complete() -> None:
    prompts = {problem.prompt for problem in list_problems("one_digit")}
    sums = {f"{a} {op} {b}" for b in range(10) for a in range(b + 1) for op in "+*"}
    assert prompts == sums | {f"{a} - {b}" for a in range(10) for b in range(a + 1)}


@pytest.mark.parametrize(
    ("family", "count"),
    [("one_digit", 165), ("product", 720), ("two_digit", 4465), ("carry", 5525)],
)
def test_listed_families_are_distinct_and_counted(family: str, count: int) -> None:
    problems = list_problems(family)
    assert len(problems) == len({problem.id for problem in problems}) == count
    assert {problem.family for problem in problems} == {family}
    assert {problem.level for problem in problems} == set(LEVELS_OF[family])


def test_two_digit_and_carry_share_all_sums_and_differences() -> None:
    both = {p.prompt for family in ("two_digit", "carry") for p in list_problems(family)}
    expected = {f"{b} + {a}" for a in range(10, 100) for b in range(a + 1)}
    assert both == expected | {f"{a} - {b}" for a in range(10, 100) for b in range(a + 1)}


def test_carry_means_a_digit_passes_ten() -> None:
    for family in ("two_digit", "carry"):
        for problem in list_problems(family):
            a, operator, b = problem.prompt.split()
            (a1, a0), (b1, b0) = (divmod(int(x), 10) for x in (a, b))
            passes = a0 + b0 > 9 or a1 + b1 > 9 if operator == "+" else a0 < b0
            assert passes == (family == "carry"), problem.prompt


@pytest.mark.parametrize("family", [family for family in DRAWN if family != "words"])
def test_drawn_expressions_belong_to_their_family(family: str) -> None:
    random = Random(7)
    problems = [draw_problem(family, random) for _ in range(400)]
    assert {problem.family for problem in problems} == {family}
    assert len({problem.id for problem in problems}) > 250
    for problem in problems:
        numbers = [int(number) for number in re.findall("[0-9]+", problem.prompt)]
        assert len(numbers) == (4 if family == "multi_step" else 3)
        assert max(numbers) < 100


@pytest.mark.parametrize("family", DRAWN)
def test_each_offered_level_is_common(family: str) -> None:
    random = Random(8)
    levels = [draw_problem(family, random).level for _ in range(600)]
    for level in LEVELS_OF[family]:
        assert levels.count(level) > 600 * 0.05, level


def test_values_agree_with_python() -> None:
    random = Random(9)
    for family in DRAWN:
        for _ in range(100):
            problem = draw_problem(family, random)
            if family == "words":
                numbers = [int(number) for number in re.findall("[0-9]+", problem.sentence)]
                assert evaluate(problem.expression) == MEANINGS[problem.template](*numbers)
            else:
                assert evaluate(problem.expression) == _python(problem.prompt)


def _python(text: str) -> int:
    operations: dict[type[ast.operator], Callable[[int, int], int]] = {
        ast.Add: int.__add__,
        ast.Sub: int.__sub__,
        ast.Mult: int.__mul__,
    }

    def value(node: ast.expr) -> int:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        assert isinstance(node, ast.BinOp)
        return operations[type(node.op)](value(node.left), value(node.right))

    return value(ast.parse(text, mode="eval").body)


def test_turning_keeps_the_id() -> None:
    random = Random(10)
    turned = [(p, turn(p, random)) for p in list_problems("product")]
    assert all(before.id == after.id for before, after in turned)
    assert 0.4 < sum(p.prompt != q.prompt for p, q in turned) / len(turned) < 0.6
    assert turn(list_problems("one_digit")[1], random).prompt == "0 - 0"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_wordings_read_back(template: Template) -> None:
    random = Random(11)
    for _ in range(40):
        sentence, expression = template.write(random)
        assert read_words(sentence) == (template, expression)
        assert len(sentence.split()) <= 25 and len(sentence) <= MAX_TEXT
        assert sentence.endswith("?")
        assert evaluate(expression) > 0


def test_every_wording_has_a_meaning_and_a_name_of_its_own() -> None:
    assert len(TEMPLATES) >= 10
    assert [template.name for template in TEMPLATES] == list(MEANINGS)


def test_two_wordings_of_one_problem_have_two_ids_and_one_side() -> None:
    random = Random(12)
    by_form: dict[str, set[str]] = {}
    streams: dict[str, set[object]] = {}
    for _ in range(3000):
        problem = draw_problem("words", random)
        by_form.setdefault(problem.form, set()).add(problem.id)
        streams.setdefault(problem.form, set()).add(problem.stream)
    assert any(len(ids) > 1 for ids in by_form.values())
    assert all(len(sides) == 1 for sides in streams.values())


def test_other_wordings_are_not_read() -> None:
    sentence = "Ben has 20 pens. Sam has 4 fewer. How many pens does Sam have?"
    assert read_words(sentence) is not None
    for other in (sentence.replace(". Sam", "! Sam"), sentence.replace("pens does", "books does")):
        assert read_words(other) is None
