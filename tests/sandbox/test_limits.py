"""What the resource limits alone prevent."""

from __future__ import annotations

import pytest

from ratchet.sandbox.pool import LocalSandbox
from tests.sandbox.under import only, process, sandbox

__all__ = ["process", "sandbox"]


def test_memory_is_limited_by_the_kernel(sandbox: LocalSandbox) -> None:
    body = "bytearray(150 << 20)\nreturn 'done'"
    assert only(sandbox, "rlimits", body, memory=2**27).startswith("MemoryError")
    assert only(sandbox, "rlimits", body, memory=2**28) == "done"


def test_files_and_descriptors_are_limited(sandbox: LocalSandbox) -> None:
    body = "return len([os.dup(1) for _ in range(200)])"
    assert "Too many open files" in only(sandbox, "rlimits", body, open_files=32)
    assert only(sandbox, "", body, open_files=32) == 200
    sparse = "open('/tmp/big', 'wb').truncate(1 << 40)\nreturn 'done'"
    assert "File too large" in only(sandbox, "rlimits", sparse)


@pytest.mark.parametrize("isolated", [True, False])
def test_processes_are_counted(
    sandbox: LocalSandbox, process: LocalSandbox, isolated: bool
) -> None:
    body = """
made = 1
try:
    for _ in range(100):
        if os.fork() == 0:
            import time
            time.sleep(5)
            os._exit(0)
        made += 1
except BlockingIOError:
    return made
"""
    where = sandbox if isolated else process
    assert only(where, "rlimits", body, processes=7, memory=2**30) == 7


def test_threads_are_counted(sandbox: LocalSandbox) -> None:
    body = """
import threading
stop, made = threading.Event(), []
try:
    for k in range(100):
        made.append(threading.Thread(target=stop.wait))
        made[-1].start()
except RuntimeError:
    stop.set()
    return k + 1
"""
    assert only(sandbox, "rlimits", body, processes=5) == 5
