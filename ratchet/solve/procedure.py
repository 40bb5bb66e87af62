"""A procedure: how a prompt is put to a policy and how its answer is read off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Counted:
    """A tool's function that counts its calls."""

    function: Callable[[str], str]
    """What is called."""
    calls: int = 0
    """How often it was."""

    def __call__(self, request: str) -> str:
        """Call it."""
        self.calls += 1
        return self.function(request)


@dataclass(frozen=True)
class Tool:
    """A function the policy may call in the middle of its text."""

    opening: str
    """Text that begins a call."""
    closing: str
    """Text that ends a call; generation stops there."""
    run: Callable[[str], str]
    """Total: any text between opening and closing gives a result or an error as text."""
    result: str
    """Format of what is inserted after the call, with ``{result}`` in it."""

    def request(self, text: str) -> str | None:
        """Return what a policy's text asks of the tool, or None if it does not end in a call."""
        if not text.endswith(self.closing) or self.opening not in text:
            return None
        return text[: -len(self.closing)].rpartition(self.opening)[2]

    def call(self, text: str) -> str | None:
        """Return what to insert after a policy's text, or None if it does not end in a call."""
        request = self.request(text)
        return None if request is None else self.insert(self.run(request))

    def insert(self, result: str) -> str:
        """Return the text that stands for a result."""
        return self.result.replace("{result}", result)


@dataclass(frozen=True)
class Procedure:
    """A prompt format, its limits, and perhaps a tool."""

    name: str
    """Stable name, e.g. ``few_shot``."""
    template: str
    """What the policy reads, with ``{prompt}`` in it."""
    stop: tuple[str, ...] = ("\n",)
    """Texts that end an attempt."""
    max_tokens: int = 32
    """Most tokens the policy may write in one attempt, all turns together."""
    max_turns: int = 1
    """Most stretches of policy text in one attempt."""
    tool: Tool | None = None
    """The tool, if there is one; a call needs a turn after it."""
    read: Callable[[str, str], str] = lambda prompt, text: text
    """Makes the answer out of the prompt and the policy's last turn: a tool cannot answer."""

    def fill(self, prompt: str) -> str:
        """Return the text that the policy reads."""
        return self.template.replace("{prompt}", prompt)
