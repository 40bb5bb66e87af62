"""Checks of rows that go on within one call of sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ratchet.engine.conformance.bench import MAX_TOKENS, Bench, Tokens, require, spread
from ratchet.engine.protocol import Completion, Sampling

TURNS = 3
"""Most completions of a row."""


@dataclass
class _Follower:
    """Goes on with some rows, always with the same tokens, and notes what it was told."""

    more: Tokens
    rows: Iterable[int]
    told: dict[int, list[Completion]] = field(default_factory=dict)

    def __call__(self, place: int, completion: Completion) -> Tokens | None:
        seen = self.told.setdefault(place, [])
        seen.append(completion)
        return self.more if place in self.rows and len(seen) < TURNS else None


def following_equals_going_on(bench: Bench) -> None:
    """At temperature 0 rows that go on write what they would turn by turn, and each is told of."""
    name = bench.policy()
    prompts, more = bench.encode(name), bench.encode(name)[0]
    sampling = Sampling(0, 3 * MAX_TOKENS, temperature=0.0, stop=_stops(bench, name, 0.0, 1))
    follower = _Follower(more, range(len(prompts)))
    drawn = bench.engine.sample(name, prompts, sampling, follower)
    require(sorted(follower.told) == list(range(len(prompts))), "not told of every row")
    require(any(len(seen) > 1 for seen in follower.told.values()), "no row went on")
    for place, prompt in enumerate(prompts):
        told = follower.told[place]
        require(drawn[place] == told[-1:], "what is returned is not a row's last completion")
        turns = _turn_by_turn(bench, name, prompt, sampling, more)
        same = [c.tokens for c in told] == [c.tokens for c in turns]
        require(same, "following writes other tokens than going on turn by turn")
        require([c.stop for c in told] == [c.stop for c in turns], "and ends for other reasons")
        gap = spread([c.logprobs for c in told], [c.logprobs for c in turns])
        require(gap <= bench.tolerance, f"following gives log-probabilities {gap:.3g} nats off")


def limits_count_every_completion(bench: Bench) -> None:
    """A row's limit counts what it writes in all its completions, and not what is appended."""
    name = bench.policy()
    prompt, more = bench.encode(name)[0], bench.encode(name)[0]
    sampling = Sampling(0, 3 * MAX_TOKENS, temperature=0.0, stop=_stops(bench, name, 0.0, 1))
    first, second = _turn_by_turn(bench, name, prompt, sampling, more)[:2]
    size = len(first.tokens)
    limits = (size, size + 1, 3 * MAX_TOKENS)
    follower = _Follower(more, range(3))
    bench.engine.sample(name, [prompt] * 3, replace(sampling, limits=limits), follower)
    used, cut, whole = (follower.told[place] for place in range(3))
    require(len(used) == 1, "a row whose limit was used up went on")
    require(len(cut) == 2, "a row with one token left did not go on, or more than once")
    require(cut[1].tokens == second.tokens[:1], "the limit does not count earlier completions")
    require(whole[1].tokens == second.tokens, "one row's limit cut another's completion")


def draws_do_not_depend_on_who_goes_on(bench: Bench) -> None:
    """At temperature 1 a row that goes on draws the same whichever others do."""
    name = bench.policy()
    prompts, more = bench.encode(name), bench.encode(name)[0]
    sampling = Sampling(1, 3 * MAX_TOKENS, n=2, stop=_stops(bench, name, 1.0, 2))
    places = range(2 * len(prompts))
    found = []
    for rows in (places, places[::2], places[1::2]):
        follower = _Follower(more, rows)
        bench.engine.sample(name, prompts, sampling, follower)
        found.append([[c.tokens for c in follower.told[place]] for place in places])
    require(any(len(seen) > 2 for seen in found[0]), "no row went on twice")
    for some, rows in zip(found[1:], (places[::2], places[1::2]), strict=True):
        same = all(some[place] == found[0][place] for place in rows)
        require(same, "a row's draws depend on which others go on")
        ended = all(some[p] == found[0][p][:1] for p in places if p not in rows)
        require(ended, "a row's first draws depend on which others go on, or it goes on unasked")


def _stops(bench: Bench, name: str, temperature: float, n: int) -> tuple[str, ...]:
    """Return texts that end every completion of a text at once: those of all first tokens."""
    sampling = Sampling(1, 3 * MAX_TOKENS, n, temperature)
    drawn = bench.engine.sample(name, bench.encode(name), sampling)
    first = [c.tokens[:1] for draws in drawn for c in draws]
    texts = dict.fromkeys(bench.engine.decode(name, tokens).strip() for tokens in first)
    stops = tuple(text for text in texts if text)
    require(bool(stops), "no first token of a completion has a text: choose other prompts")
    return stops


def _turn_by_turn(
    bench: Bench, name: str, prompt: Tokens, sampling: Sampling, more: Tokens
) -> list[Completion]:
    """Return the completions of a row, each from a call of its own."""
    found: list[Completion] = []
    left = sampling.max_tokens
    while left and len(found) < TURNS:
        settings = replace(sampling, max_tokens=left)
        found += bench.engine.sample(name, [prompt], settings)[0]
        left -= len(found[-1].tokens)
        prompt = (*prompt, *found[-1].tokens, *more)
    return found


CHECKS: Sequence[Callable[[Bench], None]] = (
    following_equals_going_on,
    limits_count_every_completion,
    draws_do_not_depend_on_who_goes_on,
)
