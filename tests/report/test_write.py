from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable

import pytest

from ratchet.core.errors import RunError
from ratchet.loop.folder import RunFolder
from ratchet.report import write_report

MakeRun = Callable[..., RunFolder]


def test_the_file_is_what_is_returned_with_sorted_keys(make_run: MakeRun) -> None:
    folder = make_run()
    data = write_report(folder)
    text = folder.report.read_text(encoding="utf-8")
    assert json.loads(text) == data
    assert text == json.dumps(data, indent=2, sort_keys=True) + "\n"
    assert not list(folder.path.glob("*.draft"))


def test_writing_again_changes_no_byte(make_run: MakeRun) -> None:
    folder = make_run()
    write_report(folder)
    before = folder.report.read_bytes()
    write_report(folder)
    assert folder.report.read_bytes() == before


def test_an_edited_ledger_is_not_reported(make_run: MakeRun) -> None:
    folder = make_run()
    database = sqlite3.connect(folder.path / "ledger.sqlite")
    database.execute("drop trigger entries_stay")
    database.execute("update entries set body = replace(body, '0.3', '0.9') where seq = 2")
    database.execute("update entries set body = body || ' ' where seq = 2")
    database.commit()
    database.close()
    with pytest.raises(RunError, match="chain breaks at entry 2"):
        write_report(folder)
    assert not folder.report.exists()


def test_importing_the_report_loads_no_plotting() -> None:
    code = "import sys, ratchet.report; print({'matplotlib', 'torch'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
