"""Watches over this process: nobody here opens what is sealed or writes what judges and records.

An audit hook sees every file that Python code opens, renames or removes, refuses what is forbidden
and remembers that it was tried. It holds against this process's own code paths: not against another
process of the same user, nor against compiled code. What those change is found by its hash.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from ratchet.core.errors import TamperedError

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
_LINKS = {"os.link", "os.symlink"}
_PAIRS = _LINKS | {"os.rename"}
_CHANGES = _PAIRS | {"os.remove", "os.truncate", "os.chmod"}
_WATCHED = _CHANGES | {"open", "sqlite3.connect"}
_HINT = "correct the recipe, then start a new run: ratchet run"
_watches: list[Watch] = []
_installed: list[bool] = []


class Watch:
    """Refuses and remembers; use it as a context manager.

    ``sealed`` may not be opened at all, ``kept`` only be read. ``drafts`` is a folder in which only
    paths that begin with ``.draft-`` may be written.
    """

    def __init__(self, sealed: Path, kept: Mapping[Path, str], ledger: Path, drafts: Path) -> None:
        self._sealed = os.path.realpath(sealed)
        self._kept = {os.path.realpath(path): what for path, what in kept.items()}
        self._ledger = os.path.realpath(ledger)
        self._drafts = os.path.realpath(drafts)
        self._tried: list[TamperedError] = []

    def __enter__(self) -> Self:
        if not _installed:
            sys.addaudithook(_listen)
            _installed.append(True)
        _watches.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _watches.remove(self)

    def require_clean(self) -> None:
        """Raise the first TamperedError that was raised in this process and swallowed there."""
        if self._tried:
            raise self._tried[0]

    def see(self, event: str, path: str, writing: bool) -> None:
        """Raise TamperedError if this is forbidden."""
        what = ""
        if _within(path, self._sealed):
            what = "anchors"
        elif event == "sqlite3.connect" or writing:
            if path == self._ledger or path in (f"{self._ledger}-wal", f"{self._ledger}-journal"):
                what = "ledger"
            elif writing and path in self._kept:
                what = self._kept[path]
            elif writing and _within(path, self._drafts):
                inside = os.path.relpath(path, self._drafts)
                moved = event == "os.rename"
                what = "" if moved or inside.startswith((".draft-", ".")) else "version"
        if what:
            verb = "opened" if what == "anchors" else "written"
            message = f"the recipe's process tried to have the {what} {verb} ({event})"
            self._tried.append(TamperedError(f"forbidden_{what}", message, _HINT))
            raise self._tried[-1]


def _listen(event: str, given: tuple[Any, ...]) -> None:
    if event not in _WATCHED or not _watches:
        return
    flags = given[2] if event == "open" and isinstance(given[2], int) else 0
    writing = event in _CHANGES or bool(flags & _WRITES)
    for number, place in enumerate(given[: 2 if event in _PAIRS else 1]):
        if isinstance(place, str | bytes | os.PathLike):
            name = os.fsdecode(place)
            if event == "sqlite3.connect" and name.startswith("file:"):
                if "mode=ro" in urlsplit(name).query:
                    continue
                name = unquote(urlsplit(name).path)
            path = os.path.realpath(name)
            linked_to = number == 0 and event in _LINKS
            for watch in list(_watches):
                watch.see(event, path, writing and not linked_to)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)
