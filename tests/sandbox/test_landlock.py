"""What Landlock alone prevents."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from ratchet.sandbox import landlock
from ratchet.sandbox.pool import LocalSandbox
from tests.sandbox.under import only, process, sandbox

__all__ = ["process", "sandbox"]


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
