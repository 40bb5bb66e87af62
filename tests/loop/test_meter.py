"""What something cost is counted from the meter's making."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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


def test_memory_is_in_megabytes_and_rises_with_what_is_held() -> None:
    before = peak_rss_mb()
    assert 10 < before < 1e5
    block = bytearray(before_and(256))
    block[::4096] = b"x" * len(block[::4096])
    assert peak_rss_mb() > before


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_a_child_counts_while_it_lives_and_for_what_it_holds_itself() -> None:
    alone = peak_rss_mb()
    holds = "block = b'x' * 2**27; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stdout.readline()
        assert 128 <= peak_rss_mb() - alone < 128 + 50
        child.communicate(b"\n")
    assert peak_rss_mb() - alone < 20


def before_and(more: int) -> int:
    """Return so many bytes that holding them is a new peak."""
    return int(peak_rss_mb() + more) * 2**20


def test_a_machine_is_described_for_a_reader() -> None:
    told = describe_machine()
    assert told["numpy"] != "not installed"
    assert isinstance(told["cores"], int) and told["cores"] >= 1
    assert str(told["python"]).startswith("3.")
