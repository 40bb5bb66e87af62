"""The one split of a task space: four fifths open, one fifth reserved for anchors.

Design: 20% of canonical forms are reserved; of these, by a second hash, 50% serve the gate, 40% the
final measurement, 10% audits.
"""

from __future__ import annotations

import hashlib

from ratchet.worlds.protocol import Stream

RESERVED_SHARE = 0.20
STREAM_SHARES = ((Stream.GATE, 0.5), (Stream.FINAL, 0.4), (Stream.AUDIT, 0.1))


def reserved_stream(world: str, canonical: str) -> Stream | None:
    """Return the stream that this canonical form is reserved for, or None if it is open."""
    if _uniform("reserved", world, canonical) >= RESERVED_SHARE:
        return None
    at = _uniform("stream", world, canonical)
    for stream, share in STREAM_SHARES:
        if at < share:
            return stream
        at -= share
    return STREAM_SHARES[-1][0]


def _uniform(*parts: str) -> float:
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
