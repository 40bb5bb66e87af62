"""What happens in the process that runs a program: call it, and write plain values to a channel.

This is the one place where a candidate's code is executed, in a process made for it, after every
layer is in force. The program shares the interpreter with this module, so nothing here is trusted:
a program can write any frame it likes. It thereby lies about its own values and about nothing
else, because whoever reads the channel takes what arrives as data, and compares elsewhere.

A frame is a line: the run's nonce, a blank, a JSON object. One per input, in order, then ``done``.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import sys
import types
from collections.abc import Sequence
from typing import Any

NAME = "<program>"
DEPTH = 100
"""How deep a value may be nested."""
MESSAGE = 2000
"""Characters of an error's message that are sent on."""

_streams: list[io.TextIOWrapper] = []
"""The program's own standard output and error, whatever it puts in their place."""
_encode = json.JSONEncoder(check_circular=False).encode


class NotPlainError(TypeError):
    """A value is not made of None, bool, int, float, str, list, tuple and dict with str keys."""


class TooLargeError(ValueError):
    """The encoded values exceed what may come back."""


def plain(value: object, depth: int = 0) -> object:
    """Return the value if it is plain, tuples as lists; subclasses are not plain."""
    kind = type(value)
    if value is None or kind is bool or kind is int or kind is float or kind is str:
        return value
    if depth >= DEPTH:
        raise NotPlainError(f"nested deeper than {DEPTH}")
    if kind is list or kind is tuple:
        return [plain(item, depth + 1) for item in value]  # type: ignore[attr-defined]
    if kind is dict:
        items = value.items()  # type: ignore[attr-defined]
        for key, _ in items:
            if type(key) is not str:
                raise NotPlainError(f"dict key of type {type(key).__name__}, not str")
        return {key: plain(item, depth + 1) for key, item in items}
    raise NotPlainError(f"value of type {kind.__name__}")


def describe(error: BaseException) -> dict[str, object]:
    """Return an error as a frame: its class of end, type, message, and line in the program."""
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == NAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename == NAME:
        line = error.lineno or 0
    try:
        message = str(error)[:MESSAGE]
    except BaseException:
        message = ""
    end = "error"
    if isinstance(error, MemoryError):
        end = "memory"
    elif isinstance(error, TooLargeError):
        end = "output"
    name = type(error).__name__
    return {"end": end, "error": name, "message": message, "line": line}


class Channel:
    """The way out for values."""

    def __init__(self, descriptor: int, nonce: str, room: int) -> None:
        self.descriptor = descriptor
        self.nonce = nonce
        self.room = room

    def send(self, frame: dict[str, object]) -> None:
        """Write one frame."""
        self.write(_encode(frame))

    def write(self, text: str) -> None:
        """Write one encoded frame."""
        data = f"{self.nonce} {text}\n".encode()
        while data:
            data = data[os.write(self.descriptor, data) :]

    def value(self, index: int, value: object) -> None:
        """Write the frame of a value that came back."""
        text = _encode(plain(value))
        self.room -= len(text)
        if self.room < 0:
            raise TooLargeError("the values are larger than the limit")
        self.write(f'{{"input": {index}, "end": "ok", "value": {text}}}')


def prepare(name: str, folder: str) -> dict[str, Any]:
    """Give the program a module of its own and standard streams; return its namespace."""
    module = types.ModuleType(name)
    module.__dict__["__builtins__"] = builtins
    module.__dict__["__file__"] = NAME
    sys.modules[name] = module
    sys.argv = [NAME]
    sys.path.insert(0, folder)
    for ours in [name for name in sys.modules if name.partition(".")[0] == "ratchet"]:
        del sys.modules[ours]
    stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8", "replace")
    stdout = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8", "replace"
    )
    stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w", closefd=False)),
        "utf-8",
        "backslashreplace",
        line_buffering=True,
    )
    for stream, given in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr)):
        setattr(sys, stream, given)
        setattr(sys, f"__{stream}__", given)
    _streams[:] = [stdout, stderr]
    return module.__dict__


def run_function(
    source: str, entry: str, inputs: Sequence[Sequence[object]], channel: Channel, folder: str
) -> None:
    """Define the program and call its function once per input."""
    space = prepare("program", folder)
    try:
        exec(compile(source, NAME, "exec"), space)
        if entry not in space:
            raise NameError(f"the program does not define {entry!r}")
    except BaseException as error:
        failure = describe(error)
        for index in range(len(inputs)):
            channel.send({"input": index, **failure})
    else:
        for index, arguments in enumerate(inputs):
            try:
                channel.value(index, space[entry](*arguments))
            except BaseException as error:
                channel.send({"input": index, **describe(error)})
    finish()
    channel.send({"done": len(inputs)})


def run_script(source: str, channel: Channel, folder: str) -> None:
    """Run the program as a script: a clean ``sys.exit`` is its end, like falling off it."""
    failure = None
    space = prepare("__main__", folder)
    try:
        exec(compile(source, NAME, "exec"), space)
    except SystemExit as error:
        if error.code not in (None, 0):
            failure = describe(error)
    except BaseException as error:
        failure = describe(error)
        show(error)
    finish()
    channel.send(
        {"input": 0, "end": "ok", "value": None} if failure is None else {"input": 0, **failure}
    )
    channel.send({"done": 1})


def show(error: BaseException) -> None:
    """Print the traceback as the interpreter would, without the frames of this module."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != NAME:
        trace = trace.tb_next
    sys.__excepthook__(type(error), error.with_traceback(trace), trace)


def finish() -> None:
    """Do what an interpreter does at its end: join threads, exit handlers, flush."""
    try:
        threads = sys.modules.get("threading")
        if threads is not None:
            threads._shutdown()
        handlers = sys.modules.get("atexit")
        if handlers is not None:
            handlers._run_exitfuncs()
    except BaseException as error:
        show(error)
    for stream in (sys.stdout, sys.stderr, *_streams):
        try:
            stream.flush()
        except BaseException as error:
            show(error)
