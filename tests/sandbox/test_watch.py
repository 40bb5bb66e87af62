"""What the warden sees of a folder that no file system of its own bounds."""

from __future__ import annotations

from pathlib import Path

from ratchet.sandbox.watch import is_overfull


def test_a_folder_is_overfull_by_bytes_or_by_files(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "data").write_bytes(b"x" * 100_000)
    for n in range(5):
        (deep / f"empty{n}").touch()
    held = sum(path.stat().st_blocks for path in tmp_path.rglob("*")) * 512
    assert held >= 100_000
    assert not is_overfull(str(tmp_path), held, 8), "two folders and six files"
    assert is_overfull(str(tmp_path), held - 1, 8)
    assert is_overfull(str(tmp_path), held, 7)


def test_what_is_gone_holds_nothing(tmp_path: Path) -> None:
    assert not is_overfull(str(tmp_path / "gone"), 0, 0)
