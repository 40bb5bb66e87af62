"""Folders that are no run, are another's, were tampered with, or are in use."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ratchet.core.errors import ConfigError, RatchetError, RunError
from ratchet.guard.charter import find_charter
from ratchet.loop.folder import RunFolder
from ratchet.loop.position import read_position
from ratchet.recipes.launch import find_method, launch, resume
from tests.faults.conftest import Reference, crash


@pytest.fixture
def halfway(tmp_path: Path, program: Reference) -> Path:
    """Return a copy of a run that was stopped in the middle."""
    folder = tmp_path / "run"
    half = program.folder.parent / "half"
    if not half.exists():
        (leg,) = crash(half, program.words, [("kill", program.points // 2)])
        assert leg["code"] < 0
    shutil.copytree(half, folder)
    return folder


def test_a_halfway_run_resumes(halfway: Path, program: Reference) -> None:
    told = resume(halfway)
    del told["cost"]
    assert told == program.report


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "absent", tmp_path / "notes.txt"):
        with pytest.raises(RunError, match="is not a run"):
            resume(folder)
    config = find_method("toy_program").configure()
    with pytest.raises(RunError, match="is not empty") as caught:
        launch(config, tmp_path)
    assert "resume" not in caught.value.hint
    with pytest.raises(RatchetError, match=r"notes\.txt"):
        launch(config, tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_settings_that_no_run_can_start_with_leave_the_folder_free(tmp_path: Path) -> None:
    method, folder = find_method("toy_program"), tmp_path / "run"
    with pytest.raises(ConfigError, match="nowhere"):
        launch(method.configure(charter="nowhere"), folder)
    assert not folder.exists()
    launch(method.configure(generations=1), folder)
    assert (folder / "report.json").is_file()


def test_a_run_that_has_begun_outlasts_a_wrong_setting(halfway: Path, program: Reference) -> None:
    RunFolder(halfway).discard_unstarted()
    told = resume(halfway)
    del told["cost"]
    assert told == program.report


def test_a_run_is_not_started_twice_in_one_folder(halfway: Path) -> None:
    with pytest.raises(RunError, match="is not empty") as caught:
        launch(find_method("toy_program").configure(), halfway)
    assert f"ratchet resume {halfway}" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "error"),
    [("recipe = ", RunError), ("", RunError), ("seed = 1\n", RunError), (None, RunError)],
)
def test_settings_cut_short_are_named(
    halfway: Path, text: str | None, error: type[RatchetError]
) -> None:
    path = halfway / "config.toml"
    whole = path.read_bytes()
    if text is None:
        path.write_bytes(whole[: whole.index(b"\n") - 2])
    else:
        path.write_text(text)
    with pytest.raises(error, match=r"config\.toml"):
        resume(halfway)


def test_another_recipes_settings_are_named(halfway: Path) -> None:
    path = halfway / "config.toml"
    text = path.read_text()
    path.write_text(text.replace("toy_program", "toy_progrma"))
    with pytest.raises(ConfigError, match="did you mean 'toy_program'"):
        resume(halfway)
    path.write_text(text.replace("toy_program", "toy_policy"))
    with pytest.raises(ConfigError, match="unknown key 'mutants'"):
        resume(halfway)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("seed = 1", "seed = 2", "seed"),
        ("mutants = 60", "mutants = 61", "mutants"),
        ("generations = 4", "generations = 40", "generations"),
    ],
)
def test_a_run_does_not_go_on_under_other_settings(
    halfway: Path, old: str, new: str, named: str
) -> None:
    path = halfway / "config.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(RunError, match=f"other settings: {named}"):
        resume(halfway)


def test_a_run_does_not_go_on_under_another_charter(tmp_path: Path) -> None:
    charter = tmp_path / "charter.toml"
    charter.write_text(find_charter("functions").read_text())
    config = find_method("toy_program").configure(
        charter=str(charter), generations=4, mutants=30, gate_items=20, final_items=20
    )

    class Stop(Exception):
        pass

    def stop(event: object) -> None:
        if getattr(event, "kind", "") == "decision":
            raise Stop

    with pytest.raises(Stop):
        launch(config, tmp_path / "run", stop)
    charter.write_text(charter.read_text().replace("near = 0.7\nfar = 0.3", "near = 1.0"))
    with pytest.raises(RunError, match="other settings: the charter"):
        resume(tmp_path / "run")


@pytest.mark.parametrize("damage", ["edit", "truncate", "remove"])
def test_a_damaged_version_stops_the_run_and_is_named(halfway: Path, damage: str) -> None:
    folder = RunFolder.existing(halfway)
    with folder.ledger() as ledger:
        position = read_position(ledger.entries(), record_only=False)
    assert position is not None and position.generation
    component = position.branch["program"]
    file = halfway / "versions" / component.hash / "program.txt"
    if damage == "edit":
        file.write_text("(+ x x)")
    elif damage == "truncate":
        os.truncate(file, 0)
    else:
        shutil.rmtree(file.parent)
    with pytest.raises(RunError, match=rf"version {component.hash} \(program\) is"):
        resume(halfway)


def test_a_tampered_ledger_stops_the_run(halfway: Path) -> None:
    with closing(sqlite3.connect(halfway / "ledger.sqlite")) as db:
        db.execute("drop trigger entries_stay")
        db.execute("update entries set body = replace(body, 'hold', 'promote') where seq > 0")
        db.execute("update entries set body = body || ' ' where seq = 1")
        db.commit()
    with pytest.raises(RunError, match="the chain breaks at entry 1"):
        resume(halfway)


def test_another_schema_stops_the_run(halfway: Path) -> None:
    with closing(sqlite3.connect(halfway / "ledger.sqlite")) as db:
        db.execute("pragma user_version=99")
    with pytest.raises(RunError, match="schema 99"):
        resume(halfway)


def test_a_run_in_use_is_refused(halfway: Path) -> None:
    before = sorted(path.name for path in halfway.iterdir())
    with RunFolder(halfway).lock(), pytest.raises(RunError, match="another process is working"):
        resume(halfway)
    assert sorted(path.name for path in halfway.iterdir()) == before


def test_damaged_records_stop_a_run_that_looks_back(halfway: Path) -> None:
    (halfway / "records" / "gen-0001.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(RunError, match="gen-0001"):
        resume(halfway)
