"""An attack, the host it is aimed at, and what must hold afterwards.

Every attack is a function ``attack(host)`` that returns something true only if it got through.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex
from textwrap import dedent
from typing import Any

from ratchet.sandbox.protocol import End, Limits, Outcome, Program, Sandbox, Value

QUICK = Limits(cpu_s=1.0, wall_s=6.0, scratch=4 * 2**20)
BLOCKED = frozenset({End.OK, End.ERROR, End.KILLED})

PATIENCE_S = 60.0
"""How far a busy machine may be behind; no verdict hangs on it."""
MISTAKES = frozenset({"NameError", "AttributeError", "TypeError", "SyntaxError", "ImportError"})

PRELUDE = """
import ctypes, errno, os, signal, socket, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)

def tries(*acts):
    got = []
    for act in acts:
        try:
            found = act()
        except Exception as error:
            continue
        got.append(str(found)[:200])
    return got

def fork_on(act):
    pid = os.fork()
    if pid == 0:
        try:
            act()
        finally:
            os._exit(0)
    return pid
"""


@dataclass(frozen=True)
class Attack:
    """Source text of an attack and how it may end."""

    name: str
    source: str
    """Defines ``attack(host)``; PRELUDE stands before it."""
    ends: frozenset[End] = BLOCKED
    limits: Limits = QUICK
    control: bool = False
    """Whether it gets through, and does no harm, when it runs without a sandbox: a test runs it so,
    to show that the attack itself works."""

    def __str__(self) -> str:
        return self.name


def attack(name: str, source: str, *ends: End, control: bool = False, **limits: Any) -> Attack:
    """Return an attack; without ends it may end in any way but getting through."""
    return Attack(
        name, dedent(source), frozenset(ends) or BLOCKED, replace(QUICK, **limits), control
    )


@dataclass
class Host:
    """What an attack wants: all of it readable and writable for any user of the machine."""

    folder: Path
    secret: str
    server: socket.socket
    datagrams: socket.socket
    abstract: socket.socket
    path_socket: socket.socket
    mail: socket.socket
    victim: subprocess.Popen[bytes]
    listing: list[str] = field(default_factory=list)

    @property
    def facts(self) -> dict[str, Value]:
        """What an attacker is told, so that nothing depends on its finding it."""
        return {
            "folder": str(self.folder),
            "file": str(self.folder / "canary"),
            "ledger": str(self.folder / "runs/one/ledger.sqlite"),
            "key": str(self.folder / "runs/one/evaluator/key"),
            "home": str(self.folder / "home"),
            "root": str(Path(__file__).parents[2]),
            "host": os.getpid(),
            "victim": self.victim.pid,
            "port": self.server.getsockname()[1],
            "udp": self.datagrams.getsockname()[1],
            "abstract": self.abstract.getsockname().decode("latin-1").replace("\0", ""),
            "socket": str(self.folder / "socket"),
            "mail": str(self.folder / "mail"),
        }

    def check(self) -> None:
        """Assert that nothing was touched."""
        for name in FILES:
            path = self.folder / name
            found = path.stat()
            path.chmod(0o666)
            assert found.st_mode & 0o777 == 0o666, f"{name} has another mode now"
            assert found.st_nlink == 1, f"{name} has another name now"
            assert path.read_text() == self.secret, f"{name} was changed"
        assert sorted(map(str, self.folder.rglob("*"))) == self.listing, "a file came or went"
        assert self.victim.poll() is None, "the victim was killed"
        assert state_of(self.victim.pid) in "SR", "the victim was stopped"
        for listener in (self.server, self.abstract, self.path_socket):
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                continue
            raise AssertionError("something connected")
        for datagrams in (self.datagrams, self.mail):
            try:
                datagrams.recv(99)
            except BlockingIOError:
                continue
            raise AssertionError("a datagram came")


FILES = (
    "canary",
    "runs/one/ledger.sqlite",
    "runs/one/evaluator/key",
    "home/.ssh/id_ed25519",
    "home/.netrc",
)


@contextmanager
def open_host() -> Iterator[Host]:
    """Set the canaries up: files, listeners, and a process, under no protection of their own."""
    name = f"ratchet-attack-{token_hex(4)}"
    with tempfile.TemporaryDirectory(prefix=name) as text, socket.socket() as server:
        folder, secret = Path(text), token_hex(16)
        folder.chmod(0o777)
        for file in FILES:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(secret)
            path.chmod(0o666)
        for place in folder.rglob("*"):
            if place.is_dir():
                place.chmod(0o777)
        server.bind(("127.0.0.1", 0))
        datagrams = socket.socket(type=socket.SOCK_DGRAM)
        datagrams.bind(("127.0.0.1", 0))
        abstract, path_socket = (socket.socket(socket.AF_UNIX) for _ in range(2))
        abstract.bind("\0" + name)
        path_socket.bind(str(folder / "socket"))
        (folder / "socket").chmod(0o777)
        for listener in (server, abstract, path_socket):
            listener.listen(8)
            listener.setblocking(False)
        datagrams.setblocking(False)
        mail = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        mail.bind(str(folder / "mail"))
        (folder / "mail").chmod(0o777)
        mail.setblocking(False)
        victim = subprocess.Popen(
            [sys.executable, "-ISc", "import time\nwhile True: time.sleep(0.2)"],
            env={"RATCHET_TOKEN": secret},
            cwd=folder,
        )
        host = Host(folder, secret, server, datagrams, abstract, path_socket, mail, victim)
        host.listing = sorted(map(str, folder.rglob("*")))
        try:
            yield host
        finally:
            victim.kill()
            victim.wait()
            for made in (datagrams, abstract, path_socket, mail):
                made.close()


def assault(sandbox: Sandbox, host: Host, attack: Attack) -> Outcome:
    """Run an attack and assert what must hold after any: blocked, host untouched, none left."""
    before = descendants()
    program = Program(PRELUDE + attack.source, "attack")
    began = time.monotonic()
    outcome = sandbox.run(program, [(host.facts,)], limits=attack.limits)
    took = time.monotonic() - began
    said = f"{outcome.end}: {outcome.reason} {outcome.results}"
    assert outcome.end in attack.ends, said
    (result,) = outcome.results
    assert result.end in (outcome.end, End.OK), said
    assert result.error not in MISTAKES, f"the attack itself is wrong: {said}"
    assert not result.value, f"it got through: {said}"
    assert host.secret not in repr(outcome), "a secret came out"
    assert took < attack.limits.wall_s + PATIENCE_S, f"it held the host up for {took:.1f} s"
    host.check()
    assert no_more_than(before), "a process survived"
    return outcome


def unprotected(host: Host, attack: Attack) -> bool:
    """Return whether an attack gets through in a plain process of this user."""
    code = (
        f"{PRELUDE}\n{attack.source}\nimport json\n"
        "sys.stdout.write(json.dumps(bool(attack(json.loads(sys.stdin.readline())))))"
    )
    done = subprocess.run(
        [sys.executable, "-IS", "-c", code],
        input=json.dumps(host.facts),
        capture_output=True,
        text=True,
        timeout=20,
        cwd=host.folder,
    )
    return done.stdout.endswith("true")


def state_of(pid: int) -> str:
    """Return a process's state letter; X if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def descendants() -> set[int]:
    """Return the living processes under this one; orphans come back to it (see conftest)."""
    parents: dict[int, int] = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if stat[0] not in "ZX":
            parents[int(entry)] = int(stat[1])
    found: set[int] = set()
    grown = {os.getpid()}
    while grown:
        grown = {pid for pid, parent in parents.items() if parent in grown} - found
        found |= grown
    return found


def no_more_than(before: set[int], patience_s: float = PATIENCE_S) -> bool:
    """Return whether the number of processes under this one comes back to what it was."""
    end = time.monotonic() + patience_s
    while len(descendants()) > len(before):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
