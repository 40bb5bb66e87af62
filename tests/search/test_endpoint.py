"""A language model as proposer, against a scripted server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ratchet.core.errors import ConfigError
from ratchet.core.seeds import Seed
from ratchet.search.archive import Archive, Entry
from ratchet.search.cascade import Assessment
from ratchet.search.endpoint import Endpoint, Terms, extract_program
from ratchet.search.evolve import Search
from ratchet.search.proposer import SpentError
from tests.search.scripted import Scripted, serve


@pytest.fixture
def server() -> Iterator[Scripted]:
    with serve("Sure!\n```python\none\n```\nDone.") as server:
        yield server


def terms(server: Scripted, **more: Any) -> Terms:
    url = f"http://127.0.0.1:{server.server_port}/v1"
    return Terms(**{"url": url, "model": "m", "task": "Find it.", "tokens": 10_000, **more})


def test_parents_scores_and_feedback_reach_the_model(server: Scripted) -> None:
    endpoint = Endpoint(terms(server), key="secret")
    parents = [Entry("p1", 0.5, feedback="too steep"), Entry("p2", 0.0, failure="not_finite")]
    proposal = endpoint.change(parents, Seed(1))
    assert proposal.program == "one" and proposal.parents == (parents[0].id, parents[1].id)
    prompt = server.asked[0]["messages"][0]["content"]
    for part in ("Find it.", "p1", "0.5000", "too steep", "p2", "rejected as not_finite"):
        assert part in prompt
    assert server.headers == ["Bearer secret"] and "secret" not in repr(endpoint)
    assert endpoint.tokens == 150


def test_no_call_is_made_that_could_pass_the_budget(server: Scripted) -> None:
    endpoint = Endpoint(terms(server, tokens=2300, most_written=2000))
    endpoint.fresh(Seed(1))
    endpoint.fresh(Seed(2))
    with pytest.raises(SpentError, match="300 of 2300 tokens"):
        endpoint.fresh(Seed(3))
    assert len(server.asked) == 2
    dear = Endpoint(terms(server, money=0.01, price_written=10.0, most_written=500))
    with pytest.raises(SpentError, match="is spent"):
        for number in range(20):
            dear.fresh(Seed(number))
    # A reply of 50 tokens costs 0.0005, and 0.005 must be left for one of 500.
    assert 0.0045 < dear.money <= 0.0051


def test_a_server_that_does_not_count_is_not_free(server: Scripted) -> None:
    server.counts = False
    endpoint = Endpoint(terms(server))
    endpoint.fresh(Seed(1))
    assert endpoint.tokens > 10


def test_a_search_ends_well_when_the_budget_is_spent(server: Scripted) -> None:
    server.texts = [f"```\nprogram {n}\n```" for n in range(9)]
    search = Search(Endpoint(terms(server, tokens=2500)), lambda p: Assessment(len(p) / 100))
    archive, tally = search.advance(Archive(), 50, Seed(1))
    assert len(archive) == tally.evaluations == len(server.asked) == 4
    assert "tokens are spent" in tally.stopped


def test_a_server_that_is_not_there_is_an_error_with_the_address() -> None:
    endpoint = Endpoint(Terms("http://127.0.0.1:9/v1", "m", "t", 10_000))
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:9"):
        endpoint.fresh(Seed(1))


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("```python\na = 1\n```", "a = 1"),
        ("```\nshort\n```\nor\n```py\nthe longer one\n```", "the longer one"),
        ("```python\nnever closed", "never closed"),
        ('{"program": "x"}', "x"),
        ('{"broken": ', '{"broken":'),
        ("  plain text ", "plain text"),
        ("", ""),
    ],
)
def test_replies_are_read_tolerantly(text: str, program: str) -> None:
    assert extract_program(text) == program
