"""The world of reasoning-gym, on a stand-in of the package; the package itself is in
``test_gym_package``."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from ratchet.core.errors import ConfigError
from ratchet.core.seeds import Seed
from ratchet.core.task import Rejection, Task
from ratchet.worlds.conformance import CHECKS, check_world
from ratchet.worlds.gym import LEVELS_OF, REASONS, VERSION, ReasoningGym, bank, designate
from ratchet.worlds.protocol import Stream
from tests.worlds.fake_gym import fake_gym, forget

__all__ = ["fake_gym"]
pytestmark = pytest.mark.usefixtures("fake_gym")


def rng(name: str) -> np.random.Generator:
    return Seed(7).child(name).rng()


def an_open_task(level: int = 2) -> Task:
    return ReasoningGym().tasks(rng("one"), 1, level, "chain_sum")[0]


def test_it_keeps_the_contract_of_a_world() -> None:
    assert check_world(ReasoningGym()) == list(CHECKS)


def test_an_answer_passes_with_full_marks_and_part_marks_are_not_paid() -> None:
    world, task = ReasoningGym(), an_open_task()
    a, b = (int(n) for n in task.prompt.removesuffix("= ?").partition(": ")[2].split("+"))
    right = world.check(task, f" {a + b}\n")
    assert (right.reward, right.passed, right.parsed) == (1.0, True, True)
    hedged = world.check(task, f"{a + b} or {a + b + 1}")
    assert (hedged.reward, hedged.passed, hedged.parsed) == (0.0, False, True)
    assert str(a + b) not in hedged.feedback, "feedback never tells the truth"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("12", "12"),
        ("I add them.\n\n 12 \n\n", "12"),
        ("<answer>9</answer> no, <answer> 12\n</answer> I am sure", "12"),
        ("12\n<answer>9", "<answer>9"),
        ("x" * 50_000 + "\n12", "12"),
    ],
)
def test_an_answer_is_in_the_last_tags_or_on_the_last_line(text: str, read: str) -> None:
    assert ReasoningGym().check(an_open_task(), text).evidence["read"] == read


def test_a_task_is_proposed_by_its_name() -> None:
    world = ReasoningGym()
    for task in world.tasks(rng("many"), 60):
        read = world.parse(f" {designate(task)}\n")
        assert read == replace(task, lineage=("model",))
    said = {
        "what is 1 + 1": "no_designation",
        "sums level 1 number 3": "unknown_family",
        "chain_sum level 9 number 3": "unknown_level",
        "chain_sum level 1 number 1000": "unknown_number",
    }
    found = {text: world.parse(text) for text in said}
    assert {text: getattr(read, "reason", "") for text, read in found.items()} == said


def test_no_anchor_can_be_named() -> None:
    world, seen = ReasoningGym(), set[str]()
    for stream in Stream:
        anchors = world.anchors(rng(stream), 60, stream, {"gcd": 1.0}, {1: 1.0, 2: 1.0})
        for anchor in anchors:
            read = world.parse(designate(anchor))
            assert isinstance(read, Rejection) and read.reason == "reserved"
            seen.add(anchor.id)
    assert len(seen) > 20 and {"reserved"} < set(REASONS)


def test_equal_questions_are_one_task_on_one_side_at_whatever_level() -> None:
    world = ReasoningGym()
    assert len(bank.open_bank("gcd", 1)) == 150
    first, again = (world.parse(f"gcd level 1 number {n}") for n in (7, 157))
    assert first == again and isinstance(again, Task)
    assert designate(again) == "gcd level 1 number 7", "the first place of equal questions"
    low, high = bank.open_bank("gcd", 1), bank.open_bank("gcd", 2)
    shared = set(low) & set(high)
    assert len(shared) == 15
    assert all(low[q].id == high[q].id and low[q].stream == high[q].stream for q in shared)


def test_levels_and_families_are_drawn_as_asked() -> None:
    world = ReasoningGym(["gcd", "products"])
    assert world.families == ("products", "gcd")
    assert {t.family for t in world.tasks(rng("a"), 40)} == {"products", "gcd"}
    assert {t.level for t in world.tasks(rng("b"), 40)} == set(LEVELS_OF["products"])
    assert {t.level for t in world.tasks(rng("c"), 40, level=3)} == {3}
    drawn = world.anchors(rng("d"), 20, Stream.GATE, {"gcd": 1.0}, {2: 1.0})
    assert {(t.family, t.level) for t in drawn} == {("gcd", 2)}
    assert world.parse("lcm level 1 number 3") == Rejection(
        "unknown_family", "lcm level 1 number 3"
    )
    with pytest.raises(ValueError, match="unknown family 'syllogism'"):
        ReasoningGym(["syllogism"])


def test_only_what_is_drawn_from_is_written() -> None:
    world = ReasoningGym()
    before = bank.open_bank.cache_info().currsize
    world.tasks(rng("few"), 3, level=2, family="gcd")
    world.anchors(rng("anchors"), 3, Stream.AUDIT, {"gcd": 1.0, "lcm": 0.0}, {2: 1.0, 3: 0.0})
    assert bank.open_bank.cache_info().currsize == before + 1


def test_a_task_of_another_world_or_level_cannot_be_read() -> None:
    world, task = ReasoningGym(), an_open_task()
    for other in (
        replace(task, world="arithmetic"),
        replace(task, level=99),
        replace(task, family="syllogism"),
        replace(task, prompt=task.prompt + " "),
    ):
        verdict = world.check(other, "12")
        assert verdict.evidence["error"] == "unreadable_task" and not verdict.passed
    with pytest.raises(ValueError, match="is no task of reasoning_gym"):
        designate(replace(task, prompt="another"))


def test_without_the_package_or_with_another_one_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bank, "version", lambda name: "0.1.99")
    forget()
    with pytest.raises(ConfigError, match=r"reasoning-gym 0\.1\.99 is here") as other:
        ReasoningGym()
    assert other.value.hint == f"pip install reasoning-gym=={VERSION}"

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(bank, "version", missing)
    with pytest.raises(ConfigError, match="which is not here") as none:
        ReasoningGym()
    assert none.value.hint == "pip install 'ratchet-rsi[tasks]'"


def test_every_family_has_levels_from_one_on() -> None:
    assert all(levels == tuple(range(1, len(levels) + 1)) for levels in LEVELS_OF.values())
