"""Packing and going on: what comes back from another machine is what was finished there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.drag_claims import NAME, pack, unpack
from ratchet.engine.models.folder import cache_folder, find_damage, write_folder


def fill(folder: Path) -> None:
    (folder / "a").write_bytes(bytes(9_000_000))


def test_what_is_packed_goes_on_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATCHET_CACHE", str(tmp_path / "there"))
    out = tmp_path / "runs" / NAME
    for name, status in (("study-seed1", "completed"), ("auto-seed1", "interrupted")):
        folder = out / "runs" / name
        (folder / "versions" / "abc").mkdir(parents=True)
        (folder / "versions" / "abc" / "weights.safetensors").write_bytes(bytes(1000))
        (folder / "report.json").write_text(json.dumps({"status": status}))
        (folder / "config.toml").write_text("seed = 1\n")
    (out / "preregistration.json").write_text("{}")
    for name in ("countdown-small-0123456789ab", "countdown-large-0123456789ab"):
        home = cache_folder() / name
        write_folder(home, name, fill)
    archives = pack(out, tmp_path / "out")
    assert [a.name for a in archives] == ["claims.tar.gz", "weights_0.tar", "weights_1.tar"]
    monkeypatch.setenv("RATCHET_CACHE", str(tmp_path / "here"))
    here = tmp_path / "else" / NAME
    here.parent.mkdir()
    unpack(tmp_path / "out", here)
    found = {str(path.relative_to(here)) for path in here.rglob("*") if path.is_file()}
    runs = {f"runs/study-seed1/{file}" for file in ("report.json", "config.toml")}
    assert found == {"preregistration.json", *runs}, "finished runs alone, without their weights"
    models = sorted(cache_folder().iterdir())
    assert len(models) == 2 and not any(find_damage(model, contents=True) for model in models)
