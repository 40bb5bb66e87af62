"""That the attacks work: outside a sandbox each of these gets through, on a host of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks import (
    test_escapes,
    test_files,
    test_memory,
    test_network,
    test_own_run,
    test_processes,
    test_signals,
)
from tests.attacks.attack import Attack, Host, open_host, unprotected

EVERY = (
    *test_escapes.ATTACKS,
    *test_files.ATTACKS,
    *test_memory.ATTACKS,
    *test_network.ATTACKS,
    *test_own_run.ATTACKS,
    *test_processes.ATTACKS,
    *test_signals.ATTACKS,
)


@pytest.fixture(scope="module")
def bait() -> Iterator[Host]:
    with open_host() as opened:
        yield opened


@pytest.mark.parametrize("attack", [a for a in EVERY if a.control], ids=str)
def test_it_gets_through_without_a_sandbox(bait: Host, attack: Attack) -> None:
    assert unprotected(bait, attack)


def test_every_kind_of_attack_is_shown_to_work() -> None:
    assert sum(attack.control for attack in EVERY) >= 25
