"""Every misfit of batch and loss is refused with its row and field."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from ratchet.core.errors import EngineError
from ratchet.engine.losses import (
    Batch,
    CrossEntropy,
    Distillation,
    Loss,
    PolicyGradient,
    Preference,
    Row,
)
from ratchet.engine.protocol import Sampling
from ratchet.engine.validate import check_batch, check_sampling

GOOD = Row(
    tokens=(1, 2, 3),
    weights=(0.0, 0.0, 1.0),
    advantages=(0.0, 0.0, 1.0),
    old_logprobs=(0.0, 0.0, -1.0),
    clip_low=(0.2,) * 3,
    clip_high=(0.2,) * 3,
    reference_logprobs=(0.0, 0.0, -1.0),
    teacher=((), (), ((4, -0.5), (5, -2.0))),
)
KINDS: list[Loss] = [
    CrossEntropy(),
    PolicyGradient(),
    PolicyGradient(kl=0.1),
    Preference("pairwise"),
    Preference("kto"),
    Distillation(),
]


@pytest.mark.parametrize("loss", KINDS, ids=str)
def test_good_rows_pass(loss: Loss) -> None:
    check_batch(Batch((GOOD, GOOD)), loss)


@pytest.mark.parametrize(
    ("field", "value", "loss"),
    [
        ("tokens", (1,), CrossEntropy()),
        ("weights", (1.0,), CrossEntropy()),
        ("weights", (0.0, 0.0, nan), CrossEntropy()),
        ("weights", (0.0, 0.0, -1.0), PolicyGradient()),
        ("weights", (0.0, 0.0, -1.0), Preference("kto")),
        ("weights", (0.0, 0.0, -1.0), Distillation()),
        ("advantages", (), PolicyGradient()),
        ("advantages", (1.0, 1.0), PolicyGradient()),
        ("advantages", (0.0, 0.0, nan), PolicyGradient()),
        ("old_logprobs", (), PolicyGradient()),
        ("old_logprobs", (0.0, 0.0, inf), PolicyGradient()),
        ("clip_low", (0.2,), PolicyGradient()),
        ("clip_high", (0.2, 0.2, -0.1), PolicyGradient()),
        ("clip_high", (0.2, 0.2, inf), PolicyGradient()),
        ("reference_logprobs", (), PolicyGradient(kl=0.1)),
        ("reference_logprobs", (), Preference("pairwise")),
        ("reference_logprobs", (0.0, 0.0, nan), Preference("kto")),
        ("teacher", (), Distillation()),
        ("teacher", ((), ()), Distillation()),
        ("teacher", ((), (), ()), Distillation()),
        ("teacher", ((), (), ((4, -1.0), (4, -1.0))), Distillation()),
        ("teacher", ((), (), ((4, nan),)), Distillation()),
        ("teacher", ((), (), ((4, -0.1), (5, -0.1))), Distillation()),
    ],
)
def test_bad_field_is_named(field: str, value: Any, loss: Loss) -> None:
    bad = replace(GOOD, **{field: value})
    with pytest.raises(EngineError, match=f"row 1, field {field}"):
        check_batch(Batch((GOOD, bad)), loss)


def test_numbers_without_weight_are_not_looked_at() -> None:
    old = replace(GOOD, old_logprobs=(nan, nan, -1.0), advantages=(nan, inf, 1.0))
    check_batch(Batch((old,)), PolicyGradient())


def test_negative_weights_are_for_cross_entropy() -> None:
    check_batch(Batch((replace(GOOD, weights=(0.0, 0.0, -1.0)),)), CrossEntropy())


def test_batches_as_a_whole() -> None:
    with pytest.raises(EngineError, match="no rows"):
        check_batch(Batch(()), CrossEntropy())
    with pytest.raises(EngineError, match="no position"):
        check_batch(Batch((replace(GOOD, weights=(1.0, 0.0, 0.0)),)), CrossEntropy())
    with pytest.raises(EngineError, match="3 rows"):
        check_batch(Batch((GOOD, GOOD, GOOD)), Preference("pairwise"))
    swapped = Batch((replace(GOOD, desirable=False), GOOD))
    with pytest.raises(EngineError, match="second row of the pair is the better"):
        check_batch(swapped, Preference("pairwise"))


@pytest.mark.parametrize(
    "loss", [PolicyGradient(kl=-1.0), Preference(beta=0.0), Preference("kto", z0=nan)], ids=str
)
def test_bad_loss_settings(loss: Loss) -> None:
    with pytest.raises(EngineError):
        check_batch(Batch((GOOD, GOOD)), loss)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 0),
        ("n", 0),
        ("temperature", -1.0),
        ("temperature", nan),
        ("top_p", 0.0),
        ("top_p", 1.5),
        ("top_k", -1),
        ("stop", ("",)),
        ("limits", (1, 1)),
        ("limits", (0,)),
        ("limits", (2,)),
    ],
)
def test_sampling_ranges(name: str, value: Any) -> None:
    check_sampling(Sampling(0, 1, limits=(1,)), 1)
    with pytest.raises(EngineError, match=rf"sampling\.{name}"):
        check_sampling(replace(Sampling(0, 1), **{name: value}), 1)
