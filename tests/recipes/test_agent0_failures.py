"""What goes wrong in a run of Agent0 is found, named and survived, or refused with a way out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ratchet.core.codec import from_data
from ratchet.core.errors import EngineError, ModelError, RatchetError, RunError
from ratchet.core.events import Event
from ratchet.core.records import Trace
from ratchet.core.state import State
from ratchet.engine.losses import Batch, Loss, LossReport
from ratchet.engine.protocol import Completion, Follow, Optim, Sampling, StepReport
from ratchet.learn.adpo import adpo
from ratchet.learn.update import Update
from ratchet.loop.folder import RunFolder
from ratchet.loop.versions import Store
from ratchet.recipes.agent0.config import Config
from ratchet.recipes.agent0.recipe import Agent0
from tests.recipes.conftest import Actor, Clean, Played, Run, dead, read_ledger

FEW: dict[str, Any] = {"quality_texts": 0}


class Drying(Actor):
    """Its proposer writes tasks until its second step (one is the planted one), then none."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def optim_step(self, name: str, optim: Optim) -> StepReport:
        self.steps += name == "proposer"
        return super().optim_step(name, optim)

    def sample(
        self,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        follow: Follow | None = None,
    ) -> list[list[Completion]]:
        if follow is not None:
            return super().sample(name, prompts, sampling, follow)
        found = super().sample(name, prompts, sampling)
        if name == "solver" or self.steps < 2:
            return found
        return [[replace(c, text="what a nice day\n") for c in group] for group in found]


class Repeating(Actor):
    """Its proposer has two things to say."""

    def __init__(self) -> None:
        super().__init__(("12 + 30", "12 + 61"))


class Moment:
    """Whether the failing generation is under way."""

    now = False

    def listen(self, event: Event) -> None:
        """Fail in the first generation."""
        if event.kind == "generation":
            self.now = event.data["generation"] == 1


MOMENT = Moment()


class Diverging(Actor):
    """Its loss is not finite in the first generation."""

    def forward_backward(self, name: str, batch: Batch, loss: Loss) -> LossReport:
        if MOMENT.now and name == "solver":
            raise EngineError("the loss is nan", "lower the learning rate")
        return super().forward_backward(name, batch, loss)


class NotANumber(Played):
    """Its rule gives advantages that are no numbers in the first generation."""

    def __init__(self, config: Config, store: Store) -> None:
        super().__init__(config, store)
        self.rule = broken_adpo


def broken_adpo(groups: Sequence[Sequence[Trace]], **settings: Any) -> Update:
    update = adpo(groups, **settings)
    if not MOMENT.now:
        return update
    rows = [replace(row, advantages=(math.nan,) * len(row.tokens)) for row in update.batch.rows]
    return replace(update, batch=Batch(tuple(rows)))


@pytest.fixture(autouse=True)
def _calm() -> Iterator[None]:
    yield
    MOMENT.now = False


def branches(folder: Path) -> list[State]:
    """Return the branch at the start and after each generation."""
    bodies = read_ledger(folder, "generation")
    start = from_data(State, read_ledger(folder, "start")[0]["initial"])
    return [start, *(from_data(State, body["pointers"]["branch"]) for body in bodies)]


def findings(report: dict[str, Any]) -> list[list[tuple[str, str]]]:
    return [[(f["name"], f["action"]) for f in g["findings"]] for g in report["generations"]]


def test_a_proposer_that_dries_up_starts_afresh(play: Run, folder: Path) -> None:
    report = play(type("Dry", (Played,), {"actor": Drying}), generations=3, **FEW)
    nothing = [("no_valid_proposals", "restart")]
    assert findings(report) == [[], nothing, nothing]
    at = branches(folder)
    assert at[1]["proposer"] != at[0]["proposer"] == at[2]["proposer"] == at[3]["proposer"]
    assert at[2]["proposer.optimiser"] == at[0]["proposer.optimiser"]
    measures = report["generations"][1]["measures"]
    assert measures["valid_share"] == measures["attempted"] == measures["solver_steps"] == 0
    assert not {"pass_rate", "level_1", "pinned_pass_rate"} & set(measures)
    assert report["status"] == "completed" and dead(report) == []


def test_a_proposer_that_repeats_itself_starts_afresh(play: Run, folder: Path) -> None:
    report = play(type("Echo", (Played,), {"actor": Repeating}), **FEW)
    assert findings(report) == [[("repeated_proposals", "restart")]] * 2
    at = branches(folder)
    assert at[0]["proposer"] == at[1]["proposer"] == at[2]["proposer"]
    assert [g["measures"]["attempted"] for g in report["generations"]] == [2, 0]
    assert report["status"] == "completed" and dead(report) == []


@pytest.mark.parametrize(
    "build", [type("Diverged", (Played,), {"actor": Diverging}), NotANumber], ids=["loss", "nan"]
)
def test_training_that_fails_is_rejected_and_the_run_goes_on(
    build: type[Agent0], play: Run, folder: Path
) -> None:
    report = play(build, listener=MOMENT.listen, gate="enforce", **FEW)
    assert findings(report) == [[("training_failed", "reject")], []]
    assert report["generations"][0]["decision"] == "reject"
    at = branches(folder)
    assert (
        at[1].hash
        == at[0].hash
        != from_data(State, read_ledger(folder, "generation")[1]["candidate"]).hash
    )
    assert report["generations"][1]["measures"]["solver_steps"] > 0
    assert report["status"] == "completed" and dead(report) == []


def test_damaged_weights_are_refused_and_named(clean: Clean, play: Run, folder: Path) -> None:
    def stop(event: Event) -> None:
        if event.kind == "decision":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(listener=stop)
    solver = branches(folder)[1]["solver"]
    (weights,) = (folder / "versions" / solver.hash).iterdir()
    whole, before = weights.read_bytes(), ledger(folder)
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match=f"{solver.hash}.*damaged") as caught:
        play()
    assert caught.value.hint
    assert ledger(folder) == before
    weights.write_bytes(whole)
    assert play() == clean.report


def ledger(folder: Path) -> list[Any]:
    with RunFolder.existing(folder).ledger() as opened:
        return list(opened.entries())


def test_an_unknown_model_is_told_with_a_way_out(play: Run) -> None:
    with pytest.raises(RatchetError, match="no-such-model") as caught:
        play(Agent0, model="no-such-model")
    assert "smollm2" in caught.value.hint
    assert isinstance(caught.value, ModelError) or isinstance(caught.value.__cause__, ModelError)
