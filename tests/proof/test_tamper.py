"""Whatever is edited, deleted, inserted or moved in a finished run, ``verify`` finds it.

The fast suite tries a spread of the places of every kind of record, the long one tries them all.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.codec import canonical_json
from ratchet.loop.folder import RunFolder
from ratchet.loop.ledger import _link
from ratchet.loop.problem import Problem
from ratchet.loop.proof import Proof
from tests.proof.conftest import Copy, first_problem

SPREAD = pytest.mark.parametrize("most", [12, pytest.param(10**6, marks=pytest.mark.slow)])
Change = Callable[[Path], None]
Case = tuple[str, Change]


def spread(cases: Sequence[Case], most: int) -> list[Case]:
    """Return at most this many cases, evenly spaced, or all."""
    return [cases[at * len(cases) // most] for at in range(most)] if len(cases) > most else [*cases]


def require_found(copy: Copy, cases: Sequence[Case], named: str) -> None:
    """Apply each case to a copy of its own; what is named first must be what was changed."""
    assert cases
    for name, change in cases:
        folder = copy()
        change(folder)
        problem = first_problem(folder)
        assert problem is not None, name
        assert named in problem.where, (name, problem)


def rewrite(path: Path, lines: list[str]) -> None:
    data = "".join(lines).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def edits_of(text: str) -> Iterator[str]:
    """Yield a line with a digit, a letter and its first brace changed, and one with a space."""
    at = next(i for i, c in enumerate(text) if c.isdigit())
    yield text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]
    at = next(i for i, c in enumerate(text) if c.isalpha())
    yield text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
    yield text.replace(" ", "  ", 1)
    yield text.rstrip("\n")[:-1] + "\n"


def line_cases(path: Path) -> list[Case]:
    """Every edit, deletion, repetition and swap of one line of a file."""
    packed = path.suffix == ".gz"
    raw = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    lines = raw.decode().splitlines(keepends=True)
    cases: list[Case] = []

    def add(name: str, changed: list[str]) -> None:
        place = "/".join(path.parts[-2:])
        if changed != lines:
            cases.append((f"{place} {name}", lambda folder: rewrite(folder / place, changed)))

    for at, line in enumerate(lines):
        for number, edited in enumerate(edits_of(line)):
            add(f"line {at} edit {number}", [*lines[:at], edited, *lines[at + 1 :]])
        add(f"line {at} deleted", [*lines[:at], *lines[at + 1 :]])
        add(f"line {at} repeated", [*lines[:at], line, *lines[at:]])
        add(f"line {at} moved to the end", [*lines[:at], *lines[at + 1 :], line])
        add(f"line {at} swapped", [*lines[:at], *lines[at + 1 : at + 2], line, *lines[at + 2 :]])
    return cases


def test_an_untouched_copy_verifies(copy: Copy) -> None:
    assert first_problem(copy()) is None


Rows = list[tuple[int, str, str, str, str]]


def with_rows(change: Callable[[Rows], Rows]) -> Change:
    """Return a change of the ledger's rows behind its triggers."""

    def apply(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
            rows: Rows = db.execute("select * from entries order by seq").fetchall()
            db.executescript("drop trigger entries_stay; drop trigger entries_last;")
            db.execute("drop table entries")
            db.execute("create table entries (seq, kind, body, previous, hash)")
            changed = change(rows)
            assert changed != rows
            db.executemany("insert into entries values (?, ?, ?, ?, ?)", changed)
            db.commit()

    return apply


def chained(rows: Rows) -> Rows:
    """Number and hash rows again, as one would who knows how the chain is made."""
    out: Rows = []
    previous = "0" * 32
    for seq, (_, kind, body, _, _) in enumerate(rows):
        digest = _link(seq, kind, body, previous)
        out.append((seq, kind, body, previous, digest))
        previous = digest
    return out


def numbered(rows: Rows) -> Rows:
    """Number rows again and leave their hashes as they are."""
    return [(seq, *row[1:]) for seq, row in enumerate(rows)]


def ledger_cases(path: Path) -> list[Case]:
    with closing(sqlite3.connect(path / "ledger.sqlite")) as db:
        n = db.execute("select count(*) from entries").fetchone()[0]
    cases: list[Case] = []

    def add(name: str, change: Callable[[Rows], Rows]) -> None:
        cases.append((name, with_rows(change)))

    for at in range(n):
        for column in range(5):

            def edit(rows: Rows, at: int = at, column: int = column) -> Rows:
                row = list(rows[at])
                row[column] = 99 if not column else str(row[column])[:-1] + "~"
                return [*rows[:at], tuple(row), *rows[at + 1 :]]  # type: ignore[list-item]

            add(f"entry {at} column {column}", edit)
        for again in (numbered, chained):
            kind = again.__name__

            def drop(rows: Rows, at: int = at, again: Any = again) -> Rows:
                return list(again([*rows[:at], *rows[at + 1 :]]))

            def repeat(rows: Rows, at: int = at, again: Any = again) -> Rows:
                return list(again([*rows[: at + 1], *rows[at:]]))

            def swap(rows: Rows, at: int = at, again: Any = again) -> Rows:
                after = (at + 1) % len(rows)
                changed = list(rows)
                changed[at], changed[after] = rows[after], rows[at]
                return list(again(changed))

            def cut(rows: Rows, at: int = at, again: Any = again) -> Rows:
                return list(again(rows[:at]))

            def forge(rows: Rows, at: int = at) -> Rows:
                body = json.loads(rows[at][2])
                body["cost" if "cost" in body else "pointers"] = {}
                row = (*rows[at][:2], canonical_json(body), *rows[at][3:])
                return chained([*rows[:at], row, *rows[at + 1 :]])

            add(f"entry {at} deleted, {kind}", drop)
            add(f"entry {at} repeated, {kind}", repeat)
            add(f"entry {at} swapped, {kind}", swap)
            add(f"cut before {at}, {kind}", cut)
            add(f"entry {at} forged with all after it", forge)
    return cases


@SPREAD
def test_any_change_of_the_ledger_is_found(copy: Copy, whole: Path, most: int) -> None:
    require_found(copy, spread(ledger_cases(whole), 2 * most), "ledger")


LINES = pytest.mark.parametrize(
    ("place", "part"),
    [
        ("records/gen-0001.jsonl.gz", Proof.check_records),
        ("records/gen-0002.jsonl.gz", Proof.check_records),
        ("records/gen-0003.jsonl.gz", Proof.check_records),
        ("evaluator/records.jsonl", Proof.check_scores),
    ],
)


@LINES
def test_a_changed_line_is_found(copy: Copy, whole: Path, place: str, part: object) -> None:
    require_found(copy, spread(line_cases(whole / place), 8), place)


@pytest.mark.slow
@LINES
def test_every_change_of_every_line_is_found(
    copy: Copy, whole: Path, place: str, part: Callable[[Proof], Iterator[Problem]]
) -> None:
    """All of them; only the part of the check that looks at this file is run for each."""
    proof = Proof(RunFolder(copy()))
    assert list(proof.problems()) == []
    file = proof.folder.path / place
    kept = file.read_bytes()
    for name, change in line_cases(whole / place):
        change(proof.folder.path)
        found = next(part(proof), None)
        assert found is not None and place in found.where, (name, found)
        file.write_bytes(kept)


@SPREAD
def test_evaluators_records_that_were_chained_again_are_found(
    copy: Copy, whole: Path, most: int
) -> None:
    """Whoever makes the lines follow from each other again still meets the ledger's marks."""
    from ratchet.guard.records import Records

    path = whole / "evaluator" / "records.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    scored = [at for at, row in enumerate(rows) if row["kind"] == "score"]

    def change(at: int, drop: bool) -> Change:
        def apply(folder: Path) -> None:
            place = folder / "evaluator" / "records.jsonl"
            place.unlink()
            changed = [dict(row) for row in rows]
            changed[at]["verdict"] = {**changed[at]["verdict"], "reward": 1.0, "parsed": True}
            changed[at]["answer"] = "forged"
            kept = changed[:at] + changed[at + 1 :] if drop else changed
            Records(place).add({k: v for k, v in row.items() if k != "hash"} for row in kept)

        return apply

    cases = [(f"row {at}", change(at, drop)) for at in scored for drop in (False, True)]
    require_found(copy, spread(cases, most), "evaluator/records.jsonl")


def files_of(folder: Path, under: str) -> list[Path]:
    return sorted(p.relative_to(folder) for p in (folder / under).rglob("*") if p.is_file())


@SPREAD
def version_cases(whole: Path) -> list[Case]:
    """Every file of every version edited, cut, gone, renamed, joined by another, exchanged."""
    cases: list[Case] = []
    places = files_of(whole, "versions")

    def put(place: Path, data: bytes) -> Change:
        def apply(folder: Path) -> None:
            (folder / place).write_bytes(data)

        return apply

    def gone(place: Path) -> Change:
        return lambda folder: (folder / place).unlink()

    def moved(place: Path, name: str) -> Change:
        def apply(folder: Path) -> None:
            (folder / place).rename((folder / place).with_name(name))

        return apply

    def without(place: Path) -> Change:
        return lambda folder: shutil.rmtree(folder / place)

    first = (whole / places[0]).read_bytes()
    for place in places:
        data = (whole / place).read_bytes()
        for at in sorted({0, len(data) // 2, len(data) - 1} if data else ()):
            flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            cases.append((f"{place} byte {at}", put(place, flipped)))
        if data != first:
            cases.append((f"{place} exchanged", put(place, first)))
        cases += [
            (f"{place} longer", put(place, data + b"x")),
            (f"{place} gone", gone(place)),
            (f"{place} renamed", moved(place, "other")),
            (f"{place} joined", put(place.with_name("more"), b"x")),
            (f"{place.parent} gone", without(place.parent)),
            (f"{place.parent} renamed", moved(place.parent, "0" * 32)),
        ]
    return [*cases, ("a file more", put(Path("versions/more"), b""))]


@SPREAD
def test_any_change_of_a_versions_files_is_found(copy: Copy, whole: Path, most: int) -> None:
    require_found(copy, spread(version_cases(whole), 3 * most), "versions/")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of everything in JSON data."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, under in inner:
        yield (*path, key)
        if isinstance(under, dict | list):
            yield from leaves(under, (*path, key))


def other(value: Any) -> Any:
    """Return a value that differs a little."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value + 1e-9
    return [*value, 0] if isinstance(value, list) else {**value, "x": 0} if value == {} else "x"


@SPREAD
def test_any_change_of_the_report_is_found(copy: Copy, whole: Path, most: int) -> None:
    report = json.loads((whole / "report.json").read_text())
    cases: list[Case] = []

    def change(place: tuple[Any, ...], drop: bool) -> Change:
        def apply(folder: Path) -> None:
            data = json.loads((whole / "report.json").read_text())
            holder = data
            for key in place[:-1]:
                holder = holder[key]
            if drop:
                del holder[place[-1]]
            else:
                holder[place[-1]] = other(holder[place[-1]])
            text = json.dumps(data, indent=2, sort_keys=True) + "\n"
            (folder / "report.json").write_text(text)

        return apply

    for place in leaves(report):
        cases += [(f"{place} {drop}", change(place, drop)) for drop in (False, True)]
    require_found(copy, spread(cases, 3 * most), "report.json")


def test_single_files_that_are_changed_or_gone_are_found(copy: Copy, whole: Path) -> None:
    head = json.loads((whole / "ledger.head").read_text())
    config = (whole / "config.toml").read_text()
    lines = config.splitlines(keepends=True)

    def put(place: str, text: str) -> Change:
        def apply(folder: Path) -> None:
            (folder / place).write_text(text)

        return apply

    def gone(place: str) -> Change:
        return lambda folder: (folder / place).unlink()

    def with_head(**values: Any) -> Change:
        text = json.dumps({**head, **values}, indent=2, sort_keys=True) + "\n"
        return put("ledger.head", text)

    changed = [with_head(**{key: other(value)}) for key, value in head.items()]
    changed += [with_head(coming=head["hash"]), put("ledger.head", "{}"), gone("ledger.head")]
    changed += [put("ledger.sqlite", "no database"), gone("ledger.sqlite")]
    require_found(copy, [(f"head {i}", c) for i, c in enumerate(changed)], "ledger")

    settings: list[Case] = [("config gone", gone("config.toml"))]
    for at, line in enumerate(lines):
        settings.append((f"without {line}", put("config.toml", config.replace(line, ""))))
        name, _, value = line.partition(" = ")
        new = f'"{value.strip()[1:-1]}x"' if value.startswith('"') else f"{value.strip()}1"
        settings.append((line, put("config.toml", config.replace(line, f"{name} = {new}\n"))))
        assert at < len(lines)
    settings.append(("a key more", put("config.toml", config + "extra = 1\n")))
    require_found(copy, settings, "config.toml")

    final = (whole / "evaluator" / "final.json").read_text()
    cases = [put("evaluator/final.json", final.replace('"sealed": "', '"sealed": "0'))]
    cases += [gone("evaluator/final.json"), put("evaluator/final.json", "{")]
    require_found(copy, [(f"final {i}", c) for i, c in enumerate(cases)], "evaluator/final.json")

    require_found(copy, [("records gone", gone("evaluator/records.jsonl"))], "evaluator")
    require_found(copy, [("report gone", gone("report.json"))], "report.json")


def test_files_of_records_gone_added_or_exchanged_are_found(copy: Copy, whole: Path) -> None:
    names = sorted(path.name for path in (whole / "records").iterdir())
    data = {name: (whole / "records" / name).read_bytes() for name in names}

    def put(name: str, text: bytes) -> Change:
        def apply(folder: Path) -> None:
            (folder / "records" / name).write_bytes(text)

        return apply

    def gone(name: str) -> Change:
        return lambda folder: (folder / "records" / name).unlink()

    following = f"gen-{len(names) + 1:04d}.jsonl.gz"
    cases: list[Case] = [("added", put("x", b"")), ("following", put(following, b""))]
    for name, another in zip(names, names[1:] + names[:1], strict=True):
        cases += [
            (f"{name} gone", gone(name)),
            (f"{name} is {another}", put(name, data[another])),
            (f"{name} longer", put(name, data[name] + data[another])),
        ]
    require_found(copy, cases, "records/")
