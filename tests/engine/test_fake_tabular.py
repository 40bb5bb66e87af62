"""The tabular policy: its distribution, its tokens and its optimiser, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

import numpy as np
import pytest

from ratchet.core.errors import EngineError
from ratchet.core.task import StopReason
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.fake.characters import FIRST_ACTION
from ratchet.engine.losses import Batch, CrossEntropy, Distillation, PolicyGradient, Row
from ratchet.engine.protocol import Adapter, Completion, Full, Optim, Sampling

PRIOR = (0.0, 1.0, 2.0, -1.0)
SHARES = np.exp(PRIOR) / np.exp(PRIOR).sum()
ACTIONS = ("a", "bb", "c", "d")


def engine(length: int = 1, prior: Sequence[float] | None = PRIOR) -> FakeEngine:
    start = None if prior is None else (lambda context: prior)
    made = FakeEngine({"t": Tabular(ACTIONS, lambda text: text[-1], length, start)})
    made.create("p", "t", Full())
    return made


def draw(fake: FakeEngine, n: int, text: str = "x", **settings: float) -> list[Completion]:
    sampling = Sampling(3, 8, n=n, **settings)  # type: ignore[arg-type]
    return fake.sample("p", [fake.encode("p", text)], sampling)[0]


def shares(drawn: Sequence[Completion]) -> np.ndarray:
    return np.bincount([c.tokens[0] - FIRST_ACTION for c in drawn], minlength=4) / len(drawn)


def test_samples_follow_the_softmax() -> None:
    drawn = draw(engine(), 20_000)
    np.testing.assert_allclose(shares(drawn), SHARES, atol=0.012)
    for c in drawn[:20]:
        assert c.logprobs[0] == pytest.approx(log(SHARES[c.tokens[0] - FIRST_ACTION]))


def test_temperature_top_k_and_top_p() -> None:
    for settings, want in (
        ({"temperature": 0.5}, np.exp(2 * np.array(PRIOR))),
        ({"top_k": 2}, np.array([0, exp(1), exp(2), 0])),
        ({"top_p": 0.8}, np.array([0, exp(1), exp(2), 0])),
        ({"top_p": 0.5}, np.array([0, 0, 1.0, 0])),
        ({"top_k": 3, "temperature": 2.0}, np.array([1, exp(0.5), exp(1), 0])),
    ):
        drawn = draw(engine(), 4000, **settings)
        wanted = want / want.sum()
        np.testing.assert_allclose(shares(drawn), wanted, atol=0.03)
        for c in drawn[:10]:
            assert c.logprobs[0] == pytest.approx(log(wanted[c.tokens[0] - FIRST_ACTION]))


def test_greedy_reports_temperature_one() -> None:
    (drawn,) = draw(engine(), 1, temperature=0.0)
    assert drawn.text == "c"
    assert drawn.logprobs[0] == pytest.approx(log(SHARES[2]))


def test_text_and_stops() -> None:
    fake = engine(length=3)
    full = draw(fake, 1, temperature=0.0)[0]
    assert (full.text, full.stop) == ("c c c", StopReason.END)
    prompt = fake.encode("p", "x")
    cut = fake.sample("p", [prompt], Sampling(0, 2, temperature=0.0))[0][0]
    assert (cut.text, cut.stop) == ("c c", StopReason.LENGTH)
    ended = fake.sample("p", [prompt], Sampling(0, 9, temperature=0.0, stop=("c",)))[0][0]
    assert (ended.text, ended.stop) == ("c", StopReason.END)
    mixed = (*prompt, *full.tokens, FIRST_ACTION + len(ACTIONS), *fake.encode("p", "yz"))
    assert fake.decode("p", mixed) == "xc c cyz"


def test_score_splits_actions_from_text() -> None:
    fake = engine(length=2)
    a, b = FIRST_ACTION, FIRST_ACTION + 1
    (scored,) = fake.score("p", [(*fake.encode("p", "xy"), a, b, *fake.encode("p", "!"), b)], 2)
    want = [0.0, log(SHARES[0]), log(SHARES[1]), 0.0, log(SHARES[1])]
    assert scored.logprobs == pytest.approx(want)
    assert [token for token, _ in scored.top[1]] == [FIRST_ACTION + 2, FIRST_ACTION + 1]
    assert scored.top[0] == ((ord("y"), 0.0),)


def test_context_is_what_stands_before_the_run() -> None:
    """A second run of actions is looked up by the tool text before it, and learns apart."""
    fake = engine(length=1, prior=None)
    a = FIRST_ACTION
    tokens = (*fake.encode("p", "x"), a, *fake.encode("p", "t"), a)
    batch = Batch((Row(tokens, (0.0, 0.0, 0.0, 1.0)),))
    fake.forward_backward("p", batch, CrossEntropy())
    fake.optim_step("p", Optim(lr=0.1))
    first, _, second = fake.score("p", [tokens])[0].logprobs
    assert first == pytest.approx(log(0.25))
    assert second > log(0.25) + 0.05


def test_a_prompt_may_end_within_a_run() -> None:
    fake = engine(length=2)
    prompt = (*fake.encode("p", "x"), FIRST_ACTION)
    (drawn,) = fake.sample("p", [prompt], Sampling(0, 5, temperature=0.0))[0]
    assert (len(drawn.tokens), drawn.stop) == (1, StopReason.END)
    with pytest.raises(EngineError, match="run of 3 actions"):
        fake.score("p", [(*prompt, FIRST_ACTION, FIRST_ACTION)])


def test_adamw_by_hand() -> None:
    """Two steps, the second on another key: the first key goes on by its momentum."""
    fake = engine(prior=(0.0, 0.0, 0.0, 2.0))
    optim = Optim(lr=0.1, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.5, max_grad_norm=0.2)
    z, m, v = np.array([0.0, 0.0, 0.0, 2.0]), np.zeros(4), np.zeros(4)
    for step, text in enumerate("xy", start=1):
        row = Row((ord(text), FIRST_ACTION), (0.0, 1.0))
        fake.forward_backward("p", Batch((row,)), CrossEntropy())
        report = fake.optim_step("p", optim)
        g = np.exp([0.0, 0.0, 0.0, 2.0]) / np.exp([0.0, 0.0, 0.0, 2.0]).sum() - np.eye(4)[0]
        assert report.grad_norm == pytest.approx(float(np.linalg.norm(g)))
        g = g * 0.2 / np.linalg.norm(g) if text == "x" else np.zeros(4)
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        z = z * (1 - 0.1 * 0.5)
        z = z - 0.1 * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8)
    want = z - np.log(np.exp(z).sum())
    got = dict(fake.score("p", [(ord("x"), FIRST_ACTION)], topk=4)[0].top[0])
    np.testing.assert_allclose([got[FIRST_ACTION + i] for i in range(4)], want, atol=1e-12)


def test_training_prompt_text_is_refused() -> None:
    fake = engine()
    batch = Batch((Row((ord("x"), ord("y"), FIRST_ACTION), (0.0, 1.0, 1.0)),))
    with pytest.raises(EngineError, match="row 0, field weights: position 1"):
        fake.forward_backward("p", batch, CrossEntropy())
    with pytest.raises(EngineError, match="no gradient"):
        fake.optim_step("p", Optim(lr=0.1))


def test_teacher_outside_the_actions_is_refused() -> None:
    fake = engine()
    row = Row((ord("x"), FIRST_ACTION), (0.0, 1.0), teacher=((), ((ord("y"), -0.1),)))
    with pytest.raises(EngineError, match="outside the vocabulary"):
        fake.forward_backward("p", Batch((row,)), Distillation())


def test_policy_gradient_finds_the_rewarded_action() -> None:
    fake = engine(length=2, prior=None)
    prompts = [fake.encode("p", text) for text in ("x", "y")]
    wanted = ("a d", "c c")

    def solved() -> float:
        drawn = fake.sample("p", prompts, Sampling(99, 2, n=50))
        hits = [c.text == text for text, draws in zip(wanted, drawn, strict=True) for c in draws]
        return sum(hits) / len(hits)

    before = solved()
    for step in range(40):
        drawn = fake.sample("p", prompts, Sampling(step, 2, n=16))
        rows = []
        for prompt, text, draws in zip(prompts, wanted, drawn, strict=True):
            rewards = np.array([float(c.text == text) for c in draws])
            for c, advantage in zip(draws, rewards - rewards.mean(), strict=True):
                tokens, size = (*prompt, *c.tokens), len(c.tokens)
                rows.append(
                    Row(
                        tokens,
                        (0.0,) + (1.0,) * size,
                        advantages=(float(advantage),) * len(tokens),
                        old_logprobs=(0.0, *c.logprobs),
                    )
                )
        fake.forward_backward("p", Batch(tuple(rows)), PolicyGradient())
        fake.optim_step("p", Optim(lr=0.3))
    assert before < 0.2
    assert solved() > 0.9


def test_equal_prompts_draw_apart_and_later_prompts_do_not_matter() -> None:
    fake = engine(length=3, prior=None)
    x, y = fake.encode("p", "x"), fake.encode("p", "y")
    both = fake.sample("p", [x, x], Sampling(1, 3, n=4))
    assert both[0] != both[1]
    assert fake.sample("p", [x, y], Sampling(1, 3, n=4))[0] == both[0]


def test_bad_bases_and_priors() -> None:
    with pytest.raises(EngineError, match="distinct"):
        Tabular(("a", "a"), str)
    with pytest.raises(EngineError, match="length"):
        Tabular(("a",), str, 0)
    fake = engine(prior=(1.0,))
    with pytest.raises(EngineError, match="prior of context 'x'"):
        draw(fake, 1)


def test_names_and_tokens_are_checked() -> None:
    fake = engine()
    with pytest.raises(EngineError, match=r"'pp' \(did you mean 'p'"):
        fake.score("pp", [])
    with pytest.raises(EngineError, match="no base is named"):
        fake.create("q", "u", Adapter())
    with pytest.raises(EngineError, match="prompt 0 is empty"):
        fake.sample("p", [()], Sampling(0, 1))
    for token in (-1, FIRST_ACTION + len(ACTIONS) + 1):
        with pytest.raises(EngineError, match="not in the vocabulary"):
            fake.sample("p", [(token,)], Sampling(0, 1))
        with pytest.raises(EngineError, match="not in the vocabulary"):
            fake.score("p", [(ord("x"), token)])
