"""Landlock: which files this process and its children may touch, and no TCP, without any privilege.

A second fence inside the namespaces, the first one where there are none. Kernel 5.13 or later;
each newer version of the interface forbids more, and what a kernel has is used.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

from ratchet.sandbox import kernel

CREATE, ADD, RESTRICT = 444, 445, 446
"""System call numbers, the same on every architecture."""
WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 14
READ = READ_FILE | READ_DIR
CHANGE = WRITE_FILE | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 12 | 1 << 13 | TRUNCATE
"""Write, remove, make folders, files, pipes and links, rename, cut; never devices or sockets."""
FILE_RIGHTS = WRITE_FILE | READ_FILE | TRUNCATE
NETWORK, SCOPES = 0b11, 0b11
"""Bind and connect TCP; abstract sockets and signals outside the domain."""
_RIGHTS_BY_VERSION = (0, 13, 14, 15, 15, 16)
"""How many file rights versions 1, 2, ... of the interface know."""


def version() -> int:
    """Return the version of the interface, 0 if there is none."""
    try:
        return kernel.syscall(CREATE, None, 0, 1)
    except OSError:
        return 0


def restrict(found: int, readable: Iterable[str], writable: Iterable[str]) -> None:
    """Confine this process for good: read below ``readable``, all below ``writable``, no more.

    ``found`` is the version; paths that do not exist are passed over. no_new_privs must be set.
    """
    known = (1 << _RIGHTS_BY_VERSION[min(found, len(_RIGHTS_BY_VERSION) - 1)]) - 1
    fields = [known]
    if found >= 4:
        fields.append(NETWORK)
    if found >= 6:
        fields.append(SCOPES)
    head = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = kernel.syscall(CREATE, ctypes.create_string_buffer(head, len(head)), len(head), 0)
    try:
        for path in readable:
            _allow(ruleset, path, READ & known)
        for path in writable:
            _allow(ruleset, path, (READ | CHANGE) & known)
        kernel.syscall(RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        held = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        if not os.path.isdir(path):
            rights &= FILE_RIGHTS
        rule = struct.pack("=Qi", rights, held)
        kernel.syscall(ADD, ruleset, 1, ctypes.create_string_buffer(rule, len(rule)), 0)
    finally:
        os.close(held)
