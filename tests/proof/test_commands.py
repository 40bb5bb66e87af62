"""``verify`` and ``diff`` on the command line, ledgers of the older format, and noted heads."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ratchet.cli import main
from ratchet.core.codec import canonical_json
from ratchet.core.errors import RunError
from ratchet.loop.folder import RunFolder
from ratchet.loop.ledger import SCHEMA, Ledger, _link
from ratchet.recipes.launch import resume
from tests.proof.conftest import Copy, first_problem
from tests.proof.test_replay import snapshot


def verify(path: Path, *words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    code = main(["verify", str(path), "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def test_a_whole_run_verifies_and_nothing_is_written(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(whole)
    code, told = verify(whole, capsys=capsys)
    assert code == 0 and told["verified"] and told["first"] is None and told["notes"] == []
    assert told["checked"]["decisions recomputed"] == 3
    assert told["checked"]["numbers recomputed"] > 100 and told["checked"]["records"] > 100
    assert snapshot(whole) == before
    head = json.loads((whole / "report.json").read_text())["cost"]["ledger"]
    assert told["head"] == head
    assert main(["verify", str(whole)]) == 0
    assert f"{whole} verifies" in capsys.readouterr().out


def test_a_run_that_does_not_verify_exits_with_1_and_names_the_first(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy()
    records = path / "records" / "gen-0002.jsonl.gz"
    records.unlink()
    code, told = verify(path, capsys=capsys)
    assert code == 1 and not told["verified"]
    assert told["first"] == {"where": "records/gen-0002.jsonl.gz", "what": "is missing"}
    assert main(["verify", str(path)]) == 1
    shown = capsys.readouterr().out
    assert "does NOT verify" in shown and "first: records/gen-0002.jsonl.gz: is missing" in shown
    assert main(["verify", str(path / "absent")]) == 2
    assert "next: see the runs" in capsys.readouterr().err


def test_a_noted_head_is_looked_for(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    path = copy()
    with RunFolder(path).reading() as ledger:
        entries = list(ledger.entries())
    code, told = verify(path, "--head", entries[2].hash, capsys=capsys)
    assert code == 0 and told["notes"] == [
        f"the noted head is entry 2, {len(entries) - 3} came after it"
    ]
    assert verify(path, "--head", entries[2].hash[:8], capsys=capsys)[0] == 0
    code, told = verify(path, "--head", "0" * 32, capsys=capsys)
    assert code == 1 and told["first"]["where"] == "ledger"
    assert main(["verify", str(path), "--head", "abc"]) == 2
    assert "too short" in capsys.readouterr().err


def rebuilt(path: Path, schema: int, keep: int | None = None) -> None:
    """Write a run's ledger, or its first entries, anew in a format: all that an attacker can."""
    ledger = path / "ledger.sqlite"
    with RunFolder(path).reading() as opened:
        rows = [(entry.kind, entry.body) for entry in opened.entries()][:keep]
    ledger.unlink()
    ledger.with_suffix(".head").unlink()
    if schema == SCHEMA:
        with closing(Ledger(ledger)) as made:
            for kind, body in rows:
                made.append(kind, body)
        return
    with closing(Ledger(ledger)) as made:
        assert made.schema == SCHEMA
    newer = ("evaluator", "code", "terms", "gate", "sandbox", "labels", "pruned")
    with closing(sqlite3.connect(ledger, isolation_level=None)) as db:
        previous = "0" * 32
        for seq, (kind, body) in enumerate(rows):
            old = {key: value for key, value in body.items() if key not in newer}
            if "records" in old:
                old["records"] = old["records"]["hash"]
            text = canonical_json(old)
            digest = _link(seq, kind, text, previous, 1)
            db.execute(
                "insert into entries values (?, ?, ?, ?, ?)", (seq, kind, text, previous, digest)
            )
            previous = digest
        db.execute("pragma user_version=1")


