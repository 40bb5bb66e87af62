"""One optimiser step, what it tells of itself, and the check that a learner learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ratchet.core.errors import EngineError
from ratchet.core.records import Trace
from ratchet.core.task import Attempt, StopReason, Task, Turn, Verdict
from ratchet.engine.fake import FakeEngine, Scripted, Tabular
from ratchet.engine.losses import Batch, Loss, LossReport, PolicyGradient, Reduction
from ratchet.engine.protocol import Full, Optim, Scored, StepReport
from ratchet.learn.adpo import adpo
from ratchet.learn.grpo import grpo
from ratchet.learn.step import learns, step
from ratchet.learn.update import Update

OPTIM = Optim(0.1, max_grad_norm=0.0)
TASK = Task("t", "w", "q", "f", 1)


class Still(FakeEngine):
    """Takes the gradient and moves nothing."""

    def optim_step(self, name: str, optim: Optim) -> StepReport:
        return super().optim_step(name, Optim(0.0))


class Backwards(FakeEngine):
    """Climbs where it should descend."""

    def optim_step(self, name: str, optim: Optim) -> StepReport:
        return super().optim_step(name, Optim(-optim.lr))


class Overshooting(FakeEngine):
    """Goes too far with a whole step."""

    def optim_step(self, name: str, optim: Optim) -> StepReport:
        too_far = optim.lr >= OPTIM.lr
        return super().optim_step(name, Optim(-optim.lr) if too_far else optim)


def make(kind: type[FakeEngine] = FakeEngine) -> FakeEngine:
    engine = kind({"table": Tabular(("a", "b", "c"), lambda text: text)})
    engine.create("p", "table", Full())
    return engine


def attempt(action: int) -> Attempt:
    turns = (
        Turn("user", "q", (113,)),
        Turn("policy", "abc"[action], (0x110000 + action,), (-1.0986,)),
    )
    return Attempt("t", "p", turns, "abc"[action], StopReason.END)


def traces(rewards: Sequence[float]) -> list[Trace]:
    return [
        Trace(TASK, attempt(i), Verdict(r, r > 0, True, "exact"), "solver")
        for i, r in enumerate(rewards)
    ]


def logprob(engine: FakeEngine, action: int) -> float:
    (scored,) = engine.score("p", [(113, 0x110000 + action)])
    return scored.logprobs[0]


@pytest.mark.parametrize("rule", [grpo, adpo])
@pytest.mark.parametrize(
    ("kind", "learned"),
    [(FakeEngine, True), (Still, False), (Backwards, False), (Overshooting, True)],
)
def test_a_learner_is_known_by_what_it_learned(
    kind: type[FakeEngine], learned: bool, rule: object
) -> None:
    attempts = [attempt(1), attempt(0), attempt(2), attempt(0)]
    assert callable(rule)
    assert learns(make(kind), "p", attempts, rule, OPTIM) is learned


@pytest.mark.parametrize("stale", [-0.01, -9.0])
def test_attempts_that_were_drawn_otherwise_are_scored_anew(stale: float) -> None:
    attempts = []
    for action in (1, 0, 2, 0):
        drawn = attempt(action)
        logprob = stale if action == 1 else -9.01 - stale
        policy = replace(drawn.turns[1], logprobs=(logprob,))
        attempts.append(replace(drawn, turns=(drawn.turns[0], policy)))
    assert learns(make(), "p", attempts, adpo, OPTIM)
    assert not learns(make(Still), "p", attempts, adpo, OPTIM)


class Graded(FakeEngine):
    """One token of the paid row gains 0.1, and each of four of the other row 0.05."""

    gain = 0.0

    def optim_step(self, name: str, optim: Optim) -> StepReport:
        self.gain += 1.0
        return StepReport(1.0)

    def forward_backward(self, name: str, batch: Batch, loss: Loss) -> LossReport:
        return LossReport(0.0, 1, ((),), 0.0, 0.0)

    def score(self, name: str, sequences: Sequence[Sequence[int]], topk: int = 0) -> list[Scored]:
        sizes = [len(tokens) - 1 for tokens in sequences]
        return [Scored((-1.0 + self.gain * (0.1 if size == 1 else 0.05),) * size) for size in sizes]


@pytest.mark.parametrize(("reduction", "learned"), [("rows", True), ("tokens", False)])
def test_rows_count_as_the_rules_loss_counts_them(reduction: Reduction, learned: bool) -> None:
    """By the mean of a row the paid one leads by 0.05 more; by the sum it leads by 0.1 less."""
    short = attempt(1)
    four = replace(short.turns[1], tokens=(1, 2, 3, 4), logprobs=(-1.0,) * 4)
    long = replace(short, turns=(short.turns[0], four), answer="other")

    def rule(groups: Sequence[Sequence[Trace]]) -> Update:
        return replace(grpo(groups), loss=PolicyGradient(reduction=reduction))

    assert learns(make(Graded), "p", [short, long], rule, OPTIM) is learned


def test_a_rule_that_teaches_nothing_does_not_learn() -> None:
    same = [attempt(1)] * 4
    assert learns(make(), "p", same, grpo, OPTIM) is False


def test_a_step_moves_the_policy_and_tells_of_its_learner() -> None:
    engine, told = make(), []
    before = [logprob(engine, i) for i in range(3)]
    update = grpo([traces([1.0, 0.0, 0.0])])
    stepped = step(engine, "p", update, OPTIM, lambda name, effect: told.append((name, effect)))
    assert stepped is not None and stepped.grad_norm > 0
    assert told == [("learner.p", True)]
    after = [logprob(engine, i) for i in range(3)]
    assert after[0] > before[0] and after[1] < before[1] and after[2] < before[2]


def test_a_gradient_of_nothing_is_told_as_no_effect() -> None:
    engine = FakeEngine({"table": Tabular(("only",), lambda text: text)})
    engine.create("p", "table", Full())
    told: list[tuple[str, bool]] = []
    update = grpo([[traces([1.0])[0], traces([0.0])[0]]])
    step(engine, "p", update, OPTIM, lambda name, effect: told.append((name, effect)))
    assert told == [("learner.p", False)]


def test_nothing_to_learn_is_no_step_and_no_trigger() -> None:
    engine = make()
    told: list[object] = []
    update = grpo([traces([1.0, 1.0, 1.0])])
    assert step(engine, "p", update, OPTIM, lambda *given: told.append(given)) is None
    assert told == []
    assert logprob(engine, 0) == logprob(engine, 1)


def test_a_policy_that_cannot_be_trained_says_so() -> None:
    engine = FakeEngine({"script": Scripted(lambda text, seed: "a")})
    engine.create("p", "script", Full())
    turns = (Turn("user", "q", (113,)), Turn("policy", "a", (97,), (-0.1,)))
    scripted = Attempt("t", "p", turns, "a", StopReason.END)
    verdicts = [Verdict(reward, reward > 0, True, "exact") for reward in (0.0, 1.0)]
    group = [Trace(TASK, scripted, verdict, "s") for verdict in verdicts]
    with pytest.raises(EngineError, match="no weights to train"):
        step(engine, "p", grpo([group]), OPTIM)
