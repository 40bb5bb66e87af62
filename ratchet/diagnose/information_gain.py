"""Learnable information gain C_t: what a round's texts still hold for one who knows the last round.

Wang et al., "When Updating Stops Being Learning" (arXiv 2609.36535). A proxy model is fitted afresh
to the texts of round t-1; l(x) is its loss on a text, a mean over the text's symbols, and

    C_t = mean of l over round t - mean of l over round t-1

is 0 between rounds of one distribution whatever the proxy is, above 0 where texts are new and below
0 where they contract to what was common. It rewards novelty, not use: random strings score highest,
so look at it beside validity. It splits exactly into the part of questions and that of answers.

Deviations: the proxy is a character 5-gram, where the paper fits a 160M language model for one
epoch; and it never scores what it was fitted to. Questions are put into two halves by a hash, and
the model of one half of round t-1 scores the other half of both rounds. A count table fitted and
scored on the same texts finds every later round new, and would never say 0.

C_t looks at texts and not at the solver, who may learn for long from questions of one kind. So a
run is stopped only if tasks held out of training say too that the solver no longer learns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from zlib import crc32

from ratchet.core.findings import Action, Halt
from ratchet.core.records import Records, Trace
from ratchet.diagnose.ngram import NGram
from ratchet.diagnose.reading import by_task, of_role, pack, plant, unpack
from ratchet.loop.monitor import Alarm, Reading, Seen
from ratchet.stats import Interval, Summary, shift

Said = tuple[str, str]
"""A question and an answer."""
Losses = Callable[[str], Sequence[float]]
"""A fitted proxy: the loss of each symbol of a text, the end included."""
Proxy = Callable[[Sequence[str]], Losses]
"""Fits a fresh model to texts, each seen once."""
PARTS = ("whole", "question", "answer")
HELD_TASK = "held."
"""What the readings of held tasks are called, before a task's name."""


def fit_ngram(texts: Sequence[str]) -> Losses:
    """Fit the proxy that is used unless another is given."""
    return NGram(texts).losses


@dataclass(frozen=True)
class Gain:
    """C_t and what it is made of, in nats per symbol."""

    whole: Interval
    """C_t with its 95% interval, questions as units."""
    question: float
    """The part of the questions."""
    answer: float
    """The part of the answers; both add up to C_t."""


def measure_gain(now: Sequence[Said], before: Sequence[Said], proxy: Proxy = fit_ngram) -> Gain:
    """Return C_t of a round after another. Raises ValueError if one of them is empty."""
    if not now or not before:
        raise ValueError("a gain needs texts of two rounds")
    sides = score_rounds(now, before, proxy)
    whole = shift(sides["now.whole"], sides["before.whole"], 0.95)
    question, answer = (sides[f"now.{p}"].mean - sides[f"before.{p}"].mean for p in PARTS[1:])
    return Gain(whole, question, answer)


def score_rounds(
    now: Sequence[Said], before: Sequence[Said], proxy: Proxy = fit_ngram
) -> dict[str, Summary]:
    """Return a summary of l over questions for both rounds and each part: ``now.answer``, ..."""
    models = [proxy([_text(one) for one in before if _fold(one) != half]) for half in (0, 1)]
    found = {}
    for name, said in (("now", now), ("before", before)):
        units: dict[str, list[tuple[float, ...]]] = {}
        for one in said:
            units.setdefault(one[0], []).append(_parts(one, models[_fold(one)]))
        rows = [[fmean(column) for column in zip(*rows, strict=True)] for rows in units.values()]
        for part, values in zip(PARTS, zip(*rows, strict=True), strict=True):
            found[f"{name}.{part}"] = Summary.of(values)
    return found


def read_texts(now: Sequence[Said], before: Sequence[Said], least: int) -> dict[str, float]:
    """Return `score_rounds` as named numbers; none where a round has fewer different questions."""
    if min(len({question for question, _ in said}) for said in (now, before)) < least:
        return {}
    return pack(score_rounds(now, before))


def _text(said: Said) -> str:
    return "\n".join(said)


def _fold(said: Said) -> int:
    return crc32(said[0].encode()) & 1


def _parts(said: Said, model: Losses) -> tuple[float, float, float]:
    losses = model(_text(said))
    asked = len(said[0]) + 1
    question, answer = (sum(part) / len(losses) for part in (losses[:asked], losses[asked:]))
    return question + answer, question, answer


