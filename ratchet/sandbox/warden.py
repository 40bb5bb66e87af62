"""The process that watches one run: it sets the stage, forks the program, measures, ends it.

It is process 1 of the run's namespaces, forked from a launcher that never saw a program; it gets
the request over a socket of its own, so that nothing of one run is in the memory of the next. It
never executes candidate code: that happens in a child (``runner``) after every layer is in force.
When it ends, the kernel ends whatever is left of the run.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ratchet.sandbox import runner, watch
from ratchet.sandbox.namespaces import INODES
from ratchet.sandbox.stage import CHANNEL, HIGH, Stage

TICK = 0.05
"""Seconds between two looks at a process tree."""
PATIENCE = 20
"""How many times its wall limit a run may last if it was waiting for a core all that time."""
FRAME_ROOM = 6 * runner.MESSAGE + 512
"""Bytes of a frame around its value."""
CHUNK = 1 << 16


@dataclass
class Leg:
    """How one process of a run ended, and what it wrote."""

    why: str = "exit"
    """exit, signal, cpu, wall, memory, output, values, scratch, setup or abandoned."""
    code: int = 0
    """Exit code or signal."""
    nonce: str = ""
    """What its frames begin with."""
    streams: list[bytearray] = field(default_factory=lambda: [bytearray() for _ in range(3)])
    """Standard output, standard error, frames."""


class Warden:
    """Runs the legs of one request: one for a function, one per input for a script."""

    def __init__(self, stage: Stage, request: dict[str, Any], parent: int) -> None:
        bounds = request["limits"]
        self.stage, self.request, self.bounds, self.parent = stage, request, bounds, parent
        self.alone = bounds["processes"] == 1
        self.start = time.monotonic()
        frames = bounds["values"] + FRAME_ROOM * (len(request["inputs"]) + 2)
        self.room = [bounds["output"], bounds["output"], frames]
        self.cpu_s = 0.0
        self.peak = 0
        self.starved = 0.0
        self.waits: dict[int, float] = {}
        self.here = int(os.readlink("self", dir_fd=stage.proc)) if stage.proc >= 0 else 0

    def run(self) -> list[Leg]:
        """Run every leg that the limits leave room for."""
        if self.request["entry"]:
            return [self.leg(b"")]
        legs: list[Leg] = []
        for text in self.request["inputs"]:
            legs.append(self.leg(text.encode("utf-8", "replace")))
            if legs[-1].why not in ("exit", "signal", "memory"):
                break
        return legs

    def leg(self, stdin: bytes) -> Leg:
        """Run the program once, in a child of its own, to whatever end."""
        given = sealed(stdin)
        pipes = [os.pipe() for _ in range(3)]
        leg = Leg(nonce=os.urandom(12).hex())
        pid = os.fork()
        if pid == 0:
            self.become_program([given, *(writer for _, writer in pipes)], leg.nonce)
        for descriptor in (given, *(writer for _, writer in pipes)):
            os.close(descriptor)
        readers = [reader for reader, _ in pipes]
        try:
            self.watch(pid, readers, leg)
        finally:
            for reader in readers:
                os.close(reader)
        return leg

    def become_program(self, given: list[int], nonce: str) -> None:
        """Confine this process and run the program in it; does not return."""
        code = 1
        try:
            high = [os.dup2(held, HIGH + k) for k, held in enumerate(given)]
            try:
                here = self.stage.enter(self.bounds, self.bounds["cpu_s"] - self.cpu_s, high)
            except OSError as error:
                write(given[CHANNEL], f"setup {error}\n".encode())
                os._exit(1)
            write(CHANNEL, f"ready {here}\n".encode())
            channel = runner.Channel(CHANNEL, nonce, self.bounds["values"])
            source, entry = self.request["source"], self.request["entry"]
            folder = self.stage.folder
            if entry:
                runner.run_function(source, entry, self.request["inputs"], channel, folder)
            else:
                runner.run_script(source, channel, folder)
            code = 0
        finally:
            os._exit(code)

    def watch(self, pid: int, readers: list[int], leg: Leg) -> None:
        """Read what a program writes until it ends or passes a limit; leave nothing of it alive."""
        poller = select.poll()
        for reader in readers:
            os.set_blocking(reader, False)
            poller.register(reader, select.POLLIN)
        end = os.pidfd_open(pid)
        poller.register(end, select.POLLIN)
        poller.register(self.parent, 0)  # reports only that the other end has gone
        ended = False
        look = time.monotonic() + TICK
        try:
            while not ended and leg.why == "exit":
                wait = self.until_limit(pid, leg)
                if leg.why != "exit":
                    break
                wait = min(wait, max(look - time.monotonic(), 0.001))
                for descriptor, _ in poller.poll(wait * 1000 + 1):
                    if descriptor == end:
                        ended = True
                    elif descriptor == self.parent:
                        leg.why = "abandoned"
                    elif not self.read(descriptor, readers.index(descriptor), leg):
                        poller.unregister(descriptor)
                if time.monotonic() >= look:
                    began = time.monotonic()
                    self.look(pid, leg)
                    look = began + max(TICK, 10 * (time.monotonic() - began))
            status, used = self.end(pid)
        finally:
            os.close(end)
        for kind, reader in enumerate(readers):
            while leg.why == "exit" and self.read(reader, kind, leg, last=True):
                continue
        self.close(leg, status, used)

    def read(self, reader: int, kind: int, leg: Leg, last: bool = False) -> bool:
        """Take what a stream holds; False at its end. Past its limit the leg is over."""
        try:
            data = os.read(reader, CHUNK)
        except BlockingIOError:
            return not last
        leg.streams[kind] += data[: self.room[kind]]
        self.room[kind] -= len(data)
        if self.room[kind] < 0:
            leg.why = "values" if kind == 2 else "output"
        return bool(data)

    def until_limit(self, pid: int, leg: Leg) -> float:
        """Return the seconds until a time limit can be reached; note one that has been."""
        cpu = self.bounds["cpu_s"] - self.cpu_s - watch.clock(pid)
        wall = self.bounds["wall_s"] - (time.monotonic() - self.start)
        if cpu <= 0:
            leg.why = "cpu"
        elif wall <= 0:
            if -wall < (PATIENCE - 1) * self.bounds["wall_s"]:
                self.note_waiting(self.tree(leg))
                wall += self.starved
            if wall <= 0:
                leg.why = "wall"
        return float(min(cpu, wall)) if self.alone else float(min(cpu, wall, TICK))

    def note_waiting(self, tree: list[int]) -> None:
        """Add up the seconds for which there was no core for the program, or for this process.

        Of several processes the one that waited longest since the last look counts: the others may
        have waited for it.
        """
        now = {pid: watch.waited(self.stage.proc, pid) for pid in (self.here, *tree)}
        self.starved += max(found - self.waits.get(pid, 0.0) for pid, found in now.items())
        self.waits = now

    def tree(self, leg: Leg) -> list[int]:
        """Return the program's process and all that came from it, by their ids in /proc.

        Orphans come back to the warden, so all that is below it is the program's.
        """
        if self.alone and (said := _ready(leg)):
            return [said]
        return watch.descendants(self.stage.proc, self.here) if self.here else []

    def look(self, pid: int, leg: Leg) -> None:
        """Measure the tree; note a limit that it has passed."""
        tree = self.tree(leg)
        self.note_waiting(tree)
        memory = watch.memory(self.stage.proc, tree)
        self.peak = max(self.peak, memory)
        if memory > self.bounds["memory"]:
            leg.why = "memory"
        scratch, stage = self.bounds["scratch"], self.stage
        if not stage.namespaces and watch.is_overfull(stage.folder, scratch, INODES):
            leg.why = "scratch"
        if not self.alone and watch.cpu(self.stage.proc, tree) > self.bounds["cpu_s"] - self.cpu_s:
            leg.why = "cpu"

    def end(self, pid: int) -> tuple[int, float]:
        """Kill what is left of a leg; return the program's status and the CPU seconds of all."""
        status, used = 0, 0.0
        while True:
            self.kill(pid)
            try:
                ended, found, usage = os.wait4(-1, 0)
            except ChildProcessError:
                return status, used
            used += usage.ru_utime + usage.ru_stime
            self.peak = max(self.peak, usage.ru_maxrss * 1024)
            if ended == pid:
                status, pid = found, 0

    def kill(self, pid: int) -> None:
        """Kill everything below this process."""
        with suppress(ProcessLookupError):
            if self.stage.namespaces and os.getpid() == 1:
                os.kill(-1, signal.SIGKILL)  # process 1 kills all but itself
            elif self.alone and self.stage.seccomp:
                if pid:  # once waited for, the number may be another's
                    os.kill(pid, signal.SIGKILL)
            else:
                for below in watch.descendants(self.stage.proc, os.getpid()):
                    os.kill(below, signal.SIGKILL)

    def close(self, leg: Leg, status: int, used: float) -> None:
        """Say how a leg ended."""
        self.cpu_s += used
        if leg.streams[2].startswith(b"setup "):
            leg.why = "setup"
        if leg.why == "exit" and os.WIFSIGNALED(status):
            leg.why, leg.code = "signal", os.WTERMSIG(status)
            if leg.code == signal.SIGXCPU or self.cpu_s >= self.bounds["cpu_s"]:
                leg.why = "cpu"
        elif leg.why == "exit":
            leg.code = os.waitstatus_to_exitcode(status)


