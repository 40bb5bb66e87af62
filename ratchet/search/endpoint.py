"""A language model as proposer: any server with the OpenAI chat interface.

What it writes is data: text is taken out of the reply and evaluated elsewhere, in the sandbox. The
budget is in tokens and money; what a server does not count is estimated, never taken as free.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from ratchet.core.errors import ConfigError
from ratchet.core.seeds import Seed
from ratchet.search.archive import Entry
from ratchet.search.proposer import Proposal, SpentError

_FENCE = re.compile(r"```[A-Za-z0-9_+-]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_LONGEST = 20_000
_CHARACTERS_PER_TOKEN = 3
"""For a server that does not count: a low figure, so that the estimate is high."""


@dataclass(frozen=True)
class Terms:
    """Where a model is, and what may be spent on it."""

    url: str
    """Base address, such as ``http://127.0.0.1:8000/v1``."""
    model: str
    """Name of the model, as the server knows it."""
    task: str
    """What programs shall do: the prompt's first part."""
    tokens: int
    """Most tokens, read and written, of all calls together."""
    money: float = float("inf")
    """Most that all calls together may cost."""
    price_read: float = 0.0
    """Price of a million tokens read."""
    price_written: float = 0.0
    """Price of a million tokens written."""
    most_written: int = 2000
    """Most tokens of one reply."""
    timeout_s: float = 120.0
    """Seconds for one reply."""


@dataclass
class Endpoint:
    """Asks a model for programs."""

    terms: Terms
    """Where and how much."""
    key: str = field(default="", repr=False)
    """Given by the caller; never read from the environment."""
    tokens: int = 0
    """Tokens spent so far."""
    money: float = 0.0
    """Money spent so far."""

    def fresh(self, seed: Seed) -> Proposal:
        """Ask for a program from nothing."""
        return Proposal(self._ask([], seed), (), "model")

    def change(self, parents: Sequence[Entry], seed: Seed) -> Proposal:
        """Show the parents with scores and feedback, and ask for a better one."""
        return Proposal(self._ask(parents, seed), tuple(p.id for p in parents), "model")

    def _ask(self, parents: Sequence[Entry], seed: Seed) -> str:
        """Return the program of one reply; raises SpentError before a call that may not be made."""
        prompt = write_prompt(self.terms.task, parents)
        read = len(prompt) // _CHARACTERS_PER_TOKEN
        if self.tokens + read + self.terms.most_written > self.terms.tokens:
            raise SpentError(f"{self.tokens} of {self.terms.tokens} tokens are spent")
        if self.money + self._price(read, self.terms.most_written) > self.terms.money:
            raise SpentError(f"{self.money:.4f} of {self.terms.money:.4f} is spent")
        body = {
            "model": self.terms.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": self.terms.most_written,
            "temperature": 1.0,
            "seed": seed.integer() % 2**31,
        }
        reply = self._post(body)
        text = _content(reply)
        counted = reply.get("usage") or {}
        written = counted.get("completion_tokens", len(text) // _CHARACTERS_PER_TOKEN + 1)
        read = counted.get("prompt_tokens", read)
        self.tokens += int(read) + int(written)
        self.money += self._price(int(read), int(written))
        return extract_program(text)

    def _price(self, read: int, written: int) -> float:
        return (read * self.terms.price_read + written * self.terms.price_written) / 1e6

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        url = f"{self.terms.url.rstrip('/')}/chat/completions"
        hint = "check the address and that the server is up, then resume"
        try:
            answer = httpx.post(
                url, json=body, headers=headers, timeout=self.terms.timeout_s, trust_env=False
            )
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ConfigError(f"{url}: {type(error).__name__}: {error}", hint) from error
        return found if isinstance(found, dict) else {}


def write_prompt(task: str, parents: Sequence[Entry]) -> str:
    """Return what the model is asked: the task, then programs with what was measured of them."""
    parts = [task]
    for number, parent in enumerate(parents, 1):
        told = f"rejected as {parent.failure}" if parent.failure else f"score {parent.score:.4f}"
        parts.append(
            f"Program {number} ({told}). {parent.feedback[:500]}\n```\n{parent.program}\n```"
        )
    wish = "Write a better program." if parents else "Write a program."
    return "\n\n".join([*parts, f"{wish} Answer with one fenced block and nothing else."])


def extract_program(text: str) -> str:
    """Return a reply's program: its longest fenced block, a JSON field, or all of it. Total."""
    blocks = _FENCE.findall(text)
    if blocks:
        text = max(blocks, key=len)
    elif text.lstrip().startswith("{"):
        try:
            fields = json.loads(text)
        except ValueError:
            fields = {}
        named = [fields.get(name) for name in ("program", "code", "law")]
        text = next((value for value in named if isinstance(value, str)), text)
    return text.strip()[:_LONGEST]


def _content(reply: dict[str, Any]) -> str:
    """Return the text of a reply, or nothing if it has another shape."""
    try:
        text = reply["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return ""
    return text if isinstance(text, str) else ""
