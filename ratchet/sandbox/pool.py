"""Workers: one warm launcher each, one run at a time each; as many runs in parallel as workers.

A run from any thread takes a free worker or waits for one; that is the back-pressure. A launcher
that dies is replaced, and its run is tried once more.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from ratchet.sandbox import wire
from ratchet.sandbox.protocol import Capability, Level, Limits, Outcome, Program, Value
from ratchet.sandbox.warden import PATIENCE

_BOOT = """
import sys
sys.path.insert(0, sys.argv[3])
from ratchet.sandbox import launcher
launcher.main()
"""
_START_S = 30.0
_GRACE_S = 20.0
"""Seconds beyond every limit after which a run is given up."""


class Worker:
    """One launcher: its process and its control socket."""

    def __init__(self, namespaces: bool, uid: int, folder: Path | None) -> None:
        self._config = {"namespaces": namespaces, "uid": uid, "folder": str(folder or "")}
        if folder is not None:
            folder.mkdir(mode=0o700)
            if uid:
                os.chown(folder, uid, uid)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def open(self) -> dict[str, Any]:
        """Start the launcher; raises OSError if it cannot make what it is told to."""
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_START_S)
        with theirs:
            self._process = subprocess.Popen(
                [
                    os.path.realpath(sys.executable), "-s", "-P", "-S", "-B", "-X", "utf8",
                    "-c", _BOOT, str(theirs.fileno()), json.dumps(self._config),
                    str(Path(__file__).parents[2]),
                ],
                env={"PYTHONHASHSEED": "0"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )  # fmt: skip
        self._control = ours
        hello: dict[str, Any] = json.loads(ours.recv(65536) or b'{"problem": "it ended at once"}')
        if hello["problem"]:
            raise OSError(hello["problem"])
        return hello

    def run(self, message: bytes, largest: int, off: Iterable[str], seconds: float) -> bytes:
        """Send one request and return its report; raises OSError if the launcher is gone.

        Empty if the run's warden was killed before it could report.
        """
        if self._control is None:
            self.open()
        control = self._control
        assert control is not None
        ours, theirs = socket.socketpair()
        control.settimeout(seconds)
        ours.settimeout(seconds)
        with ours:
            with theirs:
                order = json.dumps({"off": sorted(off), "seconds": seconds - _GRACE_S / 2}).encode()
                socket.send_fds(control, [order], [theirs.fileno()])
            parts, size = [], 0
            try:
                ours.sendall(message)
                while part := ours.recv(1 << 18):
                    parts.append(part)
                    size += len(part)
                    if size > largest:
                        break
            except (BrokenPipeError, ConnectionResetError):
                parts.clear()
        reply = json.loads(control.recv(65536) or b'{"problem": "it ended"}')
        if reply["problem"]:
            raise OSError(reply["problem"])
        return b"".join(parts) if size <= largest else b""

    def hang_up(self) -> None:
        """Tell the launcher to end, and what runs under it; whoever waits for it is let go."""
        if self._control is not None:
            with suppress(OSError):
                self._control.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up and wait until the launcher has ended."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


class LocalSandbox:
    """A sandbox of this machine's kernel. Make one with ``open_sandbox``."""

    def __init__(
        self, workers: int, namespaces: bool, uids: Sequence[int], off: Iterable[str]
    ) -> None:
        self._folder: Path | None = None  # in namespaces, folders live in memory
        if not namespaces:
            self._folder = Path(tempfile.mkdtemp(prefix="ratchet-sandbox-"))
            self._folder.chmod(0o711)
        self._off = frozenset(off)
        self._closed = threading.Event()
        self._workers = [
            Worker(namespaces, uids[k], self._folder / str(k) if self._folder else None)
            for k in range(workers)
        ]
        self._started = 0
        self._free: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        self._room = threading.BoundedSemaphore(4 * workers)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")
        self._finalizer = weakref.finalize(self, _close, self._workers, self._folder)
        self.isolated = namespaces
        self.uid = uids[0]
        self.capability = Capability("", Level.PROCESS, ())
        try:
            for worker in self._workers:
                worker.open()
                self._free.put(worker)
                self._started += 1
        except BaseException:
            self.close()
            raise

    def run(
        self,
        program: Program,
        inputs: Sequence[Sequence[Value] | str] = ((),),
        files: Mapping[str, bytes] = {},
        limits: Limits = Limits(),  # noqa: B008
    ) -> Outcome:
        """Run a program on its inputs in one fresh sandbox; see ``protocol.Sandbox``."""
        return self.run_without((), program, inputs, files, limits)

    def run_without(
        self,
        off: Iterable[str],
        program: Program,
        inputs: Sequence[Sequence[Value] | str] = ((),),
        files: Mapping[str, bytes] = {},
        limits: Limits = Limits(),  # noqa: B008
    ) -> Outcome:
        """Run with some layers off: for probes, which must know which layer holds."""
        if self._closed.is_set():
            return wire.refused("the sandbox is closed")
        try:
            message = wire.request(program, inputs, files, limits)
        except wire.RequestError as error:
            return wire.refused(str(error))
        largest = wire.largest_report(limits, len(inputs))
        seconds = PATIENCE * limits.wall_s + _GRACE_S
        off = self._off | set(off)
        worker = self._free.get()
        if worker is None or self._closed.is_set():
            self._free.put(worker)
            return wire.refused("the sandbox is closed")
        try:
            try:
                report = worker.run(message, largest, off, seconds)
            except OSError:
                if self._closed.is_set():
                    return wire.refused("the sandbox was closed")
                worker.open()
                report = worker.run(message, largest, off, seconds)
            if not report:
                return wire.killed(len(inputs))
            return wire.outcome(report, program, len(inputs), limits)
        except (OSError, ValueError, KeyError, TypeError) as error:
            worker.close()
            return wire.refused(f"the sandbox itself failed: {error}")
        finally:
            self._free.put(worker)

    def submit(
        self,
        program: Program,
        inputs: Sequence[Sequence[Value] | str] = ((),),
        files: Mapping[str, bytes] = {},
        limits: Limits = Limits(),  # noqa: B008
    ) -> Future[Outcome]:
        """Run in the background; blocks while four runs per worker are waiting already."""
        self._room.acquire()
        try:
            future = self._threads.submit(self.run, program, inputs, files, limits)
        except BaseException:
            self._room.release()
            raise
        future.add_done_callback(lambda _: self._room.release())
        return future

    def close(self) -> None:
        """End every process and remove every folder; safe to call twice."""
        self._closed.set()
        for worker in self._workers:
            worker.hang_up()
        self._threads.shutdown(wait=True, cancel_futures=True)
        if self._finalizer.alive:
            for _ in range(self._started):
                self._free.get()  # runs that other threads had under way
            self._free.put(None)  # whoever still waits for a worker
        self._finalizer()

    def __enter__(self) -> LocalSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _close(workers: list[Worker], folder: Path | None) -> None:
    for worker in workers:
        worker.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
