"""Each layer alone prevents what it is there for, with every other layer off."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ratchet.sandbox import kernel, landlock, seccomp
from ratchet.sandbox.open import open_sandbox
from ratchet.sandbox.pool import LocalSandbox
from ratchet.sandbox.protocol import End, Level, Limits, Program

EVERY = frozenset({"rlimits", "seccomp", "landlock"})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[LocalSandbox]:
    with open_sandbox(workers=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def process() -> Iterator[LocalSandbox]:
    with open_sandbox(Level.CONFINED, workers=1, off={"namespaces"}) as opened:
        yield opened


def only(sandbox: LocalSandbox, layer: str, body: str, *arguments: Any, **limits: Any) -> Any:
    """Return what a function's body gives with one of the three inner layers, or with none."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    source = (
        f"import ctypes, errno, os\nlibc = ctypes.CDLL(None, use_errno=True)\ndef f(*x):\n{lines}"
    )
    bounds = Limits(**{"cpu_s": 2.0, **limits})
    outcome = sandbox.run_without(EVERY - {layer}, Program(source, "f"), [arguments], limits=bounds)
    result = outcome.results[0] if outcome.results else None
    assert result is not None, outcome
    return (
        result.value if result.end is End.OK else f"{result.error or result.end}: {result.message}"
    )


# Namespaces


