from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from ratchet.cli import main
from ratchet.cli.doctor import PACKAGES, check_machine, check_package, check_sandbox
from ratchet.sandbox.probe import LAYERS

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


def test_every_layer_of_the_sandbox_is_tried() -> None:
    first, *layers = check_sandbox()
    assert first.ok and "ISOLATED" in first.found
    assert [check.name.strip() for check in layers] == [*LAYERS, "cgroup", "interpreter"]
    held = [check for check in layers if check.name.strip() != "cgroup"]
    assert all(check.found.startswith("holds (") for check in held)


def test_a_layer_without_which_programs_are_refused_is_missing() -> None:
    found = {check.name.strip(): check for check in check_sandbox(off={"seccomp"})}
    assert not found["sandbox"].ok and "CONFINED" in found["sandbox"].found
    assert not found["seccomp"].ok and "SECCOMP" in found["seccomp"].mend
    assert found["namespaces"].ok and not found["namespaces"].mend


def test_a_layer_that_the_level_does_not_need_is_told_and_not_missing() -> None:
    found = {check.name.strip(): check for check in check_sandbox(off={"landlock"})}
    assert all(check.ok for check in found.values())
    assert found["landlock"].found == "does not hold (turned off)"


def test_a_system_that_runs_no_programs_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    (found,) = check_sandbox()
    assert not found.ok and "darwin" in found.found and found.mend
