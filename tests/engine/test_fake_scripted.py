"""The scripted policy writes what its function says, within limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.core.errors import EngineError
from ratchet.core.task import StopReason
from ratchet.engine.fake import FakeEngine, Scripted
from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.engine.protocol import Full, Optim, Sampling


def engine() -> FakeEngine:
    made = FakeEngine({"echo": Scripted(lambda prompt, seed: f"{prompt}:{seed % 1000};end")})
    made.create("p", "echo", Full())
    return made


def test_reply_sees_prompt_and_draw() -> None:
    fake = engine()
    prompts = [fake.encode("p", "ab"), fake.encode("p", "ab")]
    drawn = fake.sample("p", prompts, Sampling(1, 99, n=3))
    texts = [c.text for draws in drawn for c in draws]
    assert len(set(texts)) == 6
    assert all(text.startswith("ab:") for text in texts)
    assert drawn == fake.sample("p", prompts, Sampling(1, 99, n=3))
    assert drawn != fake.sample("p", prompts, Sampling(2, 99, n=3))
    greedy = fake.sample("p", prompts, Sampling(5, 99, temperature=0.0))
    assert [c.text for draws in greedy for c in draws] == ["ab:0;end"] * 2


def test_limits_and_stops() -> None:
    fake = engine()
    prompt = [fake.encode("p", "ab")]
    (cut,) = fake.sample("p", prompt, Sampling(0, 3, temperature=0.0))[0]
    assert (cut.text, cut.stop, cut.logprobs) == ("ab:", StopReason.LENGTH, (0.0,) * 3)
    stops = ("end", ";")
    (ended,) = fake.sample("p", prompt, Sampling(0, 99, temperature=0.0, stop=stops))[0]
    assert (ended.text, ended.stop) == ("ab:0;", StopReason.END)
    assert fake.decode("p", ended.tokens) == ended.text


def test_it_is_scored_pinned_saved_but_not_trained(tmp_path: Path) -> None:
    fake = engine()
    tokens = fake.encode("p", "abc")
    assert fake.score("p", [tokens])[0].logprobs == (0.0, 0.0)
    pinned = fake.pin("p")
    fake.save(pinned, tmp_path)
    fake.load("q", tmp_path)
    sampling = Sampling(1, 99)
    assert fake.sample("q", [tokens], sampling) == fake.sample(pinned, [tokens], sampling)
    with pytest.raises(EngineError, match="has no weights to train"):
        fake.forward_backward("p", Batch((Row(tokens, (0.0, 1.0, 1.0)),)), CrossEntropy())
    with pytest.raises(EngineError, match="has no weights to train"):
        fake.optim_step("p", Optim(lr=0.1))
