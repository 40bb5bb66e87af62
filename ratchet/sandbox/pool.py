"""Workers: one warm launcher each, one run at a time each; as many runs in parallel as workers.

A run from any thread takes a free worker or waits for one; ``submit`` and ``run_async`` wait for
room in a queue of four runs a worker: that is the back-pressure. A launcher that dies is replaced,
and its run is tried once more.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import queue
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ratchet.sandbox import bubblewrap, cgroup, wire
from ratchet.sandbox.cgroup import Cgroup
from ratchet.sandbox.namespaces import CANARY
from ratchet.sandbox.protocol import Capability, Level, Limits, Outcome, Program, Value
from ratchet.sandbox.warden import PATIENCE
from ratchet.sandbox.worker import GRACE_S, Worker

_numbers = itertools.count()
QUEUE = 4
"""Runs that may wait for each worker."""


class LocalSandbox:
    """A sandbox of this machine's kernel. Make one with ``open_sandbox``."""

    def __init__(
        self,
        workers: int,
        namespaces: bool,
        uids: Sequence[int],
        off: Iterable[str],
        wrapper: Sequence[str] = (),
    ) -> None:
        self._folder: Path | None = None  # in namespaces, folders live in memory
        if not namespaces and not wrapper:
            self._folder = Path(tempfile.mkdtemp(prefix="ratchet-sandbox-"))
            self._folder.chmod(0o711)
        self._off = frozenset(off)
        self._closed = threading.Event()
        self._workers: list[Worker] = []
        self._started = 0
        self._free: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        self._room = threading.BoundedSemaphore(QUEUE * workers)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")
        self._door = ThreadPoolExecutor(1, thread_name_prefix="sandbox-door")
        self._owner = os.getpid()
        self._finalizer = weakref.finalize(self, _close, self._workers, self._folder, self._owner)
        self.isolated = namespaces or bool(wrapper)
        self.canary = bubblewrap.CANARY if wrapper else CANARY
        self.provider = "bubblewrap" if wrapper else "direct" if namespaces else "process"
        self.uid = uids[0]
        self.capability = Capability("", Level.PROCESS, ())
        box = Path(bubblewrap.FOLDER) if wrapper else None
        try:
            for k in range(workers):
                folder = self._folder / str(k) if self._folder else box
                held = self._cgroup("cgroup" in self._off)
                worker = Worker(namespaces, uids[k], folder, wrapper, held)
                self._workers.append(worker)
                worker.open()
                self._free.put(worker)
                self._started += 1
        except BaseException:
            self.close()
            raise
        self.in_cgroup = all(worker.cgroup for worker in self._workers)

    @staticmethod
    def _cgroup(off: bool) -> Cgroup | None:
        above = None if off else cgroup.find()
        if above is None:
            return None
        cgroup.tidy(above)
        try:
            return Cgroup(above, next(_numbers))
        except OSError:
            return None

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
        if os.getpid() != self._owner:
            return wire.refused("the sandbox belongs to the process that this one was forked from")
        if self._closed.is_set():
            return wire.refused("the sandbox is closed")
        try:
            message = wire.request(program, inputs, files, limits)
        except wire.RequestError as error:
            return wire.refused(str(error))
        largest = wire.largest_report(limits, len(inputs))
        seconds = PATIENCE * limits.wall_s + GRACE_S
        off = self._off | set(off)
        worker = self._free.get()
        if worker is None or self._closed.is_set():
            self._free.put(worker)
            return wire.refused("the sandbox is closed")
        held = worker.cgroup if "cgroup" not in off else None
        try:
            kills = self._limit(held, limits)
            try:
                report = worker.run(message, largest, off, seconds)
            except TimeoutError:  # another try would wait as long
                raise
            except OSError:
                if self._closed.is_set():
                    return wire.refused("the sandbox was closed")
                worker.open()
                report = worker.run(message, largest, off, seconds)
            if not report:
                return wire.killed(len(inputs))
            starved = held is not None and held.kills() > kills
            return wire.outcome(report, program, len(inputs), limits, starved)
        except (OSError, ValueError, KeyError, TypeError) as error:
            worker.close()
            return wire.refused(f"the sandbox itself failed: {error}")
        finally:
            self._free.put(worker)

    @staticmethod
    def _limit(held: Cgroup | None, limits: Limits) -> int:
        """Set a run's limits on its cgroup; return how often memory ran out in it until now."""
        if held is None:
            return 0
        held.limit(limits.memory, limits.scratch, limits.processes)
        return held.kills()

    def submit(
        self,
        program: Program,
        inputs: Sequence[Sequence[Value] | str] = ((),),
        files: Mapping[str, bytes] = {},
        limits: Limits = Limits(),  # noqa: B008
    ) -> Future[Outcome]:
        """Run in the background; blocks while four runs per worker are waiting already.

        The future's result is an outcome, whatever happens; it may be cancelled until it runs.
        """
        if os.getpid() != self._owner:
            return _done(self.run(program, inputs, files, limits))
        self._room.acquire()
        try:
            future = self._threads.submit(self.run, program, inputs, files, limits)
        except RuntimeError:  # closed meanwhile
            self._room.release()
            return _done(wire.refused("the sandbox is closed"))
        future.add_done_callback(lambda _: self._room.release())
        return future

    async def run_async(
        self,
        program: Program,
        inputs: Sequence[Sequence[Value] | str] = ((),),
        files: Mapping[str, bytes] = {},
        limits: Limits = Limits(),  # noqa: B008
    ) -> Outcome:
        """Run without holding up the event loop; waits its turn while the queue is full.

        Cancelled before it runs, it never does; cancelled later, it ends by its limits.
        """
        if os.getpid() != self._owner:
            return self.run(program, inputs, files, limits)
        try:
            entering = self._door.submit(self.submit, program, inputs, files, limits)
        except RuntimeError:
            return wire.refused("the sandbox is closed")
        try:
            waiting: Future[Outcome] = await asyncio.wrap_future(entering)
            return await asyncio.wrap_future(waiting)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed.is_set() and not (task and task.cancelling()):
                return wire.refused("the sandbox was closed")
            entering.add_done_callback(_cancel)
            raise

    def close(self) -> None:
        """End every process and remove every folder; safe to call twice."""
        if os.getpid() != self._owner:
            return
        self._closed.set()
        for threads in (self._door, self._threads):
            threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.hang_up()
        for threads in (self._door, self._threads):
            threads.shutdown(wait=True)
        if self._finalizer.alive:
            for _ in range(self._started):
                self._free.get()  # runs that other threads had under way
            self._free.put(None)  # whoever still waits for a worker
        self._finalizer()

    def __enter__(self) -> LocalSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _cancel(entered: Future[Future[Outcome]]) -> None:
    if not entered.cancelled():
        entered.result().cancel()


def _done(outcome: Outcome) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future


def _close(workers: list[Worker], folder: Path | None, owner: int) -> None:
    if os.getpid() != owner:  # a forked copy: what it holds is its parent's
        return
    for worker in workers:
        worker.close()
        if worker.cgroup is not None:
            worker.cgroup.remove()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
