"""What a fake policy can be made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ratchet.core.errors import EngineError


@dataclass(frozen=True)
class Scripted:
    """A policy that a function writes. Its tokens are characters; it cannot be trained."""

    reply: Callable[[str, int], str]
    """(prompt text, draw seed) -> completion text; greedy sampling passes draw seed 0."""


@dataclass(frozen=True)
class Tabular:
    """A softmax table: the policy writes ``length`` actions, by context and past actions.

    Its logits are looked up by the key (``context(text)``, actions so far), where text is all that
    stands before the run of actions being written; tool text between two runs is thus seen.
    """

    actions: tuple[str, ...]
    """What can be written at each step; distinct, not empty."""
    context: Callable[[str], str]
    """What the policy sees of a prompt's text. Equal contexts share what they learn."""
    length: int = 1
    """Actions in a completion, at least 1."""
    prior: Callable[[str], Sequence[float]] | None = None
    """Context -> starting logits, one an action, the same at each step; None is uniform."""

    def __post_init__(self) -> None:
        if len(set(self.actions)) != len(self.actions) or not all(self.actions):
            raise EngineError("actions are not distinct texts", "name each action once")
        if not self.actions or self.length < 1:
            raise EngineError("a table needs an action and a length of 1 or more", "add one")
