"""The conditions of the protocol: which drafts are shown, altered how, framed how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Framing = Literal["verify", "plain", "labelled", "excluded"]
"""``verify`` asks for a verdict on the drafts before the answer, ``plain`` does not, ``labelled``
gives the verdict "wrong" itself, ``excluded`` shows no draft and says what the answer is not."""
Change = Literal["none", "shuffled", "prefix", "foreign"]
"""``shuffled`` has the draft's tokens in random order, ``prefix`` is the first half of a right
draft, ``foreign`` is another problem's draft."""
Source = Literal["own", "other", "synthetic"]
"""Who wrote the drafts: the model, another one, or a rule that spoils a right answer."""


@dataclass(frozen=True)
class Condition:
    """One way of putting a problem."""

    name: str
    """Stable name; the key in the card."""
    wrong: int = 0
    """Wrong drafts shown."""
    right: int = 0
    """Right drafts shown."""
    framing: Framing = "verify"
    """What is said about them."""
    change: Change = "none"
    """What is done to them."""
    source: Source = "own"
    """Where they come from."""
    first: bool = False
    """Whether the drafts stand before the problem rather than after it."""

    @property
    def drafts(self) -> int:
        """Number of drafts."""
        return self.wrong + self.right


_ALL = (
    Condition("clean"),
    Condition("restart"),
    Condition("wrong_1", wrong=1),
    Condition("wrong_2", wrong=2),
    Condition("wrong_3", wrong=3),
    Condition("wrong_4", wrong=4),
    Condition("right_1", right=1),
    Condition("right_2", right=2),
    Condition("mixed", wrong=1, right=1),
    Condition("labelled", wrong=1, framing="labelled"),
    Condition("excluded", wrong=1, framing="excluded"),
    Condition("foreign", wrong=1, change="foreign"),
    Condition("shuffled", wrong=1, change="shuffled"),
    Condition("prefix", right=1, change="prefix"),
    Condition("draft_first", wrong=1, first=True),
    Condition("no_verify", wrong=1, framing="plain"),
    Condition("other_model", wrong=1, source="other"),
    Condition("synthetic", wrong=1, source="synthetic"),
)
CONDITIONS = {condition.name: condition for condition in _ALL}
"""Every condition by name. ``restart`` is ``clean`` once more, on draws of its own: what a fresh
attempt is worth at the price of one."""

QUICK = ("clean", "restart", "wrong_1", "wrong_2", "labelled")
"""The conditions of the quick card."""
FULL = tuple(name for name in CONDITIONS if name != "other_model")
"""The conditions of the whole card; ``other_model`` needs a second model."""
