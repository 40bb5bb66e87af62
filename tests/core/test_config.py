"""Settings: read, refused with the nearest name, written and read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.core.config import Config, nearest
from ratchet.core.errors import ConfigError


class Inner(Config):
    """A group in a group."""

    margin: float = 0.5
    levels: tuple[int, ...] = (1, 2)


class Outer(Config):
    """Some settings."""

    name: str
    seed: int = 1
    limit: float | None = None
    inner: Inner = Inner()


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_a_file_is_read_and_overridden(tmp_path: Path) -> None:
    path = write(tmp_path, 'name = "a"\nseed = 3\n[inner]\nmargin = 0.25\n')
    assert Outer.read(path) == Outer(name="a", seed=3, inner=Inner(margin=0.25))
    assert Outer.read(path, seed=4).seed == 4


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('name = "a"\nsede = 3', r"unknown key 'sede' \(did you mean 'seed'\?\)"),
        ('name = "a"\n[inner]\nmargni = 1.0', r"'inner\.margni' \(did you mean 'margin'\?\)"),
        ('name = "a"\nqqqq = 3', r"unknown key 'qqqq'\n"),
        ("seed = 3", "name: Field required"),
        ('name = "a"\nseed = "many"', "seed: Input should be a valid integer"),
    ],
)
def test_a_wrong_key_or_value_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=named) as caught:
        Outer.read(path)
    assert caught.value.message.startswith(str(path))
    assert caught.value.hint


def test_every_wrong_key_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Outer.build({"name": "a", "sede": 1, "nmae": 2})
    assert "'seed'" in caught.value.message and "'name'" in caught.value.message


def test_a_file_that_is_no_toml_or_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not valid TOML"):
        Outer.read(write(tmp_path, "name = "))
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(ConfigError, match="not valid TOML"):
        Outer.read(tmp_path / "latin.toml")
    with pytest.raises(ConfigError, match=r"cannot read .*: No such file"):
        Outer.read(tmp_path / "absent.toml")


@pytest.mark.parametrize("limit", [None, 2.5])
def test_what_is_written_reads_back(tmp_path: Path, limit: float | None) -> None:
    settings = Outer(name='quo"te\n', limit=limit, inner=Inner(levels=(3,)))
    settings.write(tmp_path / "out.toml")
    assert Outer.read(tmp_path / "out.toml") == settings
    assert [path.name for path in tmp_path.iterdir()] == ["out.toml"]


def test_a_failed_write_leaves_the_old_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.toml"
    Outer(name="old").write(path)

    def refuse(self: Path, *args: object) -> int:
        with self.open("w") as file:
            file.write("name = ")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(OSError, match="No space"):
        Outer(name="new").write(path)
    assert Outer.read(path).name == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.toml"]


def test_settings_do_not_change() -> None:
    settings = Outer(name="a")
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 2


def test_nearest_names_something_near_or_nothing() -> None:
    assert nearest("generatoins", ["seed", "generations"]) == " (did you mean 'generations'?)"
    assert nearest("xyz", ["seed", "generations"]) == ""
