from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.cli import main


def test_a_recipe_without_claims_says_where_to_write_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "mine.py"
    recipe.write_text('"""Mine."""\n')
    assert main(["reproduce", str(recipe), "--out", str(tmp_path / "out")]) == 2
    assert f"next: write them in {tmp_path / 'claims.py'}" in capsys.readouterr().err


def test_options_reach_the_harness_and_a_stop_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: dict[str, Any] = {}

    def reproduce(method: Any, tier: str, out: Path, listener: Any, **options: Any) -> None:
        seen.update(options, name=method.name, tier=tier, out=out)
        raise KeyboardInterrupt

    monkeypatch.setattr("ratchet.claims.reproduce", reproduce)
    words = ["reproduce", "toy_program", "--tier", "toy", "--out", "o", "--stage", "2", "--json"]
    assert main(words) == 130
    assert (seen["name"], seen["tier"], seen["out"]) == ("toy_program", "toy", Path("o"))
    assert (seen["stage"], seen["jobs"], seen["docs"]) == (2, 0, None)
    told = json.loads(capsys.readouterr().out)
    assert told["error"] == "stopped; every finished run is kept"
    assert told["next"].startswith("ratchet reproduce toy_program --tier toy")
