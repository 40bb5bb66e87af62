"""Components on disk: content-addressed, whole or not there, checked when opened."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ratchet.core.errors import RunError
from ratchet.core.state import Component
from ratchet.loop.versions import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "versions")


def names(store: Store) -> set[str]:
    return {path.name for path in store.folder.iterdir()}


def test_a_version_is_read_back(store: Store) -> None:
    component = store.write("program", "program.txt", "x\né")
    assert store.read(component, "program.txt") == "x\né"
    assert names(store) == {component.hash}
    assert component.kind == "program"


def test_equal_content_is_kept_once_and_other_content_apart(store: Store) -> None:
    one, two = store.write("program", "p", "x"), store.write("memory", "p", "x")
    assert one.hash == two.hash and len(names(store)) == 1
    assert store.write("program", "p", "y").hash != one.hash
    assert store.write("program", "q", "x").hash != one.hash
    assert len(names(store)) == 3


def test_a_failed_write_leaves_nothing(store: Store) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        store.close("policy", fail)
    assert names(store) == set()


def test_a_version_appears_under_its_name_only_when_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = store.write("policy", "weights", "1")
    store.keep([])
    seen: list[set[str]] = []
    fsync = os.fsync

    def look(descriptor: int) -> None:
        seen.append(names(store))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    assert store.write("policy", "weights", "1") == component
    # Its file is on the disk before its name is, and the name before the caller goes on.
    assert component.hash not in seen[0] and component.hash in seen[-1] and len(seen) == 2


def test_a_missing_version_is_named(store: Store) -> None:
    with pytest.raises(RunError, match=r"version beef \(policy\) is missing") as caught:
        store.open(Component("policy", "beef"))
    assert caught.value.hint


@pytest.mark.parametrize("damage", ["edit", "truncate", "remove", "add", "rename"])
def test_a_damaged_version_is_named(store: Store, damage: str) -> None:
    component = store.write("policy", "weights", "0123456789")
    file = store.folder / component.hash / "weights"
    if damage == "edit":
        file.write_text("012345678X")
    elif damage == "truncate":
        os.truncate(file, 5)
    elif damage == "remove":
        file.unlink()
    elif damage == "add":
        (file.parent / "more").touch()
    else:
        file.rename(file.parent / "other")
    for use in (store.open, lambda c: store.read(c, "weights")):
        with pytest.raises(RunError, match=r"\(policy\) is damaged"):
            use(component)


def test_keep_removes_all_others_and_drafts(store: Store) -> None:
    kept, other = store.write("a", "f", "1"), store.write("a", "f", "2")
    draft = store.folder / ".draft-abc"
    draft.mkdir()
    (draft / "half").touch()
    store.keep([kept, Component("b", "never-was")])
    assert names(store) == {kept.hash}
    with pytest.raises(RunError, match="missing"):
        store.open(other)
    assert store.read(kept, "f") == "1"


def test_a_kill_while_removing_leaves_no_half_version(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path) -> None:
        for file in path.iterdir():
            file.unlink()
        raise KeyboardInterrupt

    component = store.write("program", "p", "x")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", killed)
        store.keep([])
    # A later generation comes back to the same content.
    assert store.write("program", "p", "x") == component
    assert store.read(component, "p") == "x"
    store.keep([component])
    assert names(store) == {component.hash}