def test_whoever_rewrites_everything_is_found_by_a_noted_head_alone(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy()
    with RunFolder(path).reading() as ledger:
        noted = ledger.head.hash
    rebuilt(path, SCHEMA, keep=-1)
    (path / "report.json").unlink()
    code, told = verify(path, capsys=capsys)
    assert all("evaluator" in line or "report" in line for line in told["notes"])
    assert code == 0, "without a noted head nothing is left to see it by"
    code, told = verify(path, "--head", noted, capsys=capsys)
    assert code == 1 and "does not contain the head" in told["first"]["what"]


def test_a_ledger_of_the_older_format_is_read_and_taken_over(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy()
    rebuilt(path, 1)
    before = (path / "ledger.sqlite").read_bytes()
    assert main(["report", str(path), "--json"]) == 0
    capsys.readouterr()
    code, told = verify(path, capsys=capsys)
    assert code == 0 and len(told["notes"]) == 3, told
    assert "schema 1" in told["notes"][0]
    assert (path / "ledger.sqlite").read_bytes() == before
    with RunFolder(path).reading() as ledger:
        old = list(ledger.entries())
    resume(path)
    with RunFolder(path).reading() as ledger:
        new = list(ledger.entries())
        assert ledger.schema == SCHEMA
    assert new[:-1] == old and new[-1].kind == "migrated"
    assert new[-1].body == {"from": 1, "to": SCHEMA}
    assert verify(path, capsys=capsys)[0] == 0
    for entry in (2, len(old)):
        shorter = copy()
        rebuilt(shorter, 1)
        resume(shorter)
        with closing(sqlite3.connect(shorter / "ledger.sqlite")) as db:
            db.executescript("drop trigger entries_stay; drop trigger entries_last;")
            db.execute("delete from entries where seq >= ?", (entry,))
            db.commit()
        with pytest.raises(RunError, match=r"chain breaks|entries are missing"):
            resume(shorter)


def test_a_ledger_is_not_passed_off_as_older(copy: Copy) -> None:
    path = copy()
    (path / "ledger.head").unlink()
    with closing(sqlite3.connect(path / "ledger.sqlite")) as db:
        db.execute("pragma user_version=1")
    problem = first_problem(path)
    assert problem is not None and "chain breaks at entry 0" in problem.what
    with pytest.raises(RunError, match="chain breaks at entry 0"):
        resume(path)


def test_a_run_that_lost_its_last_entries_does_not_go_on(copy: Copy) -> None:
    path = copy()
    with closing(sqlite3.connect(path / "ledger.sqlite")) as db:
        db.executescript("drop trigger entries_stay; drop trigger entries_last;")
        db.execute("delete from entries where kind = 'end'")
        db.commit()
    with pytest.raises(RunError, match="its last 1 of 6 entries are missing"):
        resume(path)


def test_diff_shows_two_generations(
    whole: Path, copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", str(whole), "1", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["a"]["decision"], told["a"]["generation"], told["b"]["generation"]) == (
        "hold",
        1,
        3,
    )
    assert told["config"] == {} and "solver" in told["components"]
    assert set(told["families"]) >= {"carry", "words"}
    assert all(len(side) == 4 for side in told["proposals"])
    assert told["answers"] and all(len(row["answers"]) == 2 for row in told["answers"])
    assert main(["diff", str(whole), "1", "3"]) == 0
    shown = capsys.readouterr().out
    assert "generation 1" in shown and "by family" in shown and "proposed in generation 3" in shown

    other = copy()
    config = other / "config.toml"
    config.write_text(config.read_text().replace("lr = 1.0", "lr = 2.0"))
    assert main(["diff", str(whole), "0", "1", "--other", str(other), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["config"] == {"lr": [1.0, 2.0]} and told["a"]["decision"] == "start"
    assert main(["diff", str(whole), "1", "7"]) == 2
    assert "no generation 7" in capsys.readouterr().err
