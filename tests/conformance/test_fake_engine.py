"""The fake engine passes the engine suite, and engines broken on purpose fail it by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ratchet.engine.conformance import CHECKS, ConformanceError, check_engine
from ratchet.engine.fake import FakeEngine, Tabular
from ratchet.engine.fake.tabular import TabularPolicy
from ratchet.engine.losses import Batch, Loss, LossReport, Preference
from ratchet.engine.protocol import (
    Adapter,
    Completion,
    Engine,
    Follow,
    Full,
    Optim,
    Sampling,
    StepReport,
)

PROMPTS = ("go north", "go south", "wait here")


def prior(context: str) -> list[float]:
    return [0.3 * ((len(context) + ord(context[-1]) * step) % 5) for step in range(4)]


BASES = {"table": Tabular(("a", "b", "c", "d"), context=str, length=3, prior=prior)}


def run(make: Callable[[], Engine]) -> list[str]:
    return check_engine(make, "table", PROMPTS, trainable=Adapter(), tolerance=1e-9)


def test_tabular_engine_passes_every_check() -> None:
    passed = run(lambda: FakeEngine(BASES))
    assert passed == [check.__name__ for check in CHECKS]
    assert len(passed) == len(set(passed)) == 30


def forget_gradient(engine: FakeEngine, name: str) -> None:
    policy = engine._policies[name]
    assert isinstance(policy, TabularPolicy)
    policy._gathered = {}


class PinAliases(FakeEngine):
    def pin(self, name: str) -> str:
        pinned = super().pin(name)
        self._policies[pinned] = self._policies[name]
        return pinned


class StepDoesNothing(FakeEngine):
    def optim_step(self, name: str, optim: Optim) -> StepReport:
        return super().optim_step(name, replace(optim, lr=0.0))


class BackwardMoves(FakeEngine):
    def forward_backward(self, name: str, batch: Batch, loss: Loss) -> LossReport:
        report = super().forward_backward(name, batch, loss)
        super().optim_step(name, Optim(lr=0.01))
        super().forward_backward(name, batch, loss)
        return report


class SaveForgetsMoments(FakeEngine):
    def save(self, name: str, folder: Path, optimiser: bool = True) -> None:
        super().save(name, folder, optimiser=False)


class SaveKeepsMoments(FakeEngine):
    def save(self, name: str, folder: Path, optimiser: bool = True) -> None:
        super().save(name, folder, optimiser=True)


class SeedIgnored(FakeEngine):
    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        if follow is not None:
            return super().sample(name, prompts, sampling, follow)
        return super().sample(name, prompts, replace(sampling, seed=0))


class WrongLogprobs(FakeEngine):
    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        if follow is not None:
            return super().sample(name, prompts, sampling, follow)
        drawn = super().sample(name, prompts, sampling)
        if sampling.top_k == 1:
            return drawn
        return [
            [replace(c, logprobs=tuple(lp - 0.01 for lp in c.logprobs)) for c in draws]
            for draws in drawn
        ]


class NeedsACommonStart(FakeEngine):
    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        if follow is not None:
            return super().sample(name, prompts, sampling, follow)
        if len({prompt[0] for prompt in prompts}) > 3:
            raise RuntimeError("no common start")
        return super().sample(name, prompts, sampling)


class StopCutOff(FakeEngine):
    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        if follow is not None:
            return super().sample(name, prompts, sampling, follow)
        drawn = super().sample(name, prompts, sampling)
        if not sampling.stop:
            return drawn
        return [[replace(c, text=c.text[:-1]) for c in draws] for draws in drawn]


class ForgetsWhatWasAppended(FakeEngine):
    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        def forgotten(place: int, completion: Completion) -> Sequence[int] | None:
            more = follow(place, completion) if follow else None
            return more and ()

        return super().sample(name, prompts, sampling, follow and forgotten)


class DrawsByWhoGoesOn(FakeEngine):
    """Rows that go on are drawn in one call, by their number among them."""

    counts = True
    """Whether what a row has written is taken off its limit."""

    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        drawn = super().sample(name, prompts, sampling)
        if follow is None:
            return drawn
        last = [completion for group in drawn for completion in group]
        texts = [tuple(prompt) for prompt in prompts for _ in range(sampling.n)]
        left = [sampling.limit(place // sampling.n) for place in range(len(last))]
        rows = list(range(len(last)))
        while rows:
            found = {place: follow(place, last[place]) for place in rows}
            for place in rows:
                texts[place] += (*last[place].tokens, *(found[place] or ()))
                left[place] -= len(last[place].tokens) * self.counts
            rows = [place for place in rows if found[place] is not None and left[place]]
            limits = tuple(left[place] for place in rows)
            settings = replace(sampling, n=1, limits=limits)
            groups = super().sample(name, [texts[place] for place in rows], settings)
            for place, group in zip(rows, groups, strict=True):
                last[place] = group[0]
        return [last[i : i + sampling.n] for i in range(0, len(last), sampling.n)]


class LimitsEachCompletion(DrawsByWhoGoesOn):
    counts = False


class TellsTheLastOnly(FakeEngine):
    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        drawn = super().sample(name, prompts, sampling)
        if follow is not None:
            for place, completion in enumerate(c for draws in drawn for c in draws):
                follow(place, completion)
        return drawn


class ClipIgnored(FakeEngine):
    def forward_backward(self, name: str, batch: Batch, loss: Loss) -> LossReport:
        rows = tuple(replace(row, clip_low=(), clip_high=()) for row in batch.rows)
        return super().forward_backward(name, Batch(rows), loss)


class AveragesRowByRow(FakeEngine):
    """Splits a batch into rows and averages each alone, as a micro-batched trainer may."""

    def forward_backward(self, name: str, batch: Batch, loss: Loss) -> LossReport:
        report = super().forward_backward(name, batch, loss)
        if len(batch.rows) > 1 and not isinstance(loss, Preference):
            forget_gradient(self, name)
            for row in batch.rows:
                super().forward_backward(name, Batch((row,)), loss)
        return report


class SharedWeights(FakeEngine):
    def create(self, name: str, base: str, kind: Adapter | Full, seed: int = 0) -> None:
        super().create(name, base, kind, seed)
        first = next(iter(self._policies))
        self._policies[name] = self._policies[first]


class SupportsButNot(FakeEngine):
    def supports(self, loss: Loss) -> str | None:
        return "no distillation here" if "Distillation" in str(loss) else None


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (PinAliases, "pin_stays_fixed"),
        (StepDoesNothing, "optimiser_step_moves_the_policy"),
        (BackwardMoves, "gradients_alone_move_nothing"),
        (SaveForgetsMoments, "saved_policy_continues"),
        (SaveKeepsMoments, "load_without_optimiser_starts_fresh"),
        (SeedIgnored, "seed_decides_the_draw"),
        (WrongLogprobs, "logprobs_equal_scores"),
        (NeedsACommonStart, "prompts_may_be_unlike"),
        (StopCutOff, "limits_end_a_completion"),
        (ForgetsWhatWasAppended, "following_equals_going_on"),
        (TellsTheLastOnly, "following_equals_going_on"),
        (LimitsEachCompletion, "limits_count_every_completion"),
        (DrawsByWhoGoesOn, "draws_do_not_depend_on_who_goes_on"),
        (ClipIgnored, "clip_bounds_stop_the_gradient"),
        (AveragesRowByRow, "gradients_lower_their_loss"),
        (SharedWeights, "policies_are_isolated"),
        (SupportsButNot, "unsupported_losses_are_refused"),
    ],
)
def test_broken_engine_fails_the_right_check(broken: type[FakeEngine], check: str) -> None:
    with pytest.raises(ConformanceError, match=f"^{check}: "):
        run(lambda: broken(BASES))


def test_gradients_of_several_calls_must_add_up() -> None:
    class Overwrites(FakeEngine):
        def forward_backward(self, name: str, batch: Batch, loss: Loss) -> LossReport:
            forget_gradient(self, name)
            return super().forward_backward(name, batch, loss)

    with pytest.raises(ConformanceError, match=r"^rows_add_up: "):
        run(lambda: Overwrites(BASES))
