"""Requests to a run and reports from it. A report is data from beside a hostile program.

Sizes are bounded before anything is read, JSON is the only format, and every field of a frame is
taken only if its type is exactly the one expected. What is promised: a result that is ``ok`` was
sent by the process that ran the program, which went to its end. What the value is, the program
alone decides; so a program can lie about its own values, and about nothing else.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ratchet.sandbox.protocol import End, Limits, Outcome, Program, Result, Usage, Value

SOURCE, INPUTS, FILES = 4 * 2**20, 64 * 2**20, 1024
"""Most characters of a source, bytes of all inputs encoded, and number of files."""
RANGES: dict[str, tuple[float, float]] = {
    "cpu_s": (0.001, 86400),
    "wall_s": (0.001, 86400),
    "memory": (32 * 2**20, 2**40),
    "output": (0, 2**28),
    "values": (0, 2**28),
    "scratch": (4096, 2**36),
    "processes": (1, 1024),
    "open_files": (16, 65536),
}
"""What each limit may be, both ends included."""


class RequestError(ValueError):
    """A request is out of range; the message says how."""


def check_limits(limits: Limits) -> None:
    """Raise RequestError if a limit is no number or out of range."""
    for field in fields(Limits):
        value = getattr(limits, field.name)
        low, high = RANGES[field.name]
        kinds = (int, float) if field.name.endswith("_s") else (int,)
        if type(value) not in kinds or not low <= value <= high:
            reason = f"limits.{field.name} is out of range: it goes from {low:g} to {high:g}"
            raise RequestError(reason)


def check_files(files: Mapping[str, bytes], room: int) -> None:
    """Raise RequestError unless every path stays in the program's folder and all fits in it."""
    if len(files) > FILES:
        raise RequestError(f"{len(files)} files, more than {FILES}")
    for path, data in files.items():
        if type(path) is not str or type(data) is not bytes:
            raise RequestError(f"file {path!r}: a path is str and its content bytes")
        parts = path.split("/")
        if any(p in ("", ".", "..") or len(p.encode("utf-8", "replace")) > 255 for p in parts):
            raise RequestError(f"file {path!r} is not a plain relative path")
        if "\0" in path or len(path) > 1000 or not _is_text(path):
            raise RequestError(f"file {path!r} has a name that no file can have")
        above = {"/".join(parts[:k]) for k in range(1, len(parts))}
        if above & set(files):
            raise RequestError(f"file {path!r} lies below another file")
    size = sum(-(-len(data) // 4096) * 4096 for data in files.values())
    if size > room:
        raise RequestError(f"files take {size} bytes, more than limits.scratch = {room}")


def check_inputs(program: Program, inputs: Sequence[Sequence[Value] | str]) -> list[Any]:
    """Return the inputs, plain; raise RequestError for what is not."""
    if type(program.source) is not str or type(program.entry) is not str:
        raise RequestError("a program's source and entry are str")
    if len(program.source) > SOURCE:
        raise RequestError(f"a source of {len(program.source)} characters, more than {SOURCE}")
    found: list[Any] = []
    for k, given in enumerate(inputs):
        if program.entry:
            if type(given) not in (list, tuple):
                raise RequestError(f"input {k} of a function is its arguments, a list or tuple")
            found.append(given)
        elif type(given) is str:
            found.append(given)
        elif type(given) in (list, tuple) and not given:
            found.append("")
        else:
            raise RequestError(f"input {k} of a script is its standard input, a str")
    if not program.entry and not found:
        raise RequestError("a script without an input never runs")
    return found


def request(
    program: Program,
    inputs: Sequence[Sequence[Value] | str],
    files: Mapping[str, bytes],
    limits: Limits,
) -> bytes:
    """Return a request as bytes. Raises RequestError, with a reason for people."""
    if not isinstance(program, Program) or not isinstance(limits, Limits):
        raise RequestError("a run takes a Program and Limits")
    if not isinstance(inputs, Sequence) or not isinstance(files, Mapping):
        raise RequestError("inputs are a sequence and files a mapping")
    check_limits(limits)
    check_files(files, limits.scratch)
    head = {
        "source": program.source,
        "entry": program.entry,
        "inputs": check_inputs(program, inputs),
        "files": [[path, len(data)] for path, data in files.items()],
        "limits": {field.name: getattr(limits, field.name) for field in fields(Limits)},
    }
    _check_plain(head["inputs"], 0)
    try:
        text = json.dumps(head).encode()
    except ValueError as error:  # an integer of too many digits
        raise RequestError(f"an input cannot be sent: {error}") from error
    if len(text) > INPUTS + SOURCE:
        raise RequestError(f"a request of {len(text)} bytes, more than {INPUTS + SOURCE}")
    return b"".join([len(text).to_bytes(8, "little"), text, *files.values()])


def largest_report(limits: Limits, inputs: int) -> int:
    """Return how many bytes a report can have, whatever the program does."""
    return 2 * limits.output + limits.values + (inputs + 2) * 2**14 + 2**16


def _check_plain(value: object, depth: int) -> None:
    kind = type(value)
    if depth > 100:
        raise RequestError("an input is nested deeper than 100")
    if kind in (list, tuple):
        for item in value:  # type: ignore[attr-defined]
            _check_plain(item, depth + 1)
    elif kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                raise RequestError(f"an input has a dict key of type {type(key).__name__}")
            _check_plain(item, depth + 1)
    elif value is not None and kind not in (bool, int, float, str):
        raise RequestError(f"an input has a value of type {kind.__name__}")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True)
class Leg:
    """How one process of a run ended, as its warden saw it."""

    why: str
    code: int
    nonce: str
    out: bytes
    err: bytes
    frames: bytes


ENDS = {
    "cpu": (End.TIMEOUT, "used up {limits.cpu_s:g} s of CPU time"),
    "wall": (
        End.TIMEOUT,
        "was not done after {limits.wall_s:g} s, {usage.cpu_s:.2f} s of CPU",
    ),
    "memory": (End.MEMORY, "went over {limits.memory} bytes of memory"),
    "output": (End.OUTPUT, "wrote more than {limits.output} bytes"),
    "values": (End.OUTPUT, "sent back more than {limits.values} bytes of values"),
    "scratch": (End.OUTPUT, "put more than {limits.scratch} bytes or too many files in its folder"),
    "abandoned": (End.REFUSED, "was given up by its caller"),
    "setup": (End.REFUSED, "could not be confined"),
}


def outcome(
    report: bytes, program: Program, inputs: int, limits: Limits, starved: bool = False
) -> Outcome:
    """Return what a report says. Raises ValueError, KeyError or TypeError if it is malformed.

    ``starved``: the kernel killed the run, or a part of it, for want of memory.
    """
    size = int.from_bytes(report[:8], "little")
    head = json.loads(report[8 : 8 + size])
    usage = Usage(float(head["cpu_s"]), float(head["wall_s"]), int(head["memory"]))
    if head["problem"]:
        return refused(f"the run could not be set up: {head['problem']}", usage)
    legs, at = [], 8 + size
    for leg in head["legs"]:
        streams = []
        for length in leg["sizes"]:
            streams.append(report[at : at + length])
            at += length
        why = "memory" if starved and leg["why"] == "signal" else str(leg["why"])
        legs.append(Leg(why, int(leg["code"]), str(leg["nonce"]), *streams))
    results: list[Result] = []
    end, reason = End.OK, ""
    for leg in legs:
        asked = inputs if program.entry else 1
        found, end_of_leg, why = read_leg(leg, asked, limits, usage)
        if not program.entry and found[0].end is End.OK:
            found = [Result(End.OK, leg.out.decode("utf-8", "replace"))]
        results += found
        if end is End.OK and end_of_leg is not End.OK:
            end, reason = end_of_leg, why
    results += [Result(end)] * (inputs - len(results))
    out, err = (b"".join(getattr(leg, name) for leg in legs) for name in ("out", "err"))
    if end is End.REFUSED:
        return refused(reason, usage)
    if end is End.OK:
        end = next((r.end for r in results if r.end is not End.OK), End.OK)
    return Outcome(
        end=end,
        results=tuple(results),
        stdout=out.decode("utf-8", "replace"),
        stderr=err.decode("utf-8", "replace"),
        truncated=any(leg.why == "output" for leg in legs),
        reason=reason,
        usage=usage,
    )


def refused(reason: str, usage: Usage = Usage()) -> Outcome:  # noqa: B008
    """Return the outcome of what never ran."""
    return Outcome(End.REFUSED, reason=reason, usage=usage)


def killed(inputs: int) -> Outcome:
    """Return the outcome of a run whose warden was killed with it."""
    reason = "the run was killed as a whole, as a machine short of memory does"
    return Outcome(End.KILLED, (Result(End.KILLED, message=reason),) * inputs, reason=reason)


def read_leg(leg: Leg, asked: int, limits: Limits, usage: Usage) -> tuple[list[Result], End, str]:
    """Return one result per input, how the leg ended, and a sentence about it.

    Frames count only in order, one per input; a frame too many, out of place or malformed makes
    every result of the leg an error. A leg is OK only if all frames and the last one came and the
    process then ended by itself with code 0.
    """
    results, done = read_frames(leg, asked)
    if results is None:
        reason = "something that is no result was written to the channel of results"
        broken = Result(End.ERROR, error="ChannelError", message=reason)
        if leg.why in ("exit", "signal"):
            return [broken] * asked, End.ERROR, reason
        results, done = [], False
    end, reason = End.OK, ""
    if leg.why in ENDS:
        end, text = ENDS[leg.why]
        reason = f"the program {text.format(limits=limits, usage=usage)}"
        if leg.why == "setup":
            reason += f": {leg.frames.decode('utf-8', 'replace')[:500].strip()}"
    elif leg.why == "signal":
        end, reason = End.KILLED, f"signal {_signal(leg.code)} ended the program"
    elif not done or leg.code != 0:
        end = End.ERROR
        reason = f"the process ended before the program did, with exit code {leg.code}"
    if end is End.OK:
        return results, end, reason
    error = "EarlyExit" if end is End.ERROR else ""
    rest = Result(end, error=error, message=reason)
    if done:  # the end itself was not clean: what it claims to have finished does not count
        return [rest] * asked, end, reason
    return results + [rest] * (asked - len(results)), end, reason


def read_frames(leg: Leg, asked: int) -> tuple[list[Result] | None, bool]:
    """Return the results in order and whether the last frame came; None if a frame is wrong."""
    _, _, rest = leg.frames.partition(b"\n")
    lines = rest.split(b"\n")
    partial = lines.pop()  # empty after a whole line
    results: list[Result] = []
    done = False
    start = f"{leg.nonce} ".encode()
    for line in lines:
        if done or not line.startswith(start):
            return None, False
        try:
            frame = json.loads(line[len(start) :])
        except (ValueError, RecursionError) as error:
            if "limit" not in str(error):
                return None, False
            frame = {"input": len(results), "end": "error", "error": "NotPlainError",
                     "message": "an integer of more than 4300 digits", "line": 0}  # fmt: skip
        if type(frame) is not dict:
            return None, False
        if frame == {"done": asked} and len(results) == asked:
            done = True
            continue
        result = read_frame(frame, len(results))
        if result is None or len(results) == asked:
            return None, False
        results.append(result)
    if partial and leg.why in ("exit", "signal") and not start.startswith(partial[: len(start)]):
        return (results, done) if partial.startswith(start) and not done else (None, False)
    return results, done


def read_frame(frame: dict[str, Any], index: int) -> Result | None:
    """Return the result that a frame holds, None if it is not exactly one for this input."""
    if type(frame.get("input")) is not int or frame["input"] != index:
        return None
    if frame.get("end") == "ok" and frame.keys() == {"input", "end", "value"}:
        value = frame["value"]
        try:
            _check_plain(value, 0)
        except RequestError:
            return None
        if "\\ud" in json.dumps(value) and not _is_text(json.dumps(value, ensure_ascii=False)):
            return Result(End.ERROR, error="NotPlainError", message="text with lone surrogates")
        return Result(End.OK, value)
    if frame.keys() != {"input", "end", "error", "message", "line"}:
        return None
    if [type(frame[k]) for k in ("error", "message", "line")] != [str, str, int]:
        return None
    ends = {"error": End.ERROR, "memory": End.MEMORY, "output": End.OUTPUT}
    if frame["end"] not in ends:
        return None
    message = frame["message"][:500].encode("utf-8", "replace").decode()
    name = frame["error"][:100].encode("utf-8", "replace").decode()
    return Result(ends[frame["end"]], None, name, message, frame["line"])


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
