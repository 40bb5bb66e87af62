"""A model folder is whole or it is noticed: writing is atomic, damage is named and repaired."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.engine.models.folder import MANIFEST, cache_folder, find_damage, write_folder


def fill(folder: Path) -> None:
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights" * 10)


def test_whole_folder_is_whole(tmp_path: Path) -> None:
    home = write_folder(tmp_path / "m", "a test", fill)
    assert find_damage(home) is None and find_damage(home, contents=True) is None
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", MANIFEST])
def test_truncated_and_missing_files_are_named_and_replaced(tmp_path: Path, file: str) -> None:
    home = write_folder(tmp_path / "m", "a test", fill)
    path = home / file
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert file in str(find_damage(home))
    path.unlink()
    assert file in str(find_damage(home))
    write_folder(home, "a test", fill)
    assert find_damage(home, contents=True) is None and path.read_bytes() == data
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_changed_content_is_found_by_hash(tmp_path: Path) -> None:
    home = write_folder(tmp_path / "m", "a test", fill)
    (home / "model.safetensors").write_bytes(b"WEIGHTS" * 10)
    assert find_damage(home) is None
    assert "model.safetensors has changed" in str(find_damage(home, contents=True))


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_folder(tmp_path / "m", "a test", fail)
    assert list(tmp_path.iterdir()) == []


def test_folder_of_another_process_is_kept(tmp_path: Path) -> None:
    def race(folder: Path) -> None:
        fill(folder)
        write_folder(tmp_path / "m", "the other", fill)

    home = write_folder(tmp_path / "m", "ours", race)
    assert find_damage(home) is None and '"the other"' in (home / MANIFEST).read_text()


def test_cache_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATCHET_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path / "models"
    monkeypatch.delenv("RATCHET_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "ratchet" / "models"
