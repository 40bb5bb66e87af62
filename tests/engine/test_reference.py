"""The numpy oracle: hand-computed values, and gradients by finite differences."""

from __future__ import annotations

from dataclasses import replace
from math import e, exp, log, log1p

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.core.errors import EngineError
from ratchet.engine.losses import (
    Batch,
    CrossEntropy,
    Distillation,
    Loss,
    PolicyGradient,
    Preference,
    Reduction,
    Row,
)
from ratchet.engine.reference import TAIL_FLOOR, Array, log_softmax, loss_and_grad

WIDTH = 5
REDUCTIONS: tuple[Reduction, ...] = ("tokens", "rows", "sum")
LOSSES: list[Loss] = [
    *(CrossEntropy(r) for r in REDUCTIONS),
    *(PolicyGradient("token", kl, r) for r in REDUCTIONS for kl in (0.0, 0.3)),
    *(PolicyGradient("sequence", kl, r) for r in REDUCTIONS for kl in (0.0, 0.3)),
    Preference("pairwise", 0.5, reduction="rows"),
    Preference("pairwise", 0.5, reduction="sum"),
    Preference("kto", 0.5, 0.2, "rows"),
    Preference("kto", 0.5, 0.2, "sum"),
    *(Distillation("forward_kl", r) for r in REDUCTIONS),
    *(Distillation("reverse_kl", r) for r in REDUCTIONS),
    *(Distillation("jensen_shannon", r) for r in REDUCTIONS),
]


def example(seed: int, lengths: tuple[int, ...] = (4, 6, 3, 5)) -> tuple[list[Array], Batch]:
    """Random logits and rows with every field; ratios lie away from the clip bounds."""
    rng = np.random.default_rng(seed)
    logits, rows = [], []
    for index, size in enumerate(lengths):
        z = rng.normal(size=(size - 1, WIDTH))
        tokens = rng.integers(0, WIDTH, size)
        lp = np.r_[0.0, log_softmax(z)[np.arange(size - 1), tokens[1:]]]
        weights = rng.uniform(0.2, 2.0, size) * (rng.random(size) < 0.7)
        weights[-1] = 1.0
        shifts = rng.choice([-0.6, -0.05, 0.05, 0.6], size)
        teacher: list[tuple[tuple[int, float], ...]] = [()]
        for weight in weights[1:]:
            top = rng.choice(WIDTH, 2 if index % 2 else WIDTH, replace=False)
            share = rng.dirichlet(np.ones(len(top))) * (0.9 if index % 2 else 1.0)
            pairs = zip(top.tolist(), np.log(share).tolist(), strict=True)
            teacher.append(tuple(pairs) if weight else ())
        rows.append(
            Row(
                tuple(tokens.tolist()),
                tuple(weights.tolist()),
                advantages=tuple(rng.normal(size=size).tolist()),
                old_logprobs=tuple((lp + shifts).tolist()),
                clip_low=(0.2,) * size,
                clip_high=(0.3,) * size,
                reference_logprobs=tuple((lp + rng.normal(size=size)).tolist()),
                desirable=index % 2 == 0,
                teacher=tuple(teacher),
            )
        )
        logits.append(z)
    return logits, Batch(tuple(rows))


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_gradient_equals_finite_differences(loss: Loss) -> None:
    logits, batch = example(1)
    report, grads = loss_and_grad(logits, batch, loss)
    step, biggest = 1e-6, 0.0
    for array, grad in zip(logits, grads, strict=True):
        for at in np.ndindex(*array.shape):
            kept = array[at]
            values = []
            for move in (step, -step):
                array[at] = kept + move
                values.append(loss_and_grad(logits, batch, loss)[0].loss)
            array[at] = kept
            numeric = (values[0] - values[1]) / (2 * step)
            assert grad[at] == pytest.approx(numeric, abs=2e-8, rel=1e-6)
            biggest = max(biggest, abs(numeric))
    assert biggest > 1e-3
    if isinstance(loss, PolicyGradient) and loss.ratio == "token":
        assert 0.0 < report.clipped < 1.0


def two_way(*probabilities: float) -> Array:
    """Logits over two tokens; entry t gives token 0 this probability."""
    shares: Array = np.array([[p, 1.0 - p] for p in probabilities])
    return np.log(shares)


def row(size: int = 3, **fields: object) -> Row:
    made = Row(tokens=(0,) * size, weights=(0.0,) + (1.0,) * (size - 1))
    return replace(made, **fields)  # type: ignore[arg-type]


