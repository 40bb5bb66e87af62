from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from ratchet.cli import main
from ratchet.cli.doctor import PACKAGES, check_machine, check_package

ROOT = Path(__file__).parents[2]


def test_it_looks_at_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(PACKAGES) == sorted(re.split("[<>=~]", d)[0] for d in project["dependencies"])


def test_what_is_missing_comes_with_the_command_that_mends_it() -> None:
    check = check_package("surely-no-such-package")
    assert not check.ok
    assert check.mend.endswith("-m pip install surely-no-such-package")
    assert check_package("numpy").ok
    assert all(check.ok for check in check_machine() if check.name == "python")


def test_one_missing_thing_is_an_exit_code_of_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ratchet.cli.doctor.PACKAGES", ("numpy", "surely-no-such-package"))
    assert main(["doctor", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert not document["ok"]
    states = {check["name"]: check["ok"] for check in document["checks"]}
    assert states["numpy"] and not states["surely-no-such-package"]
    assert main(["doctor"]) == 1
    assert "pip install surely-no-such-package" in capsys.readouterr().out
