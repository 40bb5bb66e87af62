"""The study: select, draw drafts, put every condition, go on where it was stopped.

A study is a folder with one line of JSON for each finished chunk. What was written is read back
and never drawn again, so a study that was stopped gives the numbers of one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random

from ratchet.core.codec import from_data, hash_data, to_data
from ratchet.core.errors import ConfigError, RunError
from ratchet.core.seeds import Seed
from ratchet.core.task import Task
from ratchet.diagnose.drag.conditions import CONDITIONS, QUICK, Condition
from ratchet.diagnose.drag.curves import Chain
from ratchet.diagnose.drag.drafts import Chosen, alter, choose, pick, spoil
from ratchet.diagnose.drag.observations import CLEAN, Draft, Observations, Response
from ratchet.diagnose.drag.prompts import Format
from ratchet.diagnose.drag.speaker import Request, Said, Speaker
from ratchet.worlds.protocol import World

Row = tuple[Task, list[Draft]]
"""One prompt: a task and the drafts beside it."""
CHUNK = 256
"""Prompts that are completed and written down together."""
PORTION = 50
"""Candidate tasks that are sampled before it is looked whether the subset is full."""
PROBED, DRAWS = 24, 4
"""Tasks and samples by which a level is judged."""


@dataclass(frozen=True)
class Plan:
    """How large a study is."""

    conditions: tuple[str, ...] = QUICK
    """Names of conditions; ``clean`` is always among them."""
    problems: int = 150
    """Size of the matched subset."""
    candidates: int = 600
    """Most tasks that the subset is chosen from; they are sampled in portions until it is full."""
    pool: int = 8
    """Samples a candidate, by which problems and drafts are chosen."""
    samples: int = 4
    """Samples a problem and condition."""
    rounds: int = 0
    """Rounds of iterated retries; 0 for none."""
    level: int | None = None
    """Level of the tasks; None for all."""
    family: str | None = None
    """Family of the tasks; None for all."""
    find_level: bool = False
    """Whether a few samples choose the level at which the model is right nearest half the time."""
    max_tokens: int = 40
    """Most tokens of a reply."""
    temperature: float = 0.7
    """Of all samples."""
    seed: int = 1
    """Root of all draws."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.conditions if name not in CONDITIONS]
        if unknown:
            raise ConfigError(
                f"there is no condition {unknown[0]!r}", f"choose from: {', '.join(CONDITIONS)}"
            )
        if min(self.problems, self.candidates, self.pool, self.samples) < 1 or self.rounds < 0:
            raise ConfigError("a study needs problems, candidates, pool and samples of at least 1")

    @property
    def used(self) -> list[Condition]:
        """The conditions, ``clean`` first."""
        names = dict.fromkeys((CLEAN, *self.conditions))
        return [CONDITIONS[name] for name in names]

    @property
    def wrong(self) -> int:
        """Wrong drafts that each problem must have; two at least, so that single ones vary."""
        return max([2, *(c.wrong for c in self.used if c.source == "own")])

    @property
    def right(self) -> int:
        """Right drafts that each problem must have; one at least, as in the paper: where the model
        is never right, nothing can fall."""
        return max([1, *(c.right for c in self.used)])


@dataclass(frozen=True)
class Findings:
    """What a study observed."""

    seen: Observations
    """Drafts and responses."""
    chosen: Chosen
    """The subset and its drafts, by which another policy can be studied on the same problems."""
    candidates: Mapping[str, tuple[float, ...]]
    """For each candidate task, whether each sample of the pool passed: accuracy before choosing."""
    chains: tuple[Chain, ...] = ()
    """Iterated retries; empty if none were asked for."""
    fresh: Mapping[str, tuple[Response, ...]] = field(default_factory=dict)
    """Independent clean samples by problem, for votes and restarts beside the chains."""
    level: int | None = None
    """Level of the tasks; None for all."""


