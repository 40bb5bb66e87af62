"""Calls one function of a program with encoded arguments and encodes what it returns."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ratchet.sandbox.inside.tags import decode, encode


def call(function: Any, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """Return the encoded result of ``function``; whatever it raises is raised."""
    if function is None:
        raise NameError(f"the program defines no {name!r}")
    given = {key: decode(value) for key, value in keywords.items()}
    return encode(function(*[decode(value) for value in arguments], **given))
