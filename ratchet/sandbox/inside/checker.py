"""Runs a check function on a stub that stands for the candidate; no candidate code is here.

The stub answers its n-th call from a table of results. Past the end of the table, or where the
arguments are others than the table's, ``verify`` stops and says what was called; ``foresee`` goes
on with an unknown value to guess which calls come next. A guess decides nothing.
"""

from __future__ import annotations

import builtins
import random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ratchet.sandbox.inside.tags import decode, encode


class Stop(BaseException):
    """Ends the check from inside a call, whatever the check catches."""


class CandidateError(Exception):
    """Stands for an error of the candidate that has no built-in type."""


class Unknown:
    """A value that is not known yet: operations give it back, comparisons are true."""

    def _same(self, *arguments: object, **keywords: object) -> Unknown:
        return self

    def _yes(self, *arguments: object) -> bool:
        return True

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _same
    __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _same
    __neg__ = __pos__ = __abs__ = __round__ = __getitem__ = __call__ = __and__ = __rand__ = _same
    __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = _same
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __bool__ = _yes

    def __getattr__(self, name: str) -> Unknown:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __hash__(self) -> int:
        return 0

    def __index__(self) -> int:
        return 0

    def __int__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.0

    def __str__(self) -> str:
        return ""


class Stub:
    """Stands for the candidate: replays known results, and notes what it cannot answer."""

    def __init__(self, calls: list[Any], results: list[Any], ahead: int) -> None:
        self.calls = calls
        self.results = results
        self.ahead = ahead
        self.known = len(results)
        self.made: list[Any] = []
        self.status: dict[str, Any] = {}

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Answer a call of the candidate from the table, or note it."""
        at = len(self.made)
        try:
            given = [encode(list(arguments)), {key: encode(v) for key, v in keywords.items()}]
        except TypeError as error:
            self.stop("unplain", message=f"the check passes what is not data: {error}")
        self.made.append(given)
        if at < self.known and same(given, self.calls[at]):
            return self.replay(at)
        self.known = min(self.known, at)
        if at < self.known + self.ahead:
            return Unknown()
        self.stop("unknown", at=at)

    def replay(self, at: int) -> Any:
        """Return or raise what the candidate returned or raised in this call."""
        result = self.results[at]
        if result["end"] == "ok":
            try:
                return decode(result["value"])
            except Exception as wrong:
                self.stop("ended", message=f"what came back is no value: {wrong}"[:500])
        if result["end"] != "error" or result["error"] in FINAL:
            self.stop("ended", at=at)
        kind = getattr(builtins, result["error"], None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            try:
                error = kind(result["message"])
            except TypeError:
                error = CandidateError(result["message"])
            raise error
        raise CandidateError(f"{result['error']}: {result['message']}")

    def stop(self, status: str, **more: Any) -> None:
        """End the check here with this status, even if the check catches everything."""
        self.status = self.status or {"status": status, **more}
        raise Stop


FINAL = (
    "",
    "SystemExit",
    "KeyboardInterrupt",
    "GeneratorExit",
    "NotPlainValue",
    "NotPlainError",
    "EarlyExit",
    "ChannelError",
)
"""Errors after which a candidate is not asked again; no check may expect them."""


def foresee(space: Any, entry: str, calls: Any, results: Any, ahead: int, seed: int) -> Any:
    """Return the calls that a check would make, the known ones first."""
    stub = Stub(calls, results, ahead)
    run(space, entry, stub, seed)
    return stub.made[: stub.known + ahead]


def verify(space: Any, entry: str, calls: Any, results: Any, ahead: int, seed: int) -> Any:
    """Return what a check says on known results: passed, failed, ended, unplain or unknown."""
    stub = Stub(calls, results, ahead)
    line, error = run(space, entry, stub, seed)
    status = stub.status
    if not status and error is not None:
        status = {"status": "failed", "error": type(error).__name__, "message": str(error)[:500]}
    status = {"status": "passed", **status, "line": line, "calls": len(stub.made)}
    at = len(stub.made) - 1
    if status["status"] in ("unknown", "unplain") or at < 0:
        return {**status, "made": stub.made}
    arguments, keywords = stub.made[at]
    shown = [text(decode(value)) for value in arguments]
    shown += [f"{key}={text(decode(value))}" for key, value in keywords.items()]
    result = results[at]
    got = (
        text(decode(result["value"]))
        if status["status"] != "ended" and result["end"] == "ok"
        else ""
    )
    return {**status, "call": f"{entry}({', '.join(shown)})"[:500], "got": got}


def run(space: Any, entry: str, stub: Stub, seed: int) -> tuple[int, BaseException | None]:
    """Run the check; return the line it stopped at and the error, if it did not end well."""
    random.seed(seed)
    space[entry] = stub
    try:
        space["check"](stub)
    except BaseException as error:
        line, trace = 0, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals is space:
                line = trace.tb_lineno
            trace = trace.tb_next
        return line, error
    return 0, None


def same(a: Any, b: Any) -> bool:
    """Return whether two plain values are the same call; NaN is itself here."""
    if type(a) is not type(b):
        return False
    if type(a) is list:
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is dict:
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    return bool(a == b or (a != a and b != b))


def text(value: Any) -> str:
    """Return a value as Python writes it, cut to 200 characters."""
    try:
        shown = repr(value)
    except ValueError:
        return "<an integer too long to print>"
    return shown if len(shown) <= 200 else shown[:197] + "..."
