"""One vocabulary for text and actions: characters are code points, actions come after them."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.core.errors import EngineError

FIRST_ACTION = 0x110000
"""Id of action 0: the first number that is no code point. The end token follows the last action."""


def encode(text: str) -> tuple[int, ...]:
    """Return the code points of a text."""
    return tuple(map(ord, text))


def decode(tokens: Sequence[int], actions: Sequence[str] = ()) -> str:
    """Return characters as they are and neighbouring actions joined by a space.

    The end token is left out. Raises EngineError on an id outside the vocabulary.
    """
    pieces: list[str] = []
    after_action = False
    for token in tokens:
        action = token - FIRST_ACTION
        if token < 0 or action > len(actions):
            raise EngineError(f"token {token} is not in the vocabulary", "encode the text first")
        if action == len(actions):
            after_action = False
        elif action >= 0:
            pieces.append(f" {actions[action]}" if after_action else actions[action])
            after_action = True
        else:
            pieces.append(chr(token))
            after_action = False
    return "".join(pieces)
