"""What a run sees of the machine: nothing, with the inner layers off."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ratchet.sandbox import seccomp
from ratchet.sandbox.pool import LocalSandbox
from tests.sandbox.under import only, process, sandbox

__all__ = ["process", "sandbox"]


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
