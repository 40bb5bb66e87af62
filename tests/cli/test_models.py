from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.cli import main


def test_list_tells_the_state_of_every_built_in_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    names = [model["name"] for model in json.loads(capsys.readouterr().out)["models"]]
    assert names == ["smollm2", "tiny"]
    assert main(["models", "list"]) == 0
    assert capsys.readouterr().out.startswith("model")


def test_build_trains_with_the_seed_given_into_the_folder_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(folder: Path, seed: int, progress: Callable[[str], None]) -> dict[str, Any]:
        progress("step 1")
        folder.mkdir()
        (folder / "seed").write_text(str(seed))
        return {"parameters": 1_000_000, "loss": 0.5}

    monkeypatch.setattr("ratchet.recipes.tiny_model.train.build", train)
    folder = tmp_path / "tiny"
    assert main(["models", "build", "tiny", "--seed", "9", "--out", str(folder), "--json"]) == 0
    told = capsys.readouterr()
    assert (folder / "seed").read_text() == "9"
    assert json.loads(told.out)["recipe"]["loss"] == 0.5
    assert told.err == "step 1\n"
