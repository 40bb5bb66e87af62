"""Retry policies: what a solver is shown of its failed attempt when it tries again.

``append`` shows the failed attempts and asks for another answer, which is what most loops do. Wrong
drafts in the context pull a model towards the same error (contextual drag, arXiv 2602.04288), so
the others show less: nothing, a label, what was useful, a rewriting, or one abstract sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, Cost, StopReason, Task, Turn
from ratchet.engine.protocol import Completion, Engine, Sampling

Check = Callable[[str, str], bool | None]
"""From prompt and answer to whether it is right; None if nobody may tell. In measurement it may be
no more than what the prompt allows; truth belongs to training."""


class Retry(StrEnum):
    """What the next attempt sees."""

    APPEND = "append"
    """Every failed attempt so far, the last four at most."""
    RESTART = "restart"
    """Nothing: a fresh attempt."""
    DETECT = "detect"
    """The model judges its attempt where nobody else can: "right" ends it, "wrong" restarts."""
    FILTER = "filter"
    """Only what the model finds useful in the failed attempt."""
    REVISE = "revise"
    """The failed attempt as the model has rewritten it."""
    LESSON = "lesson"
    """One sentence that the model drew from the failure; never the attempt itself."""
    CORRECTION = "correction"
    """The failed attempt, labelled wrong."""


SHOWN = 4
"""Most failed attempts that ``append`` shows."""
_STAGES = {Retry.FILTER: "Useful", Retry.REVISE: "Draft", Retry.LESSON: "Lesson"}
_REQUESTS = {Retry.FILTER: "Useful:", Retry.REVISE: "Revised:", Retry.LESSON: "Lesson:"}


@dataclass(frozen=True)
class Asking:
    """How a problem is put, with and without something beside it."""

    header: str = ""
    """What every prompt begins with, e.g. examples."""
    max_tokens: int = 24
    """Most tokens of one reply."""
    stop: tuple[str, ...] = ("\n",)
    """Texts that end a reply."""
    temperature: float = 1.0
    """Of every sample."""

    def write(self, prompt: str, beside: str = "", request: str = "Answer:") -> str:
        """Return the text that the policy reads."""
        return f"{self.header}Problem: {prompt}\n{beside}{request}"


@dataclass(frozen=True)
class Tried:
    """One task with its attempts."""

    task: Task
    """The task."""
    attempts: tuple[Attempt, ...]
    """Attempts in order; the prompts are those really shown."""
    passed: bool | None
    """Whether the last one is right; None if nobody could tell."""
    cost: Cost
    """Tokens of all calls, those that drew lessons or judged too."""

    @property
    def answer(self) -> str:
        """What is handed in: the last attempt with an answer."""
        return next((a.answer for a in reversed(self.attempts) if a.answer), "")


@dataclass(eq=False)
class _Row:
    """One task under way."""

    task: Task
    failed: list[str]
    attempts: list[Attempt]
    cost: Cost
    passed: bool | None = None
    over: bool = False

    def freeze(self) -> Tried:
        return Tried(self.task, tuple(self.attempts), self.passed, self.cost)


def retry(
    engine: Engine,
    policy: str,
    kind: Retry,
    asking: Asking,
    tasks: Sequence[Task],
    check: Check,
    seed: Seed,
    tries: int = 4,
    tokens: int = 0,
    greedy_first: bool = False,
) -> list[Tried]:
    """Attempt every task until it is right, ``tries`` are used or ``tokens`` are spent.

    ``tokens`` counts read and written ones of a task, all calls together; 0 is no limit. No call is
    begun that could go beyond it but the first, so that policies compare at equal tokens. With
    ``greedy_first`` first attempts are greedy; later ones must be drawn, or a restart would repeat.
    """
    rows = [_Row(task, [], [], Cost()) for task in tasks]
    for number in range(tries):
        live = [row for row in rows if not row.over]
        at = seed.child("try", number)
        beside = _prepare(engine, policy, kind, asking, live, at, tokens) if number else {}
        live = [row for row in live if not row.over]
        how = replace(asking, temperature=0.0) if greedy_first and not number else asking
        replies = _ask(engine, policy, how, live, beside, "Answer:", at.child("answer"), tokens)
        for row, (text, completion, encoded) in replies.items():
            _take(row, policy, text, completion, encoded, check)
    return [row.freeze() for row in rows]


def continue_from(
    engine: Engine,
    policy: str,
    kind: Retry,
    asking: Asking,
    tasks: Sequence[Task],
    drafts: Sequence[str],
    seed: Seed,
    known: bool | None = None,
) -> list[Tried]:
    """Make the one attempt that follows a given draft, for measuring what a policy is worth.

    ``known`` is what anybody can tell of the draft: False for a failure, None for nothing.
    """
    rows = [_Row(task, [draft], [], Cost()) for task, draft in zip(tasks, drafts, strict=True)]
    for row in rows:
        row.passed = known
    beside = _prepare(engine, policy, kind, asking, rows, seed, 0)
    live = [row for row in rows if not row.over]
    replies = _ask(engine, policy, asking, live, beside, "Answer:", seed.child("answer"), 0)
    for row, (text, completion, encoded) in replies.items():
        _take(row, policy, text, completion, encoded, lambda prompt, answer: None)
    for row in rows:
        if not row.attempts:
            row.attempts.append(_kept(row, policy))
    return [row.freeze() for row in rows]


def _prepare(
    engine: Engine,
    policy: str,
    kind: Retry,
    asking: Asking,
    rows: Sequence[_Row],
    seed: Seed,
    tokens: int,
) -> dict[_Row, str]:
    """Return by row what stands beside the problem; calls the policy where the kind needs it."""
    if kind is Retry.RESTART:
        return {}
    if kind is Retry.APPEND:
        return {r: "".join(f"Draft: {f}\n" for f in r.failed[-SHOWN:]) for r in rows}
    last = {row: f"Draft: {row.failed[-1]}\n" for row in rows}
    if kind is Retry.CORRECTION:
        return {at: f"{draft}Verdict: wrong\n" for at, draft in last.items()}
    if kind is Retry.DETECT:
        unsure = [row for row in rows if row.passed is None]
        said = _ask(engine, policy, asking, unsure, last, "Verdict:", seed.child("judge"), tokens)
        for row, (text, _, _) in said.items():
            row.over = _says_right(text)
        return {}
    said = _ask(engine, policy, asking, rows, last, _REQUESTS[kind], seed.child("note"), tokens)
    notes = {row: _note(kind, text, row.failed[-1]) for row, (text, _, _) in said.items()}
    return {at: f"{_STAGES[kind]}: {note}\n" for at, note in notes.items() if note}


def _note(kind: Retry, text: str, failed: str) -> str:
    """Return what is kept of a note; a lesson is one sentence without the failed answer."""
    note = text.strip().split("\n", 1)[0]
    if kind is not Retry.LESSON:
        return note
    sentence = note.partition(". ")[0]
    squeezed = "".join(failed.split())
    return "" if squeezed and squeezed in "".join(sentence.split()) else sentence


def _ask(
    engine: Engine,
    policy: str,
    asking: Asking,
    rows: Sequence[_Row],
    beside: dict[_Row, str],
    request: str,
    seed: Seed,
    tokens: int,
) -> dict[_Row, tuple[str, Completion, tuple[int, ...]]]:
    """Ask for one reply a row and charge it; rows that cannot pay for it are over."""
    asked: list[tuple[_Row, str, tuple[int, ...]]] = []
    for row in rows:
        text = asking.write(row.task.prompt, beside.get(row, ""), request)
        encoded = tuple(engine.encode(policy, text))
        spent = row.cost.prompt_tokens + row.cost.tokens
        first = not row.attempts and request == "Answer:"
        if tokens and not first and spent + len(encoded) + asking.max_tokens > tokens:
            row.over = True
        else:
            asked.append((row, text, encoded))
    if not asked:
        return {}
    settings = Sampling(
        seed=seed.integer(),
        max_tokens=asking.max_tokens,
        temperature=asking.temperature,
        stop=asking.stop,
    )
    groups = engine.sample(policy, [encoded for _, _, encoded in asked], settings)
    replies = {}
    for (row, text, encoded), (completion,) in zip(asked, groups, strict=True):
        row.cost += Cost(len(encoded), len(completion.tokens))
        replies[row] = (completion.text if request != "Answer:" else text, completion, encoded)
    return replies


def _take(
    row: _Row,
    policy: str,
    text: str,
    completion: Completion,
    encoded: tuple[int, ...],
    check: Check,
) -> None:
    """Add an attempt to a row and decide whether it is over."""
    answer = completion.text.strip().split("\n", 1)[0].strip()
    turns = (
        Turn("user", text, encoded),
        Turn("policy", completion.text, completion.tokens, completion.logprobs),
    )
    cost = Cost(len(encoded), len(completion.tokens))
    row.attempts.append(Attempt(row.task.id, policy, turns, answer, completion.stop, cost=cost))
    row.passed = check(row.task.prompt, answer)
    row.over = bool(row.passed)
    row.failed.append(answer)


def _kept(row: _Row, policy: str) -> Attempt:
    """Return the draft itself as the attempt: the model has judged it right."""
    return Attempt(row.task.id, policy, (), row.failed[-1], StopReason.END)


def _says_right(text: str) -> bool:
    said = text.lower()
    return "right" in said or ("correct" in said and "incorrect" not in said and "not" not in said)


@dataclass(frozen=True)
class RetrySolver:
    """A policy that retries by what the prompt alone allows; what the evaluator measures."""

    engine: Engine
    """Where the policy lives."""
    policy: str
    """Its name."""
    kind: Retry
    """The retry policy."""
    asking: Asking
    """How problems are put; first attempts are greedy whatever its temperature."""
    check: Check = lambda prompt, answer: None
    """A world's check by the prompt, or nothing."""
    tries: int = 4
    """Most attempts."""
    tokens: int = 0
    """Most tokens of a task, read and written; 0 is no limit."""

    def answer(self, prompts: Sequence[str], seed: Seed) -> Sequence[str]:
        """Return one answer per prompt."""
        tasks = [Task(str(i), "", prompt, "", 0) for i, prompt in enumerate(prompts)]
        tried = retry(
            self.engine,
            self.policy,
            self.kind,
            self.asking,
            tasks,
            self.check,
            seed,
            self.tries,
            self.tokens,
            greedy_first=True,
        )
        return [each.answer for each in tried]