def test_reductions_by_hand() -> None:
    logits = [two_way(0.5, 0.25), two_way(0.8)]
    batch = Batch((row(weights=(9.0, 1.0, 3.0)), row(2, weights=(0.0, 2.0))))
    first, second = log(2) + 3 * log(4), -2 * log(0.8)
    values = {r: loss_and_grad(logits, batch, CrossEntropy(r))[0].loss for r in REDUCTIONS}
    assert values["sum"] == pytest.approx(first + second)
    assert values["tokens"] == pytest.approx((first + second) / 6)
    assert values["rows"] == pytest.approx((first / 4 + second / 2) / 2)


def test_rows_without_weight_do_not_count() -> None:
    logits, batch = [two_way(0.5), two_way(0.5)], Batch((row(2), row(2, weights=(0.0, 0.0))))
    report, grads = loss_and_grad(logits, batch, CrossEntropy("rows"))
    assert report.loss == pytest.approx(log(2))
    assert not grads[1].any()


def test_negative_weight_pushes_down() -> None:
    batch = Batch((row(weights=(0.0, 1.0, -1.0)),))
    report, grads = loss_and_grad([two_way(0.5, 0.25)], batch, CrossEntropy())
    assert report.loss == pytest.approx((log(2) - log(4)) / 2)
    assert grads[0][0, 0] < 0 < grads[0][1, 0]


def test_report_holds_logprobs_of_trained_tokens() -> None:
    batch = Batch((row(weights=(0.0, 0.0, 2.0)),))
    report, _ = loss_and_grad([two_way(0.5, 0.25)], batch, CrossEntropy())
    assert report.tokens == 1
    assert report.logprobs[0] == pytest.approx((0.0, log(0.25)))


def test_on_policy_gradient_is_reinforce() -> None:
    logits, batch = example(2)
    _, plain = loss_and_grad(logits, batch, CrossEntropy())
    lps = [
        log_softmax(z)[np.arange(len(z)), r.tokens[1:]]
        for z, r in zip(logits, batch.rows, strict=True)
    ]
    rows = [
        replace(r, old_logprobs=(0.0, *lp.tolist()), advantages=(0.7,) * len(r.tokens))
        for r, lp in zip(batch.rows, lps, strict=True)
    ]
    report, grads = loss_and_grad(logits, Batch(tuple(rows)), PolicyGradient())
    for got, want in zip(grads, plain, strict=True):
        np.testing.assert_allclose(got, 0.7 * want, atol=1e-15)
    assert report.loss == pytest.approx(-0.7)
    assert report.clipped == 0.0


@pytest.mark.parametrize(
    ("advantage", "ratio", "value", "clipped"),
    [
        (1.0, 1.1, 1.1, False),
        (1.0, 2.0, 1.3, True),
        (1.0, 0.5, 0.5, False),
        (-1.0, 0.5, -0.8, True),
        (-1.0, 2.0, -2.0, False),
    ],
)
def test_clipping_by_hand(advantage: float, ratio: float, value: float, clipped: bool) -> None:
    one = row(
        2,
        advantages=(0.0, advantage),
        old_logprobs=(0.0, log(0.5 / ratio)),
        clip_low=(0.0, 0.2),
        clip_high=(0.0, 0.3),
    )
    report, grads = loss_and_grad([two_way(0.5)], Batch((one,)), PolicyGradient())
    assert report.loss == pytest.approx(-value)
    assert report.clipped == float(clipped)
    assert grads[0][0, 0] == pytest.approx(0.0 if clipped else -ratio * advantage * 0.5)


def test_no_bounds_means_no_clipping() -> None:
    one = row(2, advantages=(0.0, 1.0), old_logprobs=(0.0, log(0.5) - 3.0))
    report, _ = loss_and_grad([two_way(0.5)], Batch((one,)), PolicyGradient())
    assert report.loss == pytest.approx(-(e**3))


def test_sequence_ratio_is_the_weighted_geometric_mean() -> None:
    one = row(
        weights=(0.0, 1.0, 3.0),
        advantages=(0.0, 2.0, 2.0),
        old_logprobs=(0.0, log(0.5) - 0.4, log(0.25) + 0.8),
    )
    report, _ = loss_and_grad([two_way(0.5, 0.25)], Batch((one,)), PolicyGradient("sequence"))
    assert report.loss == pytest.approx(-2.0 * exp((0.4 - 3 * 0.8) / 4))


def test_k3_by_hand() -> None:
    one = row(
        2,
        advantages=(0.0, 0.0),
        old_logprobs=(0.0, log(0.5)),
        reference_logprobs=(0.0, log(0.25)),
    )
    report, _ = loss_and_grad([two_way(0.5)], Batch((one,)), PolicyGradient(kl=0.1))
    k3 = 0.5 - log(0.5) - 1
    assert report.kl == pytest.approx(k3)
    assert report.loss == pytest.approx(0.1 * k3)


