"""What the filter on system calls alone prevents."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from ratchet.sandbox import kernel, seccomp
from ratchet.sandbox.namespaces import INODES
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import End, Limits, Program
from tests.sandbox.under import only, process, sandbox

__all__ = ["process", "sandbox"]


def test_no_second_process_or_thread_by_default(process: LocalSandbox) -> None:
    for body in ("os.fork()", "import threading\nthreading.Thread(target=print).start()"):
        assert not str(only(process, "seccomp", f"{body}\nreturn 'done'")).startswith("done")
    assert only(process, "seccomp", "return libc.vfork()") == -1


CALLS = sorted(seccomp.DENIED[kernel.MACHINE].items())


def test_the_dangerous_calls_are_denied_on_both_architectures() -> None:
    named = """
    ptrace process_vm_readv process_vm_writev mount umount2 pivot_root chroot setns
    unshare bpf perf_event_open userfaultfd add_key request_key keyctl kexec_load
    init_module finit_module delete_module open_by_handle_at memfd_create personality
    socket connect bind listen execve execveat shmget kcmp setuid capset reboot swapon
    acct quotactl
    """
    for machine, table in seccomp.DENIED.items():
        assert set(named.split()) <= set(table), machine
        assert len(set(table.values())) == len(table)
        assert not set(table) & set(seccomp.CHECKED[machine])


def test_every_denied_call_is_denied(sandbox: LocalSandbox) -> None:
    body = """
allowed = []
for name, number in x:
    if libc.syscall(number, -1, -1, -1, -1, -1, -1) != -1 or ctypes.get_errno() != errno.EPERM:
        allowed.append(name)
return allowed
"""
    harmless = [call for call in CALLS if call[0] != "vhangup"]
    assert only(sandbox, "seccomp", body, *harmless) == []


def test_unknown_and_new_calls_are_not_there(sandbox: LocalSandbox) -> None:
    body = """
return [n for n in range(424, 1200)
        if libc.syscall(n, -1, -1, -1, -1, -1, -1) != -1 or ctypes.get_errno() != errno.ENOSYS]
"""
    assert set(only(sandbox, "seccomp", body)) == set(seccomp.NEW_ALLOWED)


@pytest.mark.parametrize("flag", [0x10000000, 0x20000, 0x20000000, 0x40000000])
def test_no_namespace_by_clone(sandbox: LocalSandbox, flag: int) -> None:
    body = "return [libc.syscall(x[0], x[1] | 17, 0, 0, 0, 0), ctypes.get_errno()]"
    number = seccomp.CHECKED[kernel.MACHINE]["clone"]
    assert only(sandbox, "seccomp", body, number, flag, processes=4) == [-1, 1]


def test_a_pair_of_local_sockets_is_all_there_is(sandbox: LocalSandbox) -> None:
    body = """
import asyncio, socket
socket.socketpair()
async def one():
    return 1
assert asyncio.run(one()) == 1
try:
    socket.socket(socket.AF_UNIX)
except PermissionError:
    return "done"
"""
    assert only(sandbox, "seccomp", body) == "done"


def test_no_program_can_be_started(sandbox: LocalSandbox) -> None:
    body = "import sys\nos.execv(sys.executable, ['python'])"
    assert only(sandbox, "seccomp", body, processes=4).startswith("PermissionError")


def test_another_architecture_is_fatal() -> None:
    for machine, number in seccomp.ARCHITECTURES.items():
        code = seccomp.assemble(machine, True)
        assert code[8:16] == seccomp.instruction(seccomp.EQUAL, number, 1, 0)
        assert code[16:24] == seccomp.instruction(seccomp.RETURN, seccomp.KILL)


def test_x32_calls_are_fatal(sandbox: LocalSandbox) -> None:
    if kernel.MACHINE == "x86_64":
        assert only(sandbox, "seccomp", "return libc.syscall(0x40000000 | 39)").startswith("killed")


def test_without_namespaces_only_itself_can_be_signalled(process: LocalSandbox) -> None:
    body = """
for pid in (-1, os.getppid(), x[0]):
    try:
        os.kill(pid, 0)
        return pid
    except PermissionError:
        continue
