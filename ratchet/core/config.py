"""Typed settings: pydantic models from TOML; an unknown key is an error naming the nearest one."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationError

from ratchet.core.errors import ConfigError


class Config(BaseModel):
    """A group of settings. Field docs stand below the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def read(cls, path: Path, **overrides: Any) -> Self:
        """Read a TOML file; keyword arguments win over the file. Raises ConfigError."""
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}", "check the path") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is not valid TOML: {error}", f"correct {path}") from error
        return cls.build({**data, **overrides}, source=str(path))

    @classmethod
    def build(cls, data: dict[str, Any], source: str = "settings") -> Self:
        """Validate plain data. ConfigError names each wrong key and the nearest right one."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            problems = [_explain(cls, problem) for problem in error.errors()]
            raise ConfigError(
                f"{source}: " + "; ".join(problems), "correct it and run again"
            ) from error

    def write(self, path: Path) -> None:
        """Write every resolved value as TOML, whole or not at all; a value of None is left out."""
        draft = path.with_name(path.name + ".draft")
        text = tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))
        try:
            draft.write_text(text, "utf-8")
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise


def nearest(name: str, names: list[str]) -> str:
    """Return `` (did you mean X?)`` for the nearest of these names, or nothing if none is near."""
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _explain(model: type[BaseModel], problem: Any) -> str:
    place = problem["loc"]
    key = ".".join(str(part) for part in place)
    if problem["type"] != "extra_forbidden":
        return f"{key}: {problem['msg']}"
    for part in place[:-1]:
        inner = model.model_fields[part].annotation if part in model.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return f"unknown key {key!r}"
        model = inner
    return f"unknown key {key!r}{nearest(str(place[-1]), list(model.model_fields))}"