def test_nothing_of_the_machine_can_be_seen(sandbox: LocalSandbox, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    paths = ["/etc/passwd", "/proc/self/environ", "/sys", "/home", "/usr/bin", "/var", "/run"]
    paths += [str(tmp_path / "secret"), __file__, seccomp.__file__, "/dev/kmsg"]
    assert only(sandbox, "", "return [p for p in x if os.path.exists(p)]", *paths) == []


def test_there_is_a_standard_library_and_nothing_else(sandbox: LocalSandbox) -> None:
    top = set(only(sandbox, "", "return os.listdir('/')"))
    library = os.path.realpath(os.__file__).split("/")[1]
    assert top <= {"canary", "dev", "proc", "scratch", "tmp", "lib", "lib64", "usr", library}
    body = """
import sys
for path, _, names in os.walk("/"):
    if path.endswith("-packages") and (names or _):
        return path
    if path in ("/proc", "/sys") and names:
        return path
return sum(name in ("__init__.py", "abc.py") for name in os.listdir(os.path.dirname(os.__file__)))
"""
    assert only(sandbox, "", body) == 1


def test_what_is_there_cannot_be_changed(sandbox: LocalSandbox) -> None:
    body = """
found = []
for path in [os.__file__, "/canary", "/new", "/dev/new", "/proc/new", "/dev/shm/../new"]:
    try:
        open(path, "a").close()
        found.append(path)
    except OSError:
        continue
for path in ["/", os.path.dirname(os.__file__), "/dev"]:
    if not os.statvfs(path).f_flag & os.ST_RDONLY:
        found.append("writable " + path)
    if libc.mount(None, path.encode(), None, 4096 | 32, None) == 0:
        found.append("mounted " + path)
return found
"""
    assert only(sandbox, "", body) == []


@pytest.mark.parametrize("folder", ["/scratch", "/tmp", "/dev/shm", "."])
def test_each_folder_has_a_quota(sandbox: LocalSandbox, folder: str) -> None:
    body = """
size = 0
try:
    for k in range(64):
        with open(f"{x[0]}/{k}", "wb") as file:
            size += file.write(bytes(2**16))
            file.flush()
except OSError as error:
    return [size, error.errno]
"""
    size, code = only(sandbox, "", body, folder, scratch=2**20)
    assert size <= 2**20 + 2**16 and code == 28


def test_folders_hold_so_many_files_and_no_more(sandbox: LocalSandbox) -> None:
    body = """
try:
    for k in range(10_000):
        open(f"/tmp/{k}", "w").close()
except OSError:
    return k
"""
    assert only(sandbox, "", body) < 5000


def test_no_process_of_the_machine_can_be_signalled(sandbox: LocalSandbox) -> None:
    body = """
refused = []
for pid in x:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        refused.append(pid)
return [refused, os.getpid(), os.getppid(), len(refused)]
"""
    others = [os.getpid(), 1_000_000]
    refused, pid, parent, _ = only(sandbox, "", body, *others)
    assert refused == others and pid == 2 and parent == 1


def test_the_warden_cannot_be_hurt_from_inside(sandbox: LocalSandbox) -> None:
    body = """
import signal
for number in range(1, 65):
    try:
        os.kill(1, number)
    except OSError:
        continue
return [libc.ptrace(16, 1, 0, 0), "alive"]
"""
    assert only(sandbox, "", body) == [-1, "alive"]


def test_there_is_no_network(sandbox: LocalSandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        body = """
import socket
found = []
for family, kind, address in [
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", x[0])),
    (socket.AF_INET, socket.SOCK_DGRAM, ("8.8.8.8", 53)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::1", x[0])),
]:
    with socket.socket(family, kind) as link:
        link.settimeout(1)
        try:
            link.connect(address)
            found.append(address)
        except OSError as error:
            assert error.errno in (errno.ENETUNREACH, errno.EADDRNOTAVAIL), error
return [found, os.listdir("/sys/class/net") if os.path.exists("/sys") else "no /sys"]
"""
        assert only(sandbox, "", body, server.getsockname()[1]) == [[], "no /sys"]


def test_an_abstract_socket_of_the_machine_is_not_there(sandbox: LocalSandbox) -> None:
    name = f"ratchet-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0" + name)
        server.listen()
        body = """
import socket
with socket.socket(socket.AF_UNIX) as link:
    link.connect("\\0" + x[0])
"""
        assert only(sandbox, "", body, name).startswith("ConnectionRefusedError")


def test_the_host_name_is_not_told(sandbox: LocalSandbox) -> None:
    assert only(sandbox, "", "return os.uname().nodename") == "sandbox"


def test_ids_are_of_nobody_and_carry_no_capability(sandbox: LocalSandbox) -> None:
    body = """
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
data = (ctypes.c_uint32 * 6)()
assert libc.capget(header, data) == 0
return [os.getuid(), os.getgid(), os.getgroups(), list(data)]
"""
    uid, gid, groups, capabilities = only(sandbox, "", body)
    assert (uid, gid) == (1000, 1000) and 0 not in groups
    assert capabilities == [0] * 6


def test_no_further_user_namespace_can_be_made(sandbox: LocalSandbox) -> None:
    body = "return [libc.unshare(0x10000000), ctypes.get_errno()]"
    result, code = only(sandbox, "", body)
    assert result == -1 and code == 28


def test_the_environment_is_empty(sandbox: LocalSandbox) -> None:
    found = only(sandbox, "", "import sys\nreturn [dict(os.environ), sys.argv, sys.orig_argv]")
    assert found == [{}, ["<program>"], []]


def test_descriptors_are_three_streams_and_the_channel(sandbox: LocalSandbox) -> None:
    body = """
found = []
for k in range(1024):
    try:
        os.fstat(k)
        found.append(k)
    except OSError:
        continue
return found
"""
    assert only(sandbox, "", body) == [0, 1, 2, 3]


# Resource limits


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


# Seccomp


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
    for command in seccomp.OWNERS[:2]:
        assert only(process, "seccomp", body, command).startswith("PermissionError")


def test_without_namespaces_the_folder_has_a_size(process: LocalSandbox) -> None:
    source = """
import time
for k in range(64):
    with open(str(k), "wb") as file:
        file.write(bytes(2**19))
time.sleep(3)
"""
    outcome = process.run(Program(source), limits=Limits(scratch=2**20))
    assert outcome.end is End.OUTPUT and "folder" in outcome.reason


def test_both_architectures_assemble() -> None:
    for machine in seccomp.ARCHITECTURES:
        for alone in (True, False):
            code = seccomp.assemble(machine, alone, 0 if alone else 5)
            assert len(code) % 8 == 0 and len(code) // 8 < 4096


# Landlock


def test_landlock_hides_files_where_there_are_no_namespaces(process: LocalSandbox) -> None:
    body = """
found = []
for path in x:
    try:
        os.close(os.open(path, os.O_RDONLY))
        found.append(path)
    except OSError as error:
        assert error.errno in (errno.EACCES, errno.ENOENT), error
return found
"""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        secret = Path(folder) / "secret"
        secret.write_text("x")
        paths = ["/etc/passwd", "/proc/self/status", str(secret), "/", "/tmp"]
        assert only(process, "landlock", body, *paths) == []
        assert only(process, "", body, *paths) == paths


def test_landlock_lets_only_the_folder_be_written(process: LocalSandbox) -> None:
    body = """
open("mine", "w").write("x")
os.mkdir("d")
os.rename("mine", "d/mine")
for path in x:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        return path
    except PermissionError:
        continue
return os.listdir("d")
"""
    assert only(process, "landlock", body, "/tmp/ratchet-new", "/dev/shm/ratchet-new") == ["mine"]


def test_landlock_refuses_tcp(process: LocalSandbox) -> None:
    if landlock.version() < 4:
        return
    with socket.create_server(("127.0.0.1", 0)) as server:
        body = "import socket\nsocket.socket().connect(tuple(x[0]))\nreturn 'done'"
        address = list(server.getsockname())
        assert only(process, "landlock", body, address).startswith("PermissionError")
        assert only(process, "", body, address) == "done"


def test_landlock_stands_behind_the_namespaces(sandbox: LocalSandbox) -> None:
    body = "open('/canary').close()\nreturn 'done'"
    assert only(sandbox, "landlock", body).startswith("PermissionError")
    assert only(sandbox, "", body) == "done"
