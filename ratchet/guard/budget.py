"""What a run may spend, and whether it has: one table of the charter.

Tokens, generations and money are counts and shape a run in the same way wherever it is repeated;
seconds and disk only stop it. Not here: what was spent (``ratchet.loop.purse``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from ratchet.core.config import Config
from ratchet.core.findings import Finding, Halt

Amount = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
"""A positive number."""
Price = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
"""Money per million tokens, in any one currency."""
_FIRST = ("seconds", "tokens")
"""Keys that every charter's hash has always held."""


class Budget(Config):
    """What a run may spend; an absent limit is no limit."""

    seconds: Amount | None = None
    """Wall time of all its processes together, in seconds."""
    tokens: Annotated[int, Field(gt=0)] | None = None
    """Tokens generated."""
    generations: Annotated[int, Field(gt=0)] | None = None
    """Generations, however many the settings ask for."""
    disk_mb: Amount | None = None
    """Size of the run's folder, in MB (2**20 bytes)."""
    money: Amount | None = None
    """Cost of the tokens, in the currency of the prices."""
    token_price: Price | None = None
    """Price of a million tokens generated."""
    prompt_token_price: Price | None = None
    """Price of a million tokens read."""

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if self.money is not None and not (self.token_price or self.prompt_token_price):
            raise ValueError("money needs a price: set token_price or prompt_token_price")
        return self

    def traces(self) -> dict[str, Any]:
        """Return what the charter's hash holds: a key added later leaves no trace while unset."""
        data = self.model_dump(mode="json")
        return {k: v for k, v in data.items() if k in _FIRST or v is not None}


@dataclass(frozen=True)
class Spent:
    """What a run has used so far, over all its processes."""

    seconds: float = 0.0
    """Wall time."""
    tokens: int = 0
    """Tokens generated."""
    prompt_tokens: int = 0
    """Tokens read."""
    generations: int = 0
    """Generations finished."""
    disk_mb: float = 0.0
    """Size of the run's folder, in MB (2**20 bytes)."""


UNITS = {
    "tokens": "tokens",
    "money": "units of money",
    "generations": "generations",
    "seconds": "seconds",
    "disk_mb": "MB of disk",
}
"""The limits in the order in which they are looked at, with what each counts."""


def overrun(budget: Budget, spent: Spent) -> Finding | None:
    """Return the finding of the first limit that is reached, ``budget_<limit>``, or None."""
    used = amounts(budget, spent)
    found = (exceeded(budget, name, used[name]) for name in UNITS)
    return next(filter(None, found), None)


def amounts(budget: Budget, spent: Spent) -> dict[str, float]:
    """Return what was spent, by limit; money at the budget's prices."""
    price = budget.token_price or 0.0, budget.prompt_token_price or 0.0
    return {
        "tokens": spent.tokens,
        "money": (spent.tokens * price[0] + spent.prompt_tokens * price[1]) / 1e6,
        "generations": spent.generations,
        "seconds": spent.seconds,
        "disk_mb": spent.disk_mb,
    }


def exceeded(budget: Budget, name: str, amount: float) -> Finding | None:
    """Return the finding of one limit if this amount reaches it."""
    limit: float | None = getattr(budget, name)
    if limit is None or amount < limit:
        return None
    message = f"the budget is spent: {amount:,.6g} of {limit:,.6g} {UNITS[name]} used"
    measures = {"limit": float(limit), "used": float(amount)}
    return Finding(f"budget_{name}", message, Halt(), measures)
