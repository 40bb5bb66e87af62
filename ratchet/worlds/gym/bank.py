"""The problems of one family at one level: the first thousand that reasoning-gym writes.

They are finite, so that a question alone says which problem it is, and truth can be computed anew
wherever the question is: no task carries it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

from ratchet.core.codec import hash_text
from ratchet.core.errors import ConfigError
from ratchet.worlds.gym.families import VERSION
from ratchet.worlds.partition import reserved_stream
from ratchet.worlds.protocol import Stream

WORLD = "reasoning_gym"
SIZE = 1_000
"""Problems of a family at a level, before equal questions are merged."""
_SEED = 0


@dataclass(frozen=True)
class Problem:
    """A question of a family; its side of the partition is a function of these two."""

    family: str
    """The generator's name."""
    level: int
    """Which step of the family's curriculum."""
    number: int
    """Where in the bank it stands: the first place of equal questions."""
    question: str
    """The text a solver sees."""

    @cached_property
    def canonical(self) -> str:
        """Return what is hashed: the family and the question."""
        return f"{self.family}\x1f{self.question}"

    @cached_property
    def id(self) -> str:
        """Return the task id: equal questions of two levels are one."""
        return hash_text(f"{WORLD}\x1f{self.canonical}")

    @cached_property
    def stream(self) -> Stream | None:
        """Return the stream that this is reserved for, or None."""
        return reserved_stream(WORLD, self.canonical)


@cache
def open_bank(family: str, level: int) -> Mapping[str, Problem]:
    """Return the problems of a family at a level by question; takes up to four seconds.

    Raises ConfigError where reasoning-gym is missing or of another version.
    """
    problems: dict[str, Problem] = {}
    for number in range(SIZE):
        question = _question(family, level, number)
        problems.setdefault(question, Problem(family, level, number, question))
    return MappingProxyType(problems)


def problem_at(family: str, level: int, number: int) -> Problem:
    """Return the problem at a place of the bank, below ``SIZE``."""
    return open_bank(family, level)[_question(family, level, number)]


def score(problem: Problem, answer: str) -> float:
    """Return what reasoning-gym gives an answer, in [0, 1]."""
    entry = _entry(problem.family, problem.level, problem.number)
    return float(_dataset(problem.family, problem.level).score_answer(answer, entry))


def answer_of(problem: Problem) -> str:
    """Return the answer that reasoning-gym holds for true.

    For what is open: worked examples and planted answers; and for checks of the world itself.
    """
    return str(_entry(problem.family, problem.level, problem.number)["answer"])


def _question(family: str, level: int, number: int) -> str:
    return str(_entry(family, level, number)["question"]).strip()


@lru_cache(maxsize=4_096)
def _entry(family: str, level: int, number: int) -> dict[str, Any]:
    entry: dict[str, Any] = _dataset(family, level)[number]
    return entry


@cache
def _dataset(family: str, level: int) -> Any:
    """Return the generator at a level: every attribute of its curriculum at that step."""
    factory, coaching = _package()
    curriculum = factory.create_curriculum(family)
    for name, attribute in curriculum.attributes.items():
        curriculum.set_attr_level(name, min(level, len(attribute.levels)) - 1)
    only_this = coaching.RangeAttributeMode.UPPER_BOUND
    config = curriculum.generate_configuration(
        {"seed": _SEED, "size": SIZE}, coaching.DefaultCurriculumContext(only_this)
    )
    made, _ = factory.DATASETS[family]
    return made(config)


def _package() -> tuple[Any, Any]:
    following = "pip install 'ratchet-rsi[tasks]'"
    try:
        found = version("reasoning-gym")
        factory = import_module("reasoning_gym.factory")
        coaching = import_module("reasoning_gym.coaching.base_curriculum")
    except (PackageNotFoundError, ImportError) as error:
        raise ConfigError("this world needs reasoning-gym, which is not here", following) from error
    if found != VERSION:
        message = f"reasoning-gym {found} is here, whose tasks may differ from those of {VERSION}"
        raise ConfigError(message, f"pip install reasoning-gym=={VERSION}")
    return factory, coaching
