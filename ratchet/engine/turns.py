"""Going on with rows turn by turn, for engines that cannot within a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ratchet.core.seeds import Seed
from ratchet.engine.protocol import Completion, Follow, Sampling

Plain = Callable[[Sequence[Sequence[int]], Sampling], list[list[Completion]]]
"""Samples without ``follow``."""


def take_turns(
    sample: Plain, prompts: Sequence[Sequence[int]], sampling: Sampling, follow: Follow
) -> list[list[Completion]]:
    """Do what ``Engine.sample`` does with ``follow``, given how the engine samples without.

    All first completions are asked for at once. Each further one is a call of its own, with a seed
    of its place and number: in a common call its draws would depend on who else goes on. Rows are
    gone on with one after the other, by place.
    """
    found = []
    for number, (prompt, group) in enumerate(zip(prompts, sample(prompts, sampling), strict=True)):
        ends = []
        for draw, completion in enumerate(group):
            text, left, place = tuple(prompt), sampling.limit(number), number * sampling.n + draw
            seed = Seed(sampling.seed).child("follow", place)
            while (more := follow(place, completion)) is not None:
                left -= len(completion.tokens)
                if not left:
                    break
                text, seed = (*text, *completion.tokens, *more), seed.child("next")
                settings = replace(sampling, seed=seed.integer(), max_tokens=left, n=1, limits=())
                ((completion,),) = sample([text], settings)
            ends.append(completion)
        found.append(ends)
    return found
