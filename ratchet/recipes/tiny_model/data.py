"""The tiny model's training text: open problems with answers or tool calls, and exercise lists.

Reserved problems never enter: tasks come from the world's open side, and each is checked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from ratchet.core.errors import ModelError
from ratchet.core.seeds import Seed
from ratchet.core.task import Rejection
from ratchet.worlds.arithmetic import calculate, render
from ratchet.worlds.arithmetic.proposals import read_prompt
from ratchet.worlds.protocol import World


@dataclass(frozen=True)
class Mixture:
    """What the training text is made of."""

    lists: float = 0.15
    """Share of documents that are exercise lists; the others are questions."""
    plain: float = 0.4
    """Share of question documents without tool calls."""
    tools: float = 0.4
    """Share of questions answered by a tool call in the other documents."""
    questions: Mapping[str, float] = field(
        default_factory=lambda: {
            "one_digit": 1.0,
            "two_digit": 2.0,
            "carry": 2.0,
            "product": 1.0,
            "precedence": 1.0,
            "parentheses": 1.0,
            "multi_step": 1.0,
            "words": 1.0,
        }
    )
    """Weights of the families among questions."""
    exercises: Mapping[str, float] = field(
        default_factory=lambda: {
            "one_digit": 5.0,
            "two_digit": 4.0,
            "carry": 3.0,
            "product": 2.0,
            "precedence": 2.0,
            "parentheses": 2.0,
            "multi_step": 1.0,
        }
    )
    """Weights of the families in exercise lists, which hold no words."""
    pool: int = 8_000
    """Distinct problems drawn of each family; small families have fewer."""


@dataclass(frozen=True)
class Item:
    """A problem as it stands in the training text."""

    prompt: str
    """The question."""
    expression: str
    """What it asks for; the question itself unless that is in words."""
    answer: str
    """The correct answer."""


class Text:
    """Documents without end, drawn from fixed pools of open problems."""

    def __init__(self, world: World, mixture: Mixture, seed: Seed) -> None:
        """Draw the pools. Raises ModelError if the world yields a problem that is not open."""
        self._mixture = mixture
        self._random = Random(seed.child("documents").integer())
        self.pools = {
            family: _draw_pool(world, family, mixture.pool, seed.child("pool", family))
            for family in mixture.questions
        }

    def documents(self) -> Iterator[str]:
        """Yield documents: several questions one after another, or a list of exercises."""
        while True:
            is_list = self._random.random() < self._mixture.lists
            yield self._exercises() if is_list else self._questions()

    def _questions(self) -> str:
        count = self._random.randint(1, 10)
        tools = 0.0 if self._random.random() < self._mixture.plain else self._mixture.tools
        items = self._pick(self._mixture.questions, count)
        return "".join(self._answer(item, tools) for item in items)

    def _answer(self, item: Item, tools: float) -> str:
        if self._random.random() < tools:
            # the tool inserts " [42]", and the policy states the answer itself
            call = f"<calc>{item.expression}</calc> [{item.answer}]"
            return f"Q: {item.prompt}\nA: {call} {item.answer}\n"
        return f"Q: {item.prompt}\nA: {item.answer}\n"

    def _exercises(self) -> str:
        items = self._pick(self._mixture.exercises, self._random.randint(4, 20))
        lines = dict.fromkeys(item.prompt for item in items)
        return "".join(f"Q: {line}\n" for line in lines)

    def _pick(self, weights: Mapping[str, float], count: int) -> list[Item]:
        families: Sequence[str] = self._random.choices([*weights], [*weights.values()], k=count)
        return [self._random.choice(self.pools[family]) for family in families]


def _draw_pool(world: World, family: str, size: int, seed: Seed) -> tuple[Item, ...]:
    tasks = world.tasks(seed.rng(), size, family=family)
    return tuple(_read(world, task.prompt) for task in tasks)


def _read(world: World, prompt: str) -> Item:
    problem = read_prompt(prompt)
    if problem is None or isinstance(world.parse(prompt), Rejection):
        raise ModelError(
            f"{prompt!r} is not an open problem and may not be trained on",
            "draw training problems from the world's tasks, never from its anchors",
        )
    expression = render(problem.expression)
    return Item(prompt, expression, calculate(expression))
