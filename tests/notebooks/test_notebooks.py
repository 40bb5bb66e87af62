"""The notebooks run from top to bottom, on small settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.engine.models.find import TINY, missing

FOLDER = Path(__file__).parents[2] / "notebooks"


def execute(name: str) -> Any:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return notebook


def pictures(notebook: Any) -> int:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.slow
def test_the_toy_shows_both_pictures() -> None:
    assert pictures(execute("00_contextual_drag_toy")) == 2


@pytest.mark.slow
def test_the_suite_runs_on_the_tiny_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert missing(TINY) is None
    monkeypatch.setenv("RATCHET_NOTEBOOK", "small")
    monkeypatch.setenv("RATCHET_NOTEBOOK_MODEL", "tiny")
    monkeypatch.setenv("RATCHET_NOTEBOOK_OUT", str(tmp_path / "study"))
    assert pictures(execute("02_contextual_drag_llm")) == 1
