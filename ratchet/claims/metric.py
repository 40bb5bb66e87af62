"""A metric is a path into ``report.json``: checked before the first run, read after it."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from ratchet.claims.verdict import Reading
from ratchet.core.config import nearest
from ratchet.core.errors import ConfigError
from ratchet.report.schema import Report

_MINUS = " - "


def check_metric(path: str) -> None:
    """Raise ConfigError unless the path leads to a number in every report's schema.

    Below a dictionary, such as ``families`` or ``epilogue``, any key is taken. ``PATH - PATH`` is
    the difference of two.
    """
    for part in path.split(_MINUS):
        _check_path(part)


def _check_path(path: str) -> None:
    kind: Any = Report
    for name in path.split("."):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = kind.model_fields
            if name not in fields:
                message = f"a report has no {path!r}{nearest(name, list(fields))}"
                raise ConfigError(message, "read docs/report.md, then correct the metric")
            kind = _without_none(fields[name].annotation)
        elif get_origin(kind) is dict:
            kind = _without_none(get_args(kind)[1])
        elif kind is not Any:
            raise ConfigError(f"{path!r} goes on below a number", "correct the metric")
    if kind not in (int, float, Any):
        raise ConfigError(f"{path!r} is no number", f"name one of its parts, as in {path}.mean")


def read_metric(report: Mapping[str, Any], path: str) -> Reading | None:
    """Return the metric of a report with its 95% half-width; None if it was not measured."""
    readings = [_read_path(report, part) for part in path.split(_MINUS)]
    if len(readings) == 1 or None in readings:
        return None if None in readings else readings[0]
    return Reading(sum((1 - 2 * bool(i)) * r.value for i, r in enumerate(readings) if r))


def _read_path(report: Mapping[str, Any], path: str) -> Reading | None:
    value: Any = report
    parent: Mapping[str, Any] = {}
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        parent, value = value, value[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    known = path.endswith(".mean") and {"low", "high", "n"} <= set(parent)
    if not known:
        return Reading(float(value))
    return Reading(float(value), (parent["high"] - parent["low"]) / 2, int(parent["n"]))


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        rest = [part for part in get_args(kind) if part is not type(None)]
        return rest[0] if len(rest) == 1 else kind
    return kind
