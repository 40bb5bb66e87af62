"""Values with their types kept: tuples, sets, bytes and dicts with any keys, as plain values.

A list stays a list; every other container becomes a dict with one key, the name of its type. The
type is the exact type: an object of a subclass, whatever methods it overrides, is not a value.
"""

from __future__ import annotations

import collections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class NotPlainValue(TypeError):
    """A value that is more than data: an object, a function, a generator, a subclass."""


def encode(value: Any) -> Any:
    """Return the plain form of a value; raises NotPlainValue for what is none."""
    kind = type(value)
    if kind in (type(None), bool, int, float, str):
        return value
    if kind is list:
        return [encode(item) for item in value]
    if kind is tuple:
        return {"tuple": [encode(item) for item in value]}
    if kind in (set, frozenset):
        return {kind.__name__: sorted((encode(item) for item in value), key=repr)}
    if kind in (dict, collections.OrderedDict, collections.defaultdict, collections.Counter):
        return {"dict": [[encode(key), encode(item)] for key, item in dict.items(value)]}
    if kind in (bytes, bytearray):
        return {kind.__name__: bytes(value).hex()}
    if kind is complex:
        return {"complex": [value.real, value.imag]}
    raise NotPlainValue(f"{kind.__name__} is not a plain value")


def decode(value: Any) -> Any:
    """Return the value whose plain form this is; raises NotPlainValue for any other dict."""
    if type(value) is list:
        return [decode(item) for item in value]
    if type(value) is not dict:
        return value
    ((name, held),) = value.items()
    if name in ("bytes", "bytearray"):
        raw = bytes.fromhex(held)
        return raw if name == "bytes" else bytearray(raw)
    items = [decode(item) for item in held]
    if name == "tuple":
        return tuple(items)
    if name in ("set", "frozenset"):
        return {"set": set, "frozenset": frozenset}[name](items)
    if name == "dict":
        return dict(items)
    if name == "complex":
        return complex(*items)
    raise NotPlainValue(f"{name!r} is no tag")