@dataclass(frozen=True)
class LearnableGain:
    """Stops a run whose rounds hold nothing new: C_t below ``share`` of the largest gain so far,
    ``rounds`` times in a row, and, where ``rise`` is given, no rise on held tasks.

    There is no scale to measure by, so no alarm, before a gain has been above 0 for certain. The
    share and two rounds in a row are the paper's; its scale is the first gain, C_1, which is near 0
    where the first rounds are alike. Training that goes on is self-distillation: pass@k and variety
    fall, then accuracy. The second condition is ours.
    """

    role: str = "solver"
    share: float = 0.1
    rounds: int = 2
    least: int = 16
    """With fewer questions in a round nothing is measured."""
    rise: float | None = None
    """No alarm while pass@1 on held tasks may have risen by this much or more: the upper end
    (one-sided, 95%, tasks paired with themselves) of the change between the last ``span`` rounds
    and the ``span`` before them must lie below it. None: the paper's rule, which does not ask."""
    span: int = 3
    held: str = "held"
    """Role of the attempts at tasks that come again in every round and are never trained on."""
    name: str = "learnable_gain"
    actions: tuple[Action, ...] = (Halt(),)

    def read(self, window: Sequence[Records]) -> Mapping[str, float]:
        """Keep l of the newest and of the last generation, by a proxy fitted to the last; the run's
        ``window`` must be 2 or more."""
        texts = [
            [(t.task.prompt, t.attempt.answer.strip()) for t in of_role(records, self.role)]
            for records in window[-2:]
        ]
        said = read_texts(texts[1], texts[0], self.least) if len(texts) == 2 else {}
        return said | (self._read_held(window[-1]) if self.rise is not None else {})

    def judge(self, readings: Sequence[Reading]) -> Alarm | None:
        """Compare the last gains with the largest, and the held tasks with those of before."""
        told = [r.numbers for r in readings if "now.whole.n" in r.numbers]
        if len(told) <= self.rounds or told[-1] is not readings[-1].numbers:
            return None
        gains = [_gain(numbers, "whole") for numbers in told]
        sure = [gain.mean for gain in gains if gain.low > 0.0]
        mark = self.share * max(sure, default=0.0)
        if not sure or any(gain.mean >= mark for gain in gains[-self.rounds :]):
            return None
        if self.rise is not None and not self._settled(readings, self.rise):
            return None
        parts = {part: _gain(told[-1], part).mean for part in PARTS}
        return Alarm(
            f"{self.rounds} rounds in a row hold less than {mark:.3f} nats a symbol that the one "
            f"before did not, {self.share:.0%} of the largest gain; now {parts['whole']:+.3f}",
            {"gain": parts["whole"], "largest_gain": max(sure)}
            | {f"gain_{part}": parts[part] for part in PARTS[1:]},
        )

    def _read_held(self, records: Records) -> dict[str, float]:
        groups = by_task(of_role(records, self.held))
        return {f"{HELD_TASK}{g[0].task.id}": fmean(t.verdict.passed for t in g) for g in groups}

    def _settled(self, readings: Sequence[Reading], rise: float) -> bool:
        """Return whether pass@1 on held tasks has not risen by so much; False if nobody knows."""
        told = [
            r.numbers for r in readings if any(name.startswith(HELD_TASK) for name in r.numbers)
        ]
        now, before = told[-self.span :], told[-2 * self.span : -self.span]
        if len(before) < self.span or told[-1] is not readings[-1].numbers:
            return False
        common = set[str].intersection(*(set(numbers) for numbers in (*now, *before)))
        changes = [
            fmean(one[name] for one in now) - fmean(one[name] for one in before)
            for name in sorted(common)
            if name.startswith(HELD_TASK)
        ]
        return len(changes) >= self.least and Summary.of(changes).interval(0.9).high < rise

    def planted(self) -> Sequence[Seen]:
        """Return rounds that move on once and then say the same over and over, in the last ones of
        which fewer held tasks are solved."""
        first = [_say(self.role, f"{n} + {n * n % 83}", str(n + n * n % 83)) for n in range(64)]
        other = [_say(self.role, f"{n} - ({n} * {n * n % 7})", f"x{n}") for n in range(100, 164)]
        least = 2 + self.rounds
        rounds = least if self.rise is None else max(least, 2 * self.span)
        better, worse = (
            [plant(self.held, str(i), passed=k < right) for i in range(64) for k in range(4)]
            for right in (3, 2)
        )
        return [
            Seen([*(other if n else first), *(better if n < rounds - self.span else worse)])
            for n in range(rounds)
        ]


STOP = LearnableGain(rounds=3, rise=0.0)
"""The rule by which a run stops itself: three rounds without gain, and held tasks that went down
for certain. Set on simulated courses, see docs/monitors.md."""


def _gain(numbers: Mapping[str, float], part: str) -> Interval:
    now, before = (unpack(numbers, f"{side}.{part}") for side in ("now", "before"))
    if now is None or before is None:
        raise ValueError(f"there is no reading of {part}")
    return shift(now, before, 0.95)


def _say(role: str, question: str, answer: str) -> Trace:
    trace = plant(role, question, answer)
    return replace(trace, task=replace(trace.task, prompt=question))
