"""Student's t against scipy and against closed forms."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle

from ratchet.stats import t_quantile
from ratchet.stats.student_t import t_upper_tail

DEGREES = (0.7, 1, 2, 2.5, 4, 9.3, 30, 399, 12_345.6, 1e6, 2e6, 1e9)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("p", (1e-6, 0.0083, 0.025, 0.3, 0.5, 0.6, 0.95, 0.975, 0.9995))
def test_quantiles_agree_with_scipy(p: float, df: float) -> None:
    assert t_quantile(p, df) == pytest.approx(float(oracle.t.ppf(p, df)), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("df", DEGREES[:-2])
@pytest.mark.parametrize("t", (0.0, 0.01, 0.9, 1.96, 7.0, 200.0))
def test_tails_agree_with_scipy(t: float, df: float) -> None:
    assert t_upper_tail(t, df) == pytest.approx(float(oracle.t.sf(t, df)), rel=1e-8, abs=1e-300)


def test_closed_forms_for_one_and_two_degrees() -> None:
    p = 0.975
    assert t_quantile(p, 1) == pytest.approx(math.tan(math.pi * (p - 0.5)), rel=1e-12)
    assert t_quantile(p, 2) == pytest.approx((2 * p - 1) / math.sqrt(2 * p * (1 - p)), rel=1e-12)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(p=st.floats(0.5001, 0.9999), df=st.floats(0.5, 1e4))
def test_quantile_inverts_the_tail_and_is_odd(p: float, df: float) -> None:
    t = t_quantile(p, df)
    assert t_upper_tail(t, df) == pytest.approx(1 - p, rel=1e-9)
    assert t_quantile(1 - p, df) == pytest.approx(-t, rel=1e-9)


@pytest.mark.parametrize(("p", "df"), [(0.0, 3), (1.0, 3), (math.nan, 3), (0.9, 0), (0.9, -1)])
def test_arguments_out_of_range_are_refused(p: float, df: float) -> None:
    with pytest.raises(ValueError, match=r"strictly between|positive"):
        t_quantile(p, df)