def test_preferences_by_hand() -> None:
    logits = [two_way(0.5), two_way(0.25)]
    batch = Batch(
        (
            row(2, reference_logprobs=(0.0, log(0.4))),
            row(2, reference_logprobs=(0.0, log(0.5)), desirable=False),
        )
    )
    better, worse = 0.1 * log(0.5 / 0.4), 0.1 * log(0.25 / 0.5)
    report, _ = loss_and_grad(logits, batch, Preference("pairwise"))
    assert report.loss == pytest.approx(log1p(exp(worse - better)))
    report, _ = loss_and_grad(logits, batch, Preference("kto", z0=0.3))
    up, down = 1 / (1 + exp(0.03 - better)), 1 / (1 + exp(worse - 0.03))
    assert report.loss == pytest.approx(((1 - up) + (1 - down)) / 2)


def test_divergences_by_hand() -> None:
    logits = [np.log(np.array([[0.5, 0.3, 0.2]]))]
    batch = Batch((row(2, teacher=((), ((1, log(0.6)),))),))
    p, q = np.array([0.3, 0.7]), np.array([0.6, 0.4])
    m = (p + q) / 2
    kl = {
        "forward_kl": float(q @ np.log(q / p)),
        "reverse_kl": float(p @ np.log(p / q)),
        "jensen_shannon": float(p @ np.log(p / m) + q @ np.log(q / m)) / 2,
    }
    for name, want in kl.items():
        report, _ = loss_and_grad(logits, batch, Distillation(name))  # type: ignore[arg-type]
        assert report.loss == pytest.approx(want)


def test_teacher_without_a_tail_stays_finite() -> None:
    logits = [np.log(np.array([[0.5, 0.3, 0.2]]))]
    batch = Batch((row(2, teacher=((), ((0, log(0.6)), (1, log(0.4))))),))
    report, _ = loss_and_grad(logits, batch, Distillation("reverse_kl"))
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.6, 0.4, TAIL_FLOOR])
    assert report.loss == pytest.approx(float(p @ np.log(p / q)))


@pytest.mark.parametrize("divergence", ["forward_kl", "reverse_kl", "jensen_shannon"])
def test_distilling_from_itself_is_still(divergence: str) -> None:
    z = np.random.default_rng(0).normal(size=(1, WIDTH))
    top = tuple(enumerate(log_softmax(z)[0].tolist()))
    for kept in (top, top[:3]):
        batch = Batch((row(2, teacher=((), kept)),))
        report, grads = loss_and_grad([z], batch, Distillation(divergence))  # type: ignore[arg-type]
        assert report.loss == pytest.approx(0.0, abs=1e-12)
        np.testing.assert_allclose(grads[0], 0.0, atol=1e-12)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), which=st.integers(0, len(LOSSES) - 1))
def test_gradients_sum_to_zero_and_spare_unweighted_positions(seed: int, which: int) -> None:
    logits, batch = example(seed)
    _, grads = loss_and_grad(logits, batch, LOSSES[which])
    for grad, one in zip(grads, batch.rows, strict=True):
        np.testing.assert_allclose(grad.sum(axis=1), 0.0, atol=1e-12)
        assert not grad[np.array(one.weights[1:]) == 0.0].any()


@settings(derandomize=True, max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), which=st.integers(0, len(LOSSES) - 1))
def test_row_pairs_can_be_reordered(seed: int, which: int) -> None:
    logits, batch = example(seed)
    report, grads = loss_and_grad(logits, batch, LOSSES[which])
    order = [2, 3, 0, 1]
    turned, moved = loss_and_grad(
        [logits[i] for i in order], Batch(tuple(batch.rows[i] for i in order)), LOSSES[which]
    )
    assert turned.loss == pytest.approx(report.loss, rel=1e-12, abs=1e-12)
    for at, i in enumerate(order):
        np.testing.assert_allclose(moved[at], grads[i], atol=1e-13)


def test_overflow_is_an_error_not_an_infinity() -> None:
    one = row(2, advantages=(0.0, 1.0), old_logprobs=(0.0, -1e6))
    with pytest.raises(EngineError, match="the loss is"):
        loss_and_grad([two_way(0.5)], Batch((one,)), PolicyGradient())


def test_logits_must_fit() -> None:
    with pytest.raises(EngineError, match="logits of shape"):
        loss_and_grad([two_way(0.5)], Batch((row(3),)), CrossEntropy())
    with pytest.raises(EngineError, match="outside the vocabulary"):
        loss_and_grad([two_way(0.5)], Batch((row(2, tokens=(0, 7)),)), CrossEntropy())
    with pytest.raises(EngineError, match="1 logit arrays for 2 rows"):
        loss_and_grad([two_way(0.5)], Batch((row(2), row(2))), CrossEntropy())