def _ready(leg: Leg) -> int:
    """Return the program's process by its id in /proc, 0 while it has not said that it is ready."""
    first, _, _ = bytes(leg.streams[2][:32]).partition(b"\n")
    word, _, number = first.partition(b" ")
    return int(number) if word == b"ready" and number.isdigit() else 0


def write(descriptor: int, data: bytes) -> None:
    """Write all of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sealed(data: bytes) -> int:
    """Return a descriptor of a file in memory that nobody can change or grow."""
    held = os.memfd_create("stdin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    write(held, data)
    os.lseek(held, 0, os.SEEK_SET)
    fcntl.fcntl(held, fcntl.F_ADD_SEALS, 0b1111)
    return held


def read_exactly(descriptor: int, size: int) -> bytes:
    """Read so many bytes; raises EOFError if the other end stops before."""
    parts = []
    while size:
        part = os.read(descriptor, min(size, 1 << 20))
        if not part:
            raise EOFError("the request ends early")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def serve(stage: Stage, parent: int) -> None:
    """Read the request from the parent, run it, write the report; all else is the kernel's."""
    head = json.loads(read_exactly(parent, int.from_bytes(read_exactly(parent, 8), "little")))
    files = [(path, read_exactly(parent, size)) for path, size in head["files"]]
    warden: Warden | None = None
    legs: list[Leg] = []
    problem = ""
    try:
        stage.set(files, head["limits"]["scratch"])
        warden = Warden(stage, head, parent)
        legs = warden.run()
    except OSError as error:
        problem = str(error)
    report = {
        "problem": problem,
        "cpu_s": warden.cpu_s if warden else 0.0,
        "wall_s": time.monotonic() - warden.start if warden else 0.0,
        "memory": warden.peak if warden else 0,
        "legs": [
            {"why": x.why, "code": x.code, "nonce": x.nonce, "sizes": [len(s) for s in x.streams]}
            for x in legs
        ],
    }
    text = json.dumps(report).encode()
    body = b"".join(bytes(stream) for leg in legs for stream in leg.streams)
    write(parent, len(text).to_bytes(8, "little") + text + body)
