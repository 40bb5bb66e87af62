"""The ``ratchet`` command: read the arguments, do it, print the outcome, explain what went wrong.

With ``--json``, standard output is exactly one JSON document, whatever happens. Exit codes: 0 done,
1 a run is invalid or something is missing, 2 a mistake that the user can correct, 130 and 143
stopped by Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from ratchet.cli.arguments import parse
from ratchet.cli.reply import Stopped
from ratchet.core.errors import RatchetError


class Terminated(KeyboardInterrupt):
    """SIGTERM: stops a run as Ctrl-C does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        with _stop_on_sigterm():
            reply = parse(given).perform()
    except RatchetError as error:
        return _fail(error.message, error.hint, 2, as_json)
    except KeyboardInterrupt as error:
        return _stopped(error, as_json)
    except SystemExit as error:
        if error.code and as_json:
            print(json.dumps({"error": "wrong arguments", "next": "ratchet --help"}))
        raise
    try:
        print(json.dumps(reply.document, indent=2, sort_keys=True) if as_json else reply.text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has left; give the interpreter's last flush somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return reply.code


def _stopped(error: KeyboardInterrupt, as_json: bool) -> int:
    code = 143 if isinstance(error.__cause__ or error, Terminated) else 130
    if isinstance(error, Stopped):
        return _fail(f"stopped; {error.kept} is kept", error.following, code, as_json)
    return _fail("stopped", "", code, as_json)


def _fail(message: str, hint: str, code: int, as_json: bool) -> int:
    print(f"ratchet: {message}" + (f"\n  next: {hint}" if hint else ""), file=sys.stderr)
    if as_json:
        print(json.dumps({"error": message, "next": hint}))
    return code


@contextmanager
def _stop_on_sigterm() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