class Study:
    """One speaker on one world."""

    def __init__(
        self,
        speaker: Speaker,
        world: World,
        form: Format,
        plan: Plan,
        folder: Path,
        other: Speaker | None = None,
        chosen: Chosen | None = None,
        tell: Callable[[str, int, int], None] = lambda phase, done, total: None,
    ) -> None:
        """Open a study. Raises RunError if the folder holds one of other settings.

        With ``chosen``, the subset and drafts of an earlier study, nothing is selected anew: so two
        policies, or one before and after training, are compared on the same problems.
        """
        self.speaker, self.world, self.form, self.plan = speaker, world, form, plan
        self.other, self.tell, self.seed = other, tell, Seed(plan.seed).child("drag")
        self.chosen = chosen
        self._log = folder / "study.jsonl"
        self._stages = self._open(folder)

    def run(self) -> Findings:
        """Do what is not done yet and return everything."""
        if self.plan.find_level and self.chosen is None:
            self.plan = replace(self.plan, level=self._find_level())
        chosen, pool = (self.chosen, []) if self.chosen else self._select()
        drafts = chosen.drafts
        responses: list[Response] = []
        for condition in self.plan.used:
            others = self._others(condition, chosen)
            drafts |= {draft.id: draft for draft in others.values()}
            responses += self._ask(condition, chosen, others)
        chains, fresh = self._iterate(chosen)
        selection = frozenset(r.draw for r in pool)
        names = tuple(task.id for task in chosen.tasks)
        seen = Observations(names, drafts, responses, selection, chosen.skips)
        by_task = _grouped(pool)
        passed = {name: tuple(float(r.passed) for r in group) for name, group in by_task.items()}
        return Findings(seen, chosen, passed, chains, fresh, self.plan.level)

    def _find_level(self) -> int | None:
        """Return the level where accuracy is nearest a half; None if the world has one level only.

        These samples serve nothing else.
        """
        groups: dict[int, list[Task]] = {}
        drawn = self.world.tasks(self.seed.child("levels").rng(), 20 * PROBED)
        for task in drawn:
            groups.setdefault(task.level, []).append(task)
        if len(groups) == 1:
            return None
        shares: dict[int, float] = {}
        for level, tasks in sorted(groups.items()):
            rows: list[Row] = [(task, []) for task in tasks[:PROBED] for _ in range(DRAWS)]
            said = self._complete(self.speaker, CONDITIONS[CLEAN], rows, f"level_{level}", Random())
            shares[level] = sum(r.passed for r in said) / len(said)
        return min(shares, key=lambda level: abs(shares[level] - 0.5))

    def _select(self) -> tuple[Chosen, list[Response]]:
        """Choose the subset and its drafts by a pool of samples that serves nothing else."""
        plan, rng = self.plan, self.seed.child("tasks").rng()
        tasks = self.world.tasks(rng, plan.candidates, plan.level, plan.family)
        pool: list[Response] = []
        chosen = Chosen((), {}, {}, {"no_task": 1})
        for start in range(0, len(tasks), PORTION):
            portion = tasks[start : start + PORTION]
            pool += self._pool(self.speaker, portion, f"pool_{start // PORTION}")
            seen, random = tasks[: start + PORTION], Random(self.seed.child("choose").integer())
            chosen = choose(seen, _grouped(pool), plan.wrong, plan.right, plan.problems, random)
            if len(chosen.tasks) == plan.problems:
                break
        if not chosen.tasks:
            raise RunError(
                f"no task gave {plan.wrong} wrong and {plan.right} right drafts: {chosen.skips}",
                "choose a --level where the model is right 20-70% of the time; more --candidates",
            )
        return chosen, pool

    def _pool(self, speaker: Speaker, tasks: Sequence[Task], name: str) -> list[Response]:
        clean = CONDITIONS[CLEAN]
        rows: list[Row] = [(task, []) for task in tasks for _ in range(self.plan.pool)]
        return self._complete(speaker, clean, rows, name, Random(0))

    def _others(self, condition: Condition, chosen: Chosen) -> dict[str, Draft]:
        """Return drafts of another source by task id: another model's, or right ones spoiled."""
        if condition.source == "synthetic":
            random = Random(self.seed.child("spoil").integer())
            spoiled = (spoil(self.world, t, chosen.right[t.id][0], random) for t in chosen.tasks)
            return {draft.problem: draft for draft in spoiled if draft is not None}
        if condition.source == "own":
            return {}
        if self.other is None:
            raise ConfigError("other_model needs a second model", "name it with --other MODEL")
        pool = self._pool(self.other, chosen.tasks, "other_pool")
        wrong = [r for r in pool if r.answer and not r.passed and not r.truncated]
        return {
            r.problem: Draft(r.draw, r.problem, r.text, r.answer, False, "other")
            for r in reversed(wrong)
        }

    def _ask(
        self, condition: Condition, chosen: Chosen, others: Mapping[str, Draft]
    ) -> list[Response]:
        """Put one condition to all chosen problems."""
        rows: list[Row] = []
        for task in chosen.tasks:
            for sample in range(self.plan.samples):
                drafts = pick(condition, chosen, task, sample, others)
                if drafts is not None:
                    rows.append((task, drafts))
        random = Random(self.seed.child("alter", condition.name).integer())
        return self._complete(self.speaker, condition, rows, condition.name, random)

    def _iterate(self, chosen: Chosen) -> tuple[tuple[Chain, ...], dict[str, tuple[Response, ...]]]:
        """Retry every chosen problem round by round on its own last attempt."""
        if not self.plan.rounds:
            return (), {}
        clean, single, silent = CONDITIONS[CLEAN], CONDITIONS["wrong_1"], Random(0)
        first: list[Row] = [(task, []) for task in chosen.tasks]
        rounds = [self._complete(self.speaker, clean, first, "round_0", silent)]
        for number in range(1, self.plan.rounds):
            name, before = f"round_{number}", rounds[-1]
            rows: list[Row] = [
                (task, [Draft(r.draw, task.id, r.text, r.answer, r.passed)])
                for task, r in zip(chosen.tasks, before, strict=True)
            ]
            rounds.append(self._complete(self.speaker, single, rows, name, silent))
        many: list[Row] = [(task, []) for task in chosen.tasks for _ in range(2 * self.plan.rounds)]
        fresh = self._complete(self.speaker, clean, many, "fresh", silent)
        chains = tuple(
            Chain(task.id, steps)
            for task, steps in zip(chosen.tasks, zip(*rounds, strict=True), strict=True)
        )
        return chains, {name: tuple(group) for name, group in _grouped(fresh).items()}

    def _complete(
        self,
        speaker: Speaker,
        condition: Condition,
        rows: Sequence[Row],
        name: str,
        random: Random,
    ) -> list[Response]:
        """Complete one prompt a row and grade the replies; a row's place names its draw."""
        prompts = [
            self.form.write(
                condition, task.prompt, [alter(condition, d.text, random) for d in drafts]
            )
            for task, drafts in rows
        ]
        responses: list[Response] = []
        for start in range(0, len(rows), CHUNK):
            stage = f"{name}/{start}"
            if stage not in self._stages:
                self.tell(name, start, len(rows))
                chunk = slice(start, start + CHUNK)
                said = speaker.complete(prompts[chunk], self._request(condition, name, start))
                graded = [
                    self._grade(condition, task, drafts, reply[0], f"{name}/{place}")
                    for place, ((task, drafts), reply) in enumerate(
                        zip(rows[chunk], said, strict=True), start
                    )
                ]
                self._keep(stage, graded)
            responses += self._stages[stage]
        return responses

    def _request(self, condition: Condition, name: str, start: int) -> Request:
        plan, seed = self.plan, self.seed.child("sample", name, start)
        stop = self.form.stops(condition)
        return Request(seed.integer(), 1, plan.max_tokens, plan.temperature, stop)

    def _grade(
        self, condition: Condition, task: Task, drafts: Sequence[Draft], said: Said, draw: str
    ) -> Response:
        reply = self.form.read(condition, said.text)
        verdict = self.world.check(task, reply.answer)
        read = str(verdict.evidence.get("read", reply.answer)) if verdict.parsed else ""
        return Response(
            task.id,
            condition.name,
            draw,
            reply.answer,
            read,
            verdict.passed,
            tuple(draft.id for draft in drafts),
            reply.verdict,
            said.truncated,
            said.prompt_tokens,
            said.tokens,
            said.seconds,
        )

    def _keep(self, stage: str, responses: list[Response]) -> None:
        """Write a finished chunk down; a kill loses no more than the one under way."""
        line = json.dumps({"stage": stage, "responses": [to_data(r) for r in responses]})
        with self._log.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        self._stages[stage] = responses

    def _open(self, folder: Path) -> dict[str, list[Response]]:
        """Read what is there; a last line cut off by a kill is dropped."""
        shape = asdict(replace(self.plan, conditions=()))
        mark = {
            "model": self.speaker.name,
            "world": self.world.name,
            "plan": hash_data(shape | {"wrong": self.plan.wrong, "right": self.plan.right}),
            "header": hash_data(self.form.header),
            "chosen": hash_data(sorted(self.chosen.drafts)) if self.chosen else "",
        }
        if not self._log.exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._log.write_text(json.dumps(mark) + "\n", encoding="utf-8")
            return {}
        text = self._log.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            self._log.write_text(whole, encoding="utf-8")
        lines = [json.loads(line) for line in whole.splitlines()]
        if not lines or lines[0] != mark:
            raise RunError(
                f"{folder} holds a study of another model, world or size",
                "name another folder with --out",
            )
        return {
            row["stage"]: [from_data(Response, r) for r in row["responses"]] for row in lines[1:]
        }


def _grouped(responses: Sequence[Response]) -> dict[str, list[Response]]:
    groups: dict[str, list[Response]] = {}
    for response in responses:
        groups.setdefault(response.problem, []).append(response)
    return groups
