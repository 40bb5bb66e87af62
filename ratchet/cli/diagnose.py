"""``diagnose``: measure what is known to go wrong in self-improving loops, on a model of yours."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ratchet.cli.reply import Reply, Stopped

if TYPE_CHECKING:
    from ratchet.diagnose.drag.prompts import Format
    from ratchet.diagnose.drag.speaker import Speaker
    from ratchet.diagnose.drag.study import Findings
    from ratchet.worlds.protocol import World


@dataclass(frozen=True, kw_only=True)
class Diagnose:
    """Contextual drag: measure what wrong drafts in the context do to a model (2602.04288)."""

    what: Annotated[Literal["drag"], tyro.conf.Positional] = "drag"
    """What is diagnosed."""
    model: str
    """A model's name or folder; with --url, its name at the endpoint."""
    world: Literal["arithmetic", "countdown", "gsm8k", "arc"] = "arithmetic"
    """Where the problems come from."""
    data: Path | None = None
    """File of questions as published, for gsm8k and arc; without one the package datasets fetches
    the test split."""
    style: Literal["auto", "few_shot", "instruct"] = "auto"
    """Show examples or give instructions; auto instructs endpoints and where there are none."""
    conditions: tuple[str, ...] = ()
    """Conditions to put; without any, those of the quick card."""
    full: bool = False
    """Put every condition, and iterated retries."""
    problems: int = 150
    """Size of the matched subset."""
    candidates: int = 0
    """Most tasks that it is chosen from; 0 is eight times as many."""
    pool: int = 0
    """Samples a candidate by which problems and drafts are chosen; 0 is 8, or 16 with --full, which
    needs four wrong drafts and two right ones."""
    samples: int = 4
    """Samples a problem and condition."""
    level: int | None = None
    """Level of the problems; without level and family, the one where the model is right nearest
    half of the time, found by a few samples."""
    family: str | None = None
    """Family of the problems."""
    max_tokens: int = 40
    """Most tokens of a reply."""
    temperature: float = 0.7
    """Of all samples."""
    seed: int = 1
    """Root of all draws."""
    device: str = "cpu"
    """Where to compute, cpu or cuda."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What weights are computed in."""
    threads: int = 0
    """Threads; 0 is all cores."""
    url: str = ""
    """Base of an endpoint that speaks OpenAI's chat completions, e.g. http://localhost:8000/v1."""
    key_variable: str = "OPENAI_API_KEY"
    """Environment variable that holds the endpoint's key."""
    other: str = ""
    """A second model whose drafts are shown too."""
    out: Path | None = None
    """Folder of the study; an unfinished one is gone on with."""
    json: bool = False
    """Print one JSON document on standard output."""

    def perform(self) -> Reply:
        """Measure, or go on measuring, and write the card."""
        from ratchet.core.codec import to_data
        from ratchet.diagnose.drag.card import fill_card
        from ratchet.report.drag_card import headline, render_card, say

        folder = self.out or Path("runs") / f"drag-{Path(self.model).name}-{self.world}-{self.seed}"
        try:
            found = self._study(folder)
        except KeyboardInterrupt as error:
            following = "the same command goes on"
            raise Stopped(f"every finished chunk in {folder}", following) from error
        settings = {"temperature": f"{self.temperature:g}"}
        if found.level is not None:
            settings["level"] = str(found.level)
        if self.family is not None:
            settings["family"] = self.family
        card = fill_card(found, self.model, self.world, self.seed, settings)
        page = folder / "card.html"
        page.write_text(render_card(card), encoding="utf-8")
        measures = {name: to_data(measure) for name, measure in card.measures.items()}
        about = {
            "model": card.model,
            "world": card.world,
            "seed": card.seed,
            "settings": dict(card.settings),
            "skips": dict(card.skips),
            "samples": dict(card.samples),
        }
        lines = [headline(card), ""]
        lines += [f"{name:28} {say(card.measures[name])}" for name in _FIRST if name in measures]
        lines += ["", f"card  {page}"]
        return Reply({"card": str(page), **about, "measures": measures}, "\n".join(lines))

    def _study(self, folder: Path) -> Findings:
        from ratchet.diagnose.drag.conditions import FULL, QUICK
        from ratchet.diagnose.drag.study import Plan, Study

        every = (*FULL, "other_model") if self.other else FULL
        names = self.conditions or (every if self.full else QUICK)
        plan = Plan(
            tuple(names),
            self.problems,
            self.candidates or 8 * self.problems,
            self.pool or (16 if self.full else 8),
            self.samples,
            4 if self.full else 0,
            self.level,
            self.family,
            self.level is None and self.family is None,
            self.max_tokens,
            self.temperature,
            self.seed,
        )
        world, form = self._world()
        other = self._local(self.other) if self.other else None
        study = Study(self._speaker(), world, form, plan, folder, other, tell=_tell)
        return study.run()

    def _world(self) -> tuple[World, Format]:
        """Return the world and how its problems are put."""
        from ratchet.diagnose.drag.formats import ANSWERS, EXAMPLES, format_of, open_world
        from ratchet.diagnose.drag.prompts import instruct

        told = self.style == "instruct" or (self.style == "auto" and bool(self.url))
        if self.style == "auto" and self.world not in EXAMPLES:
            told = True
        form = instruct(ANSWERS[self.world]) if told else format_of(self.world)
        return open_world(self.world, self.data), form

    def _speaker(self) -> Speaker:
        from ratchet.diagnose.drag.endpoint import Endpoint

        if not self.url:
            return self._local(self.model)
        return Endpoint(self.url, self.model, os.environ.get(self.key_variable, ""))

    def _local(self, model: str) -> Speaker:
        from ratchet.diagnose.drag.speaker import EngineSpeaker
        from ratchet.engine.local import LocalEngine
        from ratchet.engine.protocol import Adapter

        engine = LocalEngine(self.device, self.dtype, self.threads or os.cpu_count() or 1)
        engine.create("studied", model, Adapter(1))
        batch = 64 if self.device == "cpu" else 512
        return EngineSpeaker(engine, "studied", model, batch)


_FIRST = (
    "accuracy_clean",
    "accuracy_wrong_1",
    "drag_1",
    "drag_2",
    "marginal_2",
    "copy_rate",
    "copy_base",
    "verdict_detected",
    "recovery_labelled",
    "recovery_restart",
    "benefit_right_1",
)
"""What is printed; the rest stands in the card."""


def _tell(phase: str, done: int, total: int) -> None:
    print(f"{phase}: {done} of {total}", file=sys.stderr, flush=True)
