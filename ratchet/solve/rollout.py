"""Rollouts: a policy attempts prompts, with its tool's results inserted between its turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ratchet.core.seeds import Seed
from ratchet.core.task import Attempt, Cost, StopReason, Task, Turn
from ratchet.engine.protocol import Completion, Engine, Sampling
from ratchet.solve.procedure import Procedure


@dataclass
class _Row:
    """One attempt under way."""

    task: Task
    turns: list[Turn]
    written: int = 0
    calls: int = 0
    read: int = 0
    stop: StopReason | None = None

    @property
    def tokens(self) -> tuple[int, ...]:
        return tuple(token for turn in self.turns for token in turn.tokens)


def rollout(
    engine: Engine,
    policy: str,
    procedure: Procedure,
    tasks: Sequence[Task],
    seed: Seed,
    k: int = 1,
    temperature: float = 1.0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[list[Attempt]]:
    """Attempt each task ``k`` times and return the attempts by task, in order.

    Tool results become turns of role ``tool``, which are never trained on. The token limit is for
    all turns of an attempt together. A last turn that still calls the tool stops with TURNS. All
    attempts are one call of the engine, in which each goes on as soon as its tool has answered.
    ``progress`` is told at the start, about once in each tenth of the attempts, and at the end.
    """
    prompts = [engine.encode(policy, procedure.fill(task.prompt)) for task in tasks]
    rows = [
        _Row(task, [Turn("user", procedure.fill(task.prompt), prompt)], read=len(prompt))
        for task, prompt in zip(tasks, prompts, strict=True)
        for _ in range(k)
    ]
    done = 0

    def follow(place: int, completion: Completion) -> tuple[int, ...] | None:
        nonlocal done
        result = _extend(engine, policy, procedure, rows[place], completion)
        if result is None:
            done += 1
            if done < len(rows) and done * 10 // len(rows) > (done - 1) * 10 // len(rows):
                progress(done, len(rows))
        return result

    settings = Sampling(
        seed=seed.child("turn", 1).integer(),
        max_tokens=procedure.max_tokens,
        n=k,
        temperature=temperature,
        stop=procedure.stop + ((procedure.tool.closing,) if procedure.tool else ()),
    )
    progress(0, len(rows))
    engine.sample(policy, prompts, settings, follow)
    progress(len(rows), len(rows))
    attempts = [_finish(procedure, policy, row) for row in rows]
    return [attempts[i : i + k] for i in range(0, len(attempts), k)]


def _extend(
    engine: Engine, policy: str, procedure: Procedure, row: _Row, completion: Completion
) -> tuple[int, ...] | None:
    """Add a policy turn, and the tool's answer if it ended in a call and the attempt may go on.

    Returns the answer's tokens, or None where the attempt has ended.
    """
    row.turns.append(Turn("policy", completion.text, completion.tokens, completion.logprobs))
    row.written += len(completion.tokens)
    tool = procedure.tool
    request = tool.request(completion.text) if tool else None
    if tool is None or request is None:
        row.stop = completion.stop
    elif row.calls + 1 >= procedure.max_turns:
        row.stop = StopReason.TURNS
    elif row.written >= procedure.max_tokens:
        row.stop = StopReason.LENGTH
    else:
        result = tool.insert(tool.run(request))
        row.turns.append(Turn("tool", result, engine.encode(policy, result)))
        row.calls += 1
        row.read += len(row.tokens)
        return row.turns[-1].tokens
    return None


def _finish(procedure: Procedure, policy: str, row: _Row) -> Attempt:
    last = row.turns[-1]
    calling = procedure.tool is not None and procedure.tool.request(last.text) is not None
    text = last.text if last.role == "policy" and not calling else ""
    return Attempt(
        row.task.id,
        policy,
        tuple(row.turns),
        procedure.read(row.task.prompt, text),
        row.stop or StopReason.TURNS,
        row.calls,
        Cost(row.read, row.written, row.calls),
    )


@dataclass(frozen=True)
class PolicySolver:
    """A policy with its procedure, greedy: what the evaluator measures. It keeps no record."""

    engine: Engine
    policy: str
    procedure: Procedure
    temperature: float = 0.0
    progress: Callable[[int, int], None] = field(default=lambda done, total: None)

    def answer(self, prompts: Sequence[str], seed: Seed) -> Sequence[str]:
        """Return one answer per prompt."""
        tasks = [Task(str(i), "", prompt, "", 0) for i, prompt in enumerate(prompts)]
        groups = rollout(
            self.engine,
            self.policy,
            self.procedure,
            tasks,
            seed,
            temperature=self.temperature,
            progress=self.progress,
        )
        return [attempts[0].answer for attempts in groups]
