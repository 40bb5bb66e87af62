"""Gradients of packed and cut batches equal those of plain sequences through transformers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers

from ratchet.core.errors import EngineError
from ratchet.core.seeds import Seed
from ratchet.engine.local import LocalEngine, attention, head, trainer
from ratchet.engine.local.network import Network
from ratchet.engine.losses import (
    Batch,
    CrossEntropy,
    Distillation,
    Loss,
    LossReport,
    PolicyGradient,
    Preference,
    Row,
)
from ratchet.engine.protocol import Adapter, Full, Optim

LOSSES: list[Loss] = [
    CrossEntropy(),
    PolicyGradient(kl=0.1),
    PolicyGradient("sequence", reduction="rows"),
    Preference("pairwise"),
    Preference("kto", z0=0.1),
    Distillation("jensen_shannon"),
]


def make_rows(count: int = 8) -> list[Row]:
    """Rows with a common header, prompts shared by pairs, and tool text inside some."""
    rng = Seed(4).child("rows").rng()
    header = tuple(rng.integers(1, 90, 12).tolist())
    rows = []
    for i in range(count):
        prompt = (*header, *Seed(5).child(i // 2).rng().integers(1, 90, 3 + i // 2).tolist())
        answer = tuple(rng.integers(1, 90, int(rng.integers(2, 7))).tolist())
        tool = (7, 8, 9) if i % 3 == 0 else ()
        tokens = (*prompt, *answer, *tool, *answer[:2], 5, 6)
        marks = (
            (0.0,) * len(prompt) + (1.0,) * len(answer) + (0.0,) * len(tool) + (0.5, 1.0, 0.0, 0.0)
        )
        size = len(tokens)
        top = tuple(((int(t), -1.5), (int(t) + 1, -1.0)) for t in rng.integers(1, 80, size))
        rows.append(
            Row(
                tokens,
                marks,
                advantages=tuple(rng.standard_normal(size).tolist()),
                old_logprobs=tuple((-5.0 + rng.standard_normal(size)).tolist()),
                clip_low=(0.5,) * size,
                clip_high=(0.5,) * size,
                reference_logprobs=tuple((-5.0 + rng.standard_normal(size)).tolist()),
                desirable=i % 2 == 0,
                teacher=top,
            )
        )
    return rows


def gradients(engine: LocalEngine, name: str) -> dict[str, torch.Tensor]:
    found = {}
    for key, tensor in engine.policy(name).tensors().items():
        assert tensor.grad is not None, key
        found[key] = tensor.grad.clone()
    return found


def assert_same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> None:
    """Compare relative to the largest entry of each tensor."""
    assert left.keys() == right.keys()
    for key, tensor in left.items():
        limit = 1e-5 * float(tensor.abs().max()) + 1e-9
        assert float((tensor - right[key]).abs().max()) <= 3 * limit, key


def run(engine: LocalEngine, model: str, rows: list[Row], loss: Loss) -> LossReport:
    engine.create("p", model, Adapter(4), seed=2)
    with torch.no_grad():  # B = 0 would hide A's gradient
        for name, tensor in engine.policy("p").tensors().items():
            if name.endswith(".up"):
                tensor.add_(
                    0.05 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(1))
                )
    return engine.forward_backward("p", Batch(tuple(rows)), loss)


@pytest.mark.parametrize("chunk", [5, 256])
def test_full_gradient_equals_plain_autograd(
    engine: LocalEngine, model: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cross-entropy through transformers' own forward, one unpadded sequence at a time."""
    monkeypatch.setattr(head, "CHUNK", chunk)
    rows = make_rows()
    engine.create("p", model, Full())
    report = engine.forward_backward("p", Batch(tuple(rows)), CrossEntropy())
    plain: Any = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    total = torch.zeros(())
    for row in rows:
        logits = plain(torch.tensor([row.tokens])).logits[0, :-1].log_softmax(1)
        lp = logits.gather(1, torch.tensor(row.tokens[1:])[:, None])[:, 0]
        total = total - (torch.tensor(row.weights[1:]) * lp).sum()
    total = total / sum(sum(row.weights[1:]) for row in rows)
    total.backward()  # type: ignore[no-untyped-call]
    assert report.loss == pytest.approx(float(total.detach()), rel=1e-5)
    expected = {name: p.grad for name, p in plain.named_parameters()}
    assert_same(expected, gradients(engine, "p"))


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_shared_prefix_and_cutting_change_nothing(
    make: Callable[..., LocalEngine], model: str, loss: Loss, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = make_rows()
    one, many, alone = make(), make(micro_tokens=40), make(micro_tokens=1)
    whole = run(one, model, rows, loss)
    cut = run(many, model, rows, loss)
    monkeypatch.setattr(head, "CHUNK", 3)
    single = run(alone, model, rows, loss)
    assert len(trainer.micro_batches(Batch(tuple(rows)), loss, 40)) > 1
    assert len(trainer.micro_batches(Batch(tuple(rows)), loss, 1)) >= len(rows) / 2
    assert_same(gradients(one, "p"), gradients(many, "p"))
    assert_same(gradients(one, "p"), gradients(alone, "p"))
    for other in (cut, single):
        assert other.loss == pytest.approx(whole.loss, rel=1e-5)
        assert (other.tokens, other.clipped) == (whole.tokens, whole.clipped)
        assert other.kl == pytest.approx(whole.kl, rel=1e-4)
        for mine, theirs in zip(other.logprobs, whole.logprobs, strict=True):
            assert mine == pytest.approx(theirs, abs=1e-4)


def test_first_token_after_a_shared_prefix_is_trained(engine: LocalEngine, model: str) -> None:
    """The header's last hidden state predicts the first token of every leaf."""
    header = (3, 4, 5, 6)
    rows = [Row((*header, t), (0.0,) * 4 + (1.0,)) for t in (10, 11)]
    engine.create("p", model, Full())
    report = engine.forward_backward("p", Batch(tuple(rows)), CrossEntropy("sum"))
    scored = engine.score("p", [row.tokens for row in rows])
    assert report.loss == pytest.approx(-sum(s.logprobs[-1] for s in scored), rel=1e-5)
    assert engine.policy("p").tensors()["model.embed_tokens.weight"].grad is not None


def test_logits_exist_for_trained_positions_alone(
    engine: LocalEngine, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[int] = []
    logits_of = head.logits_of

    def watched(hidden: torch.Tensor, *others: Any) -> torch.Tensor:
        shapes.append(len(hidden))
        return logits_of(hidden, *others)

    monkeypatch.setattr(head, "logits_of", watched)
    monkeypatch.setattr(head, "CHUNK", 5)
    rows = make_rows()
    report = run(engine, model, rows, CrossEntropy())
    assert max(shapes) == 5
    assert sum(shapes) == report.tokens == sum(sum(w != 0.0 for w in row.weights) for row in rows)


def test_tokens_after_the_last_trained_one_are_not_read(
    engine: LocalEngine, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    hidden = Network.hidden

    def watched(self: Any, tokens: torch.Tensor, *others: Any) -> torch.Tensor:
        read.append(tokens.numel())
        return hidden(self, tokens, *others)

    engine.create("p", model, Adapter(4))
    monkeypatch.setattr(Network, "hidden", watched)
    prefix = tuple(range(1, 11))
    rows = [Row((*prefix, t, 50, 51, 52, 53), (0.0,) * 11 + (1.0,) + (0.0,) * 3) for t in (20, 21)]
    rows.append(Row((60, 61, 62), (0.0,) * 3))
    engine.forward_backward("p", Batch(tuple(rows)), CrossEntropy())
    assert read == [10 + 2]


@pytest.mark.parametrize("micro_tokens", [1024, 30])  # with 30 after a header
def test_failed_batch_leaves_the_earlier_gradient(
    make: Callable[..., LocalEngine], model: str, micro_tokens: int
) -> None:
    rows, engine = make_rows(), make(micro_tokens=micro_tokens)
    run(engine, model, rows, PolicyGradient())
    before = gradients(engine, "p")
    far = replace(rows[-1], old_logprobs=(-1e4,) * len(rows[-1].tokens), clip_high=(), clip_low=())
    with pytest.raises(EngineError, match="discarded"):
        engine.forward_backward("p", Batch((*rows[:-1], far)), PolicyGradient())
    after = gradients(engine, "p")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_gradients_of_calls_add_up(make: Callable[..., LocalEngine], model: str) -> None:
    rows = make_rows()
    whole, parts = make(), make()
    run(whole, model, rows, CrossEntropy("sum"))
    run(parts, model, rows[:3], CrossEntropy("sum"))
    parts.forward_backward("p", Batch(tuple(rows[3:])), CrossEntropy("sum"))
    assert_same(gradients(whole, "p"), gradients(parts, "p"))


def test_pairs_stay_together_and_in_order() -> None:
    rows = make_rows()
    for index in trainer.micro_batches(Batch(tuple(rows)), Preference("pairwise"), 1):
        assert len(index) % 2 == 0
        assert all(a % 2 == 0 and b == a + 1 for a, b in zip(index[::2], index[1::2], strict=True))


def test_score_equals_transformers_in_any_grouping(
    make: Callable[..., LocalEngine], model: str
) -> None:
    sequences = [row.tokens for row in make_rows()] + [(3,), (4, 5)]
    plain: Any = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    for engine in (make(), make(micro_tokens=1)):
        engine.create("p", model, Adapter(4))
        for tokens, scored in zip(sequences, engine.score("p", sequences, topk=3), strict=True):
            with torch.inference_mode():
                logp = plain(torch.tensor([tokens])).logits[0].log_softmax(1)
            expected = [float(logp[i, t]) for i, t in enumerate(tokens[1:])]
            assert scored.logprobs == pytest.approx(expected, abs=1e-4)
            for i, top in enumerate(scored.top):
                best = logp[i].topk(3)
                assert [t for t, _ in top] == best.indices.tolist()
                assert [v for _, v in top] == pytest.approx(best.values.tolist(), abs=1e-4)
            assert len(scored.top) == len(tokens) - 1


def test_teacher_outside_the_vocabulary_is_refused(engine: LocalEngine, model: str) -> None:
    row = make_rows()[0]
    wrong = replace(row, teacher=tuple(((500, -0.5),) for _ in row.tokens))
    engine.create("p", model, Adapter(4))
    with pytest.raises(EngineError, match="teacher"):
        engine.forward_backward("p", Batch((wrong,)), Distillation())


def test_training_learns_a_row(engine: LocalEngine, model: str) -> None:
    row = make_rows()[0]
    engine.create("p", model, Adapter(4))
    first = engine.forward_backward("p", Batch((row,)), CrossEntropy()).loss
    for _ in range(15):
        engine.optim_step("p", Optim(lr=0.02))
        last = engine.forward_backward("p", Batch((row,)), CrossEntropy()).loss
    assert last < 0.3 * first


@pytest.mark.parametrize("kind", [Adapter(4), Full()], ids=str)
def test_recomputing_changes_no_gradient(model: str, kind: Adapter | Full) -> None:
    rows = make_rows()
    found = []
    for recompute in (False, True):
        engine = LocalEngine(threads=1, recompute=recompute)
        engine.create("p", model, kind, seed=2)
        engine.forward_backward("p", Batch(tuple(rows)), PolicyGradient())
        found.append(gradients(engine, "p"))
    assert_same(*found)


def test_recomputing_keeps_less(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    for recompute in (False, True):
        engine = LocalEngine(threads=1, recompute=recompute)
        engine.create("p", model, Adapter(4), seed=2)
        size = 0

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal size
            size += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            engine.forward_backward("p", Batch(tuple(make_rows())), CrossEntropy())
        kept.append(size)
    assert kept[1] < 0.5 * kept[0]


def test_reading_rows_one_by_one_gives_the_same_gradient(
    make: Callable[..., LocalEngine], model: str
) -> None:
    rows, loss = make_rows(), PolicyGradient(kl=0.1)
    one, other = make(), make()
    run(one, model, rows, loss)
    run(other, model, rows, loss)
    for tensor in other.policy("p").tensors().values():
        tensor.grad = None
    with other.policy("p").training() as network:
        trainer.forward_backward(network, Batch(tuple(rows)), loss, 1024, share=False)
    assert_same(gradients(one, "p"), gradients(other, "p"))
    packed = trainer.micro_batches(Batch(tuple(rows)), loss, 100)
    assert len(trainer.micro_batches(Batch(tuple(rows)), loss, 100, share=False)) > len(packed)


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("kind", [Adapter(4), Full()], ids=str)
def test_header_is_read_once_for_all_micro_batches(
    model: str, kind: Adapter | Full, recompute: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What gathers on its keys and values reaches the weights, whoever trains and however."""
    rows, found = make_rows(), []
    read: list[int] = []
    hidden = Network.hidden

    def watched(self: Any, tokens: torch.Tensor, *others: Any) -> torch.Tensor:
        read.append(tokens.numel())
        return hidden(self, tokens, *others)

    monkeypatch.setattr(Network, "hidden", watched)
    for micro_tokens in (1024, 60):
        engine = LocalEngine(threads=1, micro_tokens=micro_tokens, recompute=recompute)
        engine.create("p", model, kind, seed=2)
        read.clear()
        batch = Batch(tuple(rows))
        engine.forward_backward("p", batch, PolicyGradient(kl=0.1))
        found.append(gradients(engine, "p"))
    assert read[0] == trainer.header_size(batch, PolicyGradient()) == 12
    assert len(read) > 2 and max(read) <= 60
    assert_same(*found)


def test_header_ends_where_the_first_trained_token_needs_it() -> None:
    prefix = tuple(range(1, 21))
    weights = (0.0,) * 14 + (1.0,) * 7
    rows = tuple(Row((*prefix, t), weights) for t in (30, 31))
    assert trainer.header_size(Batch(rows), CrossEntropy()) == 13
    untrained = Row(prefix, (0.0,) * 20, reference_logprobs=(0.0,) * 20)
    assert trainer.header_size(Batch((*rows, untrained)), CrossEntropy()) == 13
    assert trainer.header_size(Batch((*rows, untrained)), Preference("kto")) == 0


def test_header_that_ends_before_a_trained_token_gives_the_same_gradient(
    make: Callable[..., LocalEngine], model: str
) -> None:
    rows = [
        replace(row, weights=(0.0,) * 10 + (1.0,) * (len(row.tokens) - 10)) for row in make_rows()
    ]
    assert trainer.header_size(Batch(tuple(rows)), CrossEntropy()) == 9
    one, many = make(), make(micro_tokens=30)
    run(one, model, rows, CrossEntropy())
    run(many, model, rows, CrossEntropy())
    assert_same(gradients(one, "p"), gradients(many, "p"))


@pytest.mark.parametrize("loss", [PolicyGradient(), Preference("kto")], ids=str)
@pytest.mark.parametrize("micro_tokens", [40, 1024])
def test_cascade_equals_tiled_attention(
    make: Callable[..., LocalEngine],
    model: str,
    loss: Loss,
    micro_tokens: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Among the rows: some without a stem, and one that is the start of another."""
    rows = [*make_rows(), *make_rows()[:3]]
    size = len(rows[0].tokens) - 2
    fields = ("tokens", "weights", "advantages", "old_logprobs", "clip_low", "clip_high")
    kept = {name: getattr(rows[0], name)[:size] for name in (*fields, "reference_logprobs")}
    rows.append(replace(rows[0], teacher=(), **kept))
    rows.append(replace(rows[1], tokens=(*rows[1].tokens[:12], *rows[1].tokens[:11:-1])))
    one, other = make(micro_tokens), make(micro_tokens)
    run(one, model, rows, loss)
    monkeypatch.setattr(attention, "MOST_WEIGHTS", 0)
    run(other, model, rows, loss)
    assert_same(gradients(other, "p"), gradients(one, "p"))


def test_slope_of_a_log_probability_is_that_of_autograd() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = (20.0 * torch.randn(5, 30, generator=generator)).requires_grad_()
    tokens = [3, 0, 29, 7, 7, 1]
    plain = logits.log_softmax(1).gather(1, torch.tensor(tokens[1:])[:, None])[:, 0]
    (expected,) = torch.autograd.grad(plain.sum(), logits)
    measure = head.likelihood(tokens)
    value, logprob, slope = measure(logits.detach().clone(), slice(1, 6))
    for found, right in ((value, plain), (logprob, plain), (slope, expected)):
        torch.testing.assert_close(found, right.detach(), rtol=1e-5, atol=1e-5)