os.kill(os.getpid(), 0)
return "only itself"
"""
    assert only(process, "seccomp", body, os.getpid()) == "only itself"


def test_without_namespaces_no_file_of_the_user_can_be_changed(process: LocalSandbox) -> None:
    """Landlock sees neither modes nor times: the filter must refuse them."""
    body = """
changed = []
for name, call in [
    ("mode", lambda p: os.chmod(p, 0o777)),
    ("owner", lambda p: os.chown(p, os.getuid(), os.getgid())),
    ("times", lambda p: os.utime(p)),
    ("attribute", lambda p: os.setxattr(p, "user.x", b"x")),
    ("length", lambda p: os.truncate(p, 0)),
]:
    try:
        call(x[0])
        changed.append(name)
    except PermissionError:
        continue
return changed
"""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        mine = Path(folder) / "mine"
        mine.write_text("x")
        os.chown(mine, process.uid or os.getuid(), -1)
        assert only(process, "seccomp", body, str(mine)) == []
        assert "mode" in only(process, "", body, str(mine))


def test_no_signal_by_way_of_a_descriptor(process: LocalSandbox) -> None:
    body = "libc.fcntl(1, x[0], os.getppid())\nraise OSError(ctypes.get_errno(), 'fcntl')"
    for command in (8, 10):
        assert only(process, "seccomp", body, command).startswith("PermissionError")
    body = """
import fcntl, socket
pair = socket.socketpair()
fcntl.ioctl(pair[0], x[0], os.getppid().to_bytes(4, "little"))
return "it is the owner's parent that a byte would end"
"""
    for command in seccomp.IOCTLS[2:]:
        assert only(process, "seccomp", body, command).startswith("PermissionError")
        assert only(process, "", body, command).startswith("it is")


@pytest.mark.parametrize("kind", ["SOCK_DGRAM", "SOCK_RAW"])
def test_no_datagram_to_a_socket_of_the_machine(process: LocalSandbox, kind: str) -> None:
    """A pair of datagram sockets can send to any other by its path; Landlock does not see it."""
    body = """
import socket
mine, other = socket.socketpair(socket.AF_UNIX, getattr(socket, x[1]))
return mine.sendto(b"out", x[0])
"""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server,
    ):
        os.chmod(folder, 0o755)
        server.bind(f"{folder}/socket")
        os.chmod(f"{folder}/socket", 0o777)
        said = only(process, "seccomp", body, f"{folder}/socket", kind)
        assert str(said).startswith("PermissionError")
        assert only(process, "landlock", body, f"{folder}/socket", kind) == 3
        assert only(process, "", body, f"{folder}/socket", kind) == 3


def test_streams_of_a_pair_still_work(sandbox: LocalSandbox) -> None:
    body = """
import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
    one, other = socket.socketpair(socket.AF_UNIX, kind)
    one.setblocking(False)
    one.send(b"x")
    if other.recv(9) != b"x":
        return kind
return "done"
"""
    assert only(sandbox, "seccomp", body) == "done"


def test_children_cannot_be_left_to_nobody(sandbox: LocalSandbox) -> None:
    """Whose parent ignores SIGCHLD, that child's CPU time is added to nobody's."""
    body = "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nreturn 'done'"
    assert only(sandbox, "seccomp", body, processes=4).startswith("PermissionError")
    assert only(sandbox, "", body, processes=4) == "done"


def test_without_namespaces_the_folder_has_a_size(process: LocalSandbox) -> None:
    source = """
import time
for k in range(64):
    with open(str(k), "wb") as file:
        file.write(bytes(2**19))
time.sleep(30)
"""
    outcome = process.run(Program(source), limits=Limits(scratch=2**20))
    assert outcome.end is End.OUTPUT and "folder" in outcome.reason


def test_without_namespaces_the_folder_holds_so_many_files(process: LocalSandbox) -> None:
    source = f"""
import time
for k in range({INODES + 100}):
    open(str(k), "wb").close()
time.sleep(30)
"""
    outcome = process.run(Program(source), limits=Limits(cpu_s=20.0))
    assert outcome.end is End.OUTPUT and "files" in outcome.reason


def test_both_architectures_assemble() -> None:
    for machine in seccomp.ARCHITECTURES:
        for alone in (True, False):
            code = seccomp.assemble(machine, alone, 0 if alone else 5)
            assert len(code) % 8 == 0 and len(code) // 8 < 4096
