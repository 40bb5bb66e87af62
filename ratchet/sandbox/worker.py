"""One launcher as its parent sees it: a process, a control socket, one run at a time.

Every wait here ends: with the launcher's answer, with its death, or at a time limit. None of them
rests on the end of a stream alone, which a stray copy of a descriptor, in a process that some other
thread forked, would keep open.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ratchet.sandbox.cgroup import Cgroup

_BOOT = """
import sys
sys.path.insert(0, sys.argv[3])
from ratchet.sandbox import launcher
launcher.main()
"""
_START_S = 120.0
"""Seconds a launcher may take to start: a tenth of one on a machine that is not busy."""
GRACE_S = 20.0
"""Seconds beyond every limit after which a run is given up."""


class Worker:
    """One launcher: its process and its control socket."""

    def __init__(
        self,
        namespaces: bool,
        uid: int,
        folder: Path | None,
        wrapper: Sequence[str] = (),
        cgroup: Cgroup | None = None,
    ) -> None:
        self.cgroup = cgroup
        """What the runs of this worker are held in, if anything."""
        self._config: dict[str, Any] = {
            "namespaces": namespaces,
            "uid": uid,
            "folder": str(folder or ""),
            "cgroup": cgroup.door if cgroup else -1,
        }
        self._wrapper = wrapper
        if folder is not None and not wrapper:  # or the wrapper makes it
            folder.mkdir(mode=0o700)
            if uid:
                os.chown(folder, uid, uid)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ended = -1
        self._lock = threading.Lock()
        self._over = False

    def open(self) -> dict[str, Any]:
        """Start the launcher; raises OSError if it cannot make what it is told to."""
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own = os.pidfd_open(os.getpid())  # by which the launcher learns that this process has ended
        with theirs:
            try:
                self._process = subprocess.Popen(
                    self._command(theirs.fileno(), own),
                    env={"PYTHONHASHSEED": "0"},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno(), own, *([self.cgroup.door] if self.cgroup else ())],
                    start_new_session=True,
                )
                self._ended = os.pidfd_open(self._process.pid)
            except BaseException:
                ours.close()
                raise
            finally:
                os.close(own)
        with self._lock:
            self._control = ours
            if self._over:
                ours.shutdown(socket.SHUT_RDWR)
        poller = select.poll()
        poller.register(ours, select.POLLIN)
        poller.register(self._ended, select.POLLIN)
        if not poller.poll(_START_S * 1000):
            raise TimeoutError(f"a launcher did not start within {_START_S:g} s")
        return self._answer()

    def _command(self, control: int, parent: int) -> Sequence[str]:
        config = json.dumps({**self._config, "parent": parent})
        return [
            *self._wrapper, os.path.realpath(sys.executable), "-s", "-P", "-S", "-B", "-X", "utf8",
            "-c", _BOOT, str(control), config, str(Path(__file__).parents[2]),
        ]  # fmt: skip

    def _answer(self) -> dict[str, Any]:
        """Return what the launcher has said; raises OSError if that is a problem or nothing."""
        assert self._control is not None
        try:
            said = self._control.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            said = b""
        answer: dict[str, Any] = json.loads(said or b'{"problem": "the launcher ended"}')
        if answer["problem"]:
            raise OSError(answer["problem"])
        return answer

    def run(self, message: bytes, largest: int, off: Iterable[str], seconds: float) -> bytes:
        """Send one request and return its report, empty if the run's warden was killed before it
        could report.

        Raises TimeoutError if there is no answer in so many seconds, any other OSError if the
        launcher is gone or could not start the run.
        """
        if self._control is None:
            self.open()
        control = self._control
        assert control is not None
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                order = json.dumps({"off": sorted(off), "seconds": seconds - GRACE_S / 2}).encode()
                socket.send_fds(control, [order], [theirs.fileno()])
            report = self._exchange(ours, control, message, largest, time.monotonic() + seconds)
        self._answer()
        return report

    def _exchange(
        self, ours: socket.socket, control: socket.socket, message: bytes, largest: int, end: float
    ) -> bytes:
        """Send and receive until the launcher answers, which it does when the warden has ended."""
        poller = select.poll()
        poller.register(control, select.POLLIN)
        poller.register(self._ended, select.POLLIN)
        poller.register(ours, select.POLLIN | select.POLLOUT)
        ours.setblocking(False)
        rest, report = memoryview(message), bytearray()
        try:
            while True:
                left = end - time.monotonic()
                ready = dict(poller.poll(max(left, 0.0) * 1000))
                if not ready:
                    raise TimeoutError("no answer came within every limit of the run")
                event = ready.get(ours.fileno(), 0)
                if event & select.POLLOUT and rest:
                    with suppress(BlockingIOError):
                        rest = rest[ours.send(rest[: 1 << 20]) :]
                    if not rest:
                        poller.modify(ours, select.POLLIN)
                elif event and not _read(ours, report, largest):
                    break
                elif not event:  # the launcher answers last: all that was written is here
                    return bytes(report)
        except (BrokenPipeError, ConnectionResetError):
            report.clear()
        poller.unregister(ours)
        ours.close()
        if not poller.poll(max(end - time.monotonic(), 0.0) * 1000):
            raise TimeoutError("no answer came within every limit of the run")
        return bytes(report) if len(report) <= largest else b""

    def hang_up(self) -> None:
        """Tell the launcher to end, and what runs under it, for good; who waits for it is let go.

        The one method that another thread may call during a run.
        """
        with self._lock:
            self._over = True
            if self._control is not None:
                with suppress(OSError):
                    self._control.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up and wait until the launcher has ended."""
        with self._lock:
            control, self._control = self._control, None
        if control is not None:
            control.close()
        if self._process is not None:
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._ended >= 0:
            os.close(self._ended)
            self._ended = -1


def _read(ours: socket.socket, report: bytearray, largest: int) -> bool:
    """Take what has come of a report; False at its end or past what it may have."""
    part = ours.recv(1 << 18)
    report += part
    return bool(part) and len(report) <= largest
