"""Testing each layer by doing what it should prevent, with every other layer off.

A layer holds if the attempt fails under it and succeeds without it: an attempt that fails anyway
proves nothing. The attempts are programs, run the way any program is run.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import End, Layer, Limits, Program

LAYERS = ("uid", "rlimits", "namespaces", "seccomp", "landlock")
"""Every layer, by the name that ``off`` knows it by."""
WITHIN = frozenset({"rlimits", "seccomp", "landlock", "cgroup"})
"""Those that one run can be without."""
_LIMITS = Limits(cpu_s=10.0, wall_s=30.0)

_ATTEMPTS = '''
import errno, os
def attempt(what, where):
    """Do what a layer forbids; return what happened."""
    try:
        return {"read": read, "reach": reach, "personality": personality,
                "grow": grow, "root": root, "see": see, "fork": fork}[what](where)
    except (OSError, MemoryError) as error:
        return "refused: " + (errno.errorcode.get(getattr(error, "errno", 0) or 0) or "memory")
def read(where):
    os.close(os.open(where, os.O_RDONLY))
    return "done"
def see(where):
    os.kill(where, 0)
    return "done"
def reach(where):
    import socket
    with socket.socket() as link:
        link.settimeout(2)
        link.connect(("127.0.0.1", where))
    return "done"
def personality(where):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.personality(0xFFFFFFFF) < 0:
        raise OSError(ctypes.get_errno(), "personality")
    return "done"
def grow(where):
    import ctypes
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    if not libc.malloc(ctypes.c_size_t(where)):
        raise MemoryError
    return "done"
def fork(where):
    for _ in range(where):
        if os.fork() == 0:
            os.read(os.pipe()[0], 1)
    return "done"
def root(where):
    return "done" if os.getuid() == 0 or 0 in os.getgroups() else "refused: not root"
'''


@contextmanager
def _host() -> Iterator[tuple[str, int]]:
    """Make a file that anyone may read and a port that anyone may connect to."""
    with socket.socket() as listener, tempfile.TemporaryDirectory() as folder:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        os.chmod(folder, 0o755)
        path = os.path.join(folder, "canary")
        with open(path, "w", encoding="utf-8") as file:
            file.write("canary")
        os.chmod(path, 0o644)
        yield path, int(listener.getsockname()[1])


class _Probe:
    """Attempts under one set of layers."""

    def __init__(self, sandbox: LocalSandbox) -> None:
        self.sandbox = sandbox

    def attempt(self, what: str, where: object, only: str) -> str:
        """Return ``done`` or why it could not be done, under one layer of ``WITHIN`` or none."""
        outcome = self.sandbox.run_without(
            WITHIN - {only},
            Program(_ATTEMPTS, "attempt"),
            [(what, where)],  # type: ignore[list-item]
            limits=_LIMITS,
        )
        if outcome.end is not End.OK:
            return f"failed: {outcome.end.value} {outcome.reason}".strip()
        return str(outcome.results[0].value)


def probe(sandbox: LocalSandbox, isolated: bool, uid: int, off: frozenset[str]) -> list[Layer]:
    """Return what each layer prevents; one that is in ``off`` is reported as off."""
    with _host() as (path, port):
        found = []
        for name in LAYERS:
            if name in off and not (name == "uid" and os.geteuid() != 0):
                found.append(Layer(name, False, "turned off"))
            elif name == "namespaces":
                found.append(_namespaces(sandbox, isolated, path, port))
            else:
                found.append(_other(sandbox, name, isolated, uid, path))
    return found


def _namespaces(sandbox: LocalSandbox, isolated: bool, path: str, port: int) -> Layer:
    if not isolated:
        return Layer("namespaces", False, "not in use")
    probe_of = _Probe(sandbox)
    tried = {
        "a file of the machine": probe_of.attempt("read", path, ""),
        "a port of the machine": probe_of.attempt("reach", port, ""),
        "a process of the machine": probe_of.attempt("see", os.getpid(), ""),
    }
    return _verdict("namespaces", tried, control="done")


def _other(sandbox: LocalSandbox, name: str, isolated: bool, uid: int, path: str) -> Layer:
    probe_of = _Probe(sandbox)
    if name == "uid":
        if os.geteuid() != 0:
            return Layer("uid", True, "started by an ordinary user")
        if not uid:
            return Layer("uid", False, "started as root, and no other user id can be had")
        return _verdict("uid", {"being root": probe_of.attempt("root", 0, "")}, control="done")
    attempts: dict[str, tuple[str, str, object]] = {
        "rlimits": ("twice the memory allowed", "grow", 2 * _LIMITS.memory),
        "seccomp": ("a call that is not allowed", "personality", 0),
        "landlock": ("a file that is not allowed", "read", sandbox.canary if isolated else path),
    }
    label, what, where = attempts[name]
    tried = {label: probe_of.attempt(what, where, only=name)}
    control = probe_of.attempt(what, where, only="")
    return _verdict(name, tried, control)


def _verdict(name: str, tried: dict[str, str], control: str) -> Layer:
    text = "; ".join(f"{label}: {result}" for label, result in tried.items())
    holds = control == "done" and all(r.startswith("refused: ") for r in tried.values())
    if control != "done":
        text += f"; without it: {control}, so nothing is proved"
    return Layer(name, holds, text)


def cgroup(sandbox: LocalSandbox, off: frozenset[str]) -> Layer:
    """Return whether a cgroup holds a run's processes: a second fence, that no level asks for."""
    if "cgroup" in off:
        return Layer("cgroup", False, "turned off")
    if not sandbox.in_cgroup:
        remedy = "start from systemd-run --user --scope to be handed one"
        return Layer("cgroup", False, f"none that may be used; {remedy}")
    probe_of = _Probe(sandbox)
    tried = {"more processes than allowed": probe_of.attempt("fork", 4, only="cgroup")}
    return _verdict("cgroup", tried, probe_of.attempt("fork", 4, only=""))


def python_is_complete(sandbox: LocalSandbox) -> Layer:
    """Return whether programs can import the standard library: a matter of use, not of safety."""
    program = Program("def f():\n    import fractions, csv, random\n    return 1", "f")
    outcome = sandbox.run(program, limits=_LIMITS)
    if outcome.end is End.OK:
        return Layer("interpreter", True, "the standard library can be imported")
    where = sys.base_prefix
    result = outcome.results[0].message if outcome.results else outcome.reason
    return Layer("interpreter", False, f"the library of {where} cannot be read inside: {result}")
