"""What something cost is counted from the meter's making."""

from __future__ import annotations

from ratchet.core.task import Cost
from ratchet.loop.meter import Meter, peak_rss_mb
from ratchet.loop.provenance import describe_machine


def test_only_what_was_spent_since_is_counted() -> None:
    spent = [Cost(10, 20, 30)]
    meter = Meter(lambda: spent[0])
    assert {k: meter.read()[k] for k in ("tokens", "prompt_tokens", "tool_calls")} == {
        "tokens": 0,
        "prompt_tokens": 0,
        "tool_calls": 0,
    }
    spent[0] += Cost(1, 2, 3)
    read = meter.read()
    assert (read["prompt_tokens"], read["tokens"], read["tool_calls"]) == (1, 2, 3)
    assert 0 <= read["wall_s"] < 60
    assert meter.read()["wall_s"] >= read["wall_s"]


def test_memory_is_in_megabytes_and_never_falls() -> None:
    before = peak_rss_mb()
    assert 10 < before < 1e5
    block = bytearray(64 * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    assert peak_rss_mb() >= before


def test_a_machine_is_described_for_a_reader() -> None:
    told = describe_machine()
    assert told["numpy"] != "not installed"
    assert isinstance(told["cores"], int) and told["cores"] >= 1
    assert str(told["python"]).startswith("3.")
