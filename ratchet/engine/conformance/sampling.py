"""Checks of encode, decode, create, sample and score."""

from __future__ import annotations

from collections.abc import Callable

from ratchet.core.task import StopReason
from ratchet.engine.conformance.bench import MAX_TOKENS, Bench, planted, refused, require, spread
from ratchet.engine.protocol import Completion, Full, Sampling


def text_round_trips(bench: Bench) -> None:
    """Decoding what a prompt encodes to gives the prompt; decoding a completion gives its text."""
    name = bench.policy()
    for text, tokens in zip(bench.prompts, bench.encode(name), strict=True):
        back = bench.engine.decode(name, tokens)
        require(back == text, f"{text!r} came back as {back!r}")
    for _, completion in bench.pairs(name):
        text = bench.engine.decode(name, completion.tokens)
        require(text == completion.text, f"tokens of {completion.text!r} decode to {text!r}")


def created_policy_equals_its_base(bench: Bench) -> None:
    """Policies of any kind and seed start out scoring alike."""
    name, other = bench.policy(seed=0), bench.policy(seed=1)
    bench.names.append("full")
    bench.engine.create("full", bench.base, Full())
    rows = bench.lines(name)
    for twin in (other, "full"):
        gap = spread(bench.lps(name, rows), bench.lps(twin, rows))
        require(gap <= bench.tolerance, f"two new policies differ by {gap:.3g} nats")


def names_are_checked(bench: Bench) -> None:
    """A taken name and an unknown policy or base are refused."""
    name = bench.policy()
    with refused("a taken name"):
        bench.engine.create(name, bench.base, bench.trainable)
    with refused("an unknown base"):
        bench.engine.create("other", "no such base", bench.trainable)
    with refused("sampling an unknown policy"):
        bench.engine.sample("nobody", bench.encode(name), Sampling(0, 1))
    with refused("scoring an unknown policy"):
        bench.engine.score("nobody", bench.encode(name))
    with refused("dropping an unknown policy"):
        bench.engine.drop("nobody")


def seed_decides_the_draw(bench: Bench) -> None:
    """Equal seeds give equal completions; other seeds give others if anything is left to chance."""
    name = bench.policy()
    first = bench.sample(name, seed=1, n=4)
    require(first == bench.sample(name, seed=1, n=4), "one seed gave two different draws")
    certain = all(lp > -1e-6 for draws in first for c in draws for lp in c.logprobs)
    others = [_tokens(bench.sample(name, seed=seed, n=4)) for seed in (2, 3, 4, 5)]
    moved = any(other != _tokens(first) for other in others)
    require(certain or moved, "five seeds gave the same draw though chance was left")


def draws_fit_the_request(bench: Bench) -> None:
    """There are ``n`` completions a prompt, each with one log-probability a token, in limits."""
    name = bench.policy()
    drawn = bench.sample(name, n=3)
    require(len(drawn) == len(bench.prompts), "not one list a prompt")
    for completion in (c for draws in drawn for c in draws):
        require(len(completion.logprobs) == len(completion.tokens), "logprobs miss tokens")
        require(len(completion.tokens) <= MAX_TOKENS, "a completion is longer than max_tokens")
    require(all(len(draws) == 3 for draws in drawn), "n = 3 did not give 3 completions")


def greedy_is_repeatable(bench: Bench) -> None:
    """At temperature 0 the seed has no effect, and top_k = 1 finds the same tokens, surely."""
    name = bench.policy()
    greedy = _tokens(bench.sample(name, seed=1, temperature=0.0))
    require(greedy == _tokens(bench.sample(name, seed=2, temperature=0.0)), "greedy draws differ")
    single = bench.sample(name, seed=3, top_k=1)
    require(greedy == _tokens(single), "top_k = 1 differs from greedy")
    sure = all(abs(lp) <= bench.tolerance for draws in single for c in draws for lp in c.logprobs)
    require(sure, "top_k = 1: logprobs are not those of the distribution sampled from")


def prompts_keep_their_order(bench: Bench) -> None:
    """Reversed prompts give reversed completions."""
    name = bench.policy()
    greedy = _tokens(bench.sample(name, temperature=0.0))
    prompts = bench.encode(name)[::-1]
    turned = bench.engine.sample(name, prompts, Sampling(0, MAX_TOKENS, temperature=0.0))
    require(_tokens(turned) == greedy[::-1], "completions do not follow their prompts")


def logprobs_equal_scores(bench: Bench) -> None:
    """Log-probabilities of completions, greedy and at temperature 1, are those of ``score``."""
    name = bench.policy()
    greedy = zip(bench.encode(name), bench.sample(name, temperature=0.0), strict=True)
    pairs = bench.pairs(name) + [(prompt, draws[0]) for prompt, draws in greedy]
    rows = [planted(prompt, completion.tokens) for prompt, completion in pairs]
    for (prompt, completion), lps in zip(pairs, bench.lps(name, rows), strict=True):
        gap = spread([completion.logprobs], [lps[len(prompt) :]])
        require(gap <= bench.tolerance, f"sample and score differ by {gap:.3g} nats")


def prompts_may_be_unlike(bench: Bench) -> None:
    """Prompts of many lengths, with nothing in common or equal, are sampled in one call."""
    name = bench.policy()
    whole = bench.encode(name)
    prompts = [*whole, *(tokens[-1 - i :] for i, tokens in enumerate(whole)), whole[0]]
    drawn = bench.engine.sample(name, prompts, Sampling(0, MAX_TOKENS))
    require([len(draws) for draws in drawn] == [1] * len(prompts), "not one list a prompt")
    rows = [planted(p, draws[0].tokens) for p, draws in zip(prompts, drawn, strict=True)]
    alone = [bench.lps(name, [row])[0] for row in rows]
    for prompt, draws, lps in zip(prompts, drawn, alone, strict=True):
        gap = spread([draws[0].logprobs], [lps[len(prompt) :]])
        require(gap <= bench.tolerance, f"sampled among unlike prompts: {gap:.3g} nats off")


def top_tokens_are_the_likeliest(bench: Bench) -> None:
    """``topk`` gives a list a position, best first, that agrees with the token's own score."""
    name = bench.policy()
    rows = bench.lines(name)
    for row, scored in zip(
        rows, bench.engine.score(name, [r.tokens for r in rows], topk=2), strict=True
    ):
        require(len(scored.top) == len(row.tokens) - 1, "not one list of top tokens a position")
        for token, lp, top in zip(row.tokens[1:], scored.logprobs, scored.top, strict=True):
            values = [value for _, value in top]
            require(1 <= len(top) <= 2 and values == sorted(values, reverse=True), "wrong order")
            require(lp <= values[0] + bench.tolerance, "a token beats the top of its position")
            own = dict(top).get(token, lp)
            require(abs(own - lp) <= bench.tolerance, "top and score disagree on a token")


def limits_end_a_completion(bench: Bench) -> None:
    """``max_tokens`` cuts with LENGTH; a stop text ends with END and is kept as the last thing."""
    name = bench.policy()
    prompt, full = _longest(bench, name)
    cut = bench.engine.sample(name, [prompt], Sampling(0, 1, temperature=0.0))[0][0]
    require(cut.tokens == full.tokens[:1], "max_tokens = 1 did not cut the completion")
    require(cut.stop is StopReason.LENGTH, "a cut completion does not say LENGTH")
    several = Sampling(0, MAX_TOKENS, temperature=0.0, limits=(MAX_TOKENS, 1))
    whole, short = bench.engine.sample(name, [prompt, prompt], several)
    require(whole[0].tokens == full.tokens, "one prompt's limit cut another's completion")
    require(short[0].tokens == cut.tokens, "a prompt's own limit did not cut its completion")
    texts = [bench.engine.decode(name, [token]).strip() for token in full.tokens]
    stop = next((text for text in texts if text and text in full.text), "")
    require(bool(stop), "no token of the greedy completion has a text: choose other prompts")
    sampling = Sampling(0, MAX_TOKENS, temperature=0.0, stop=(stop,))
    ended = bench.engine.sample(name, [prompt], sampling)[0][0]
    require(stop in ended.text, f"the stop text {stop!r} was not kept in {ended.text!r}")
    require(ended.stop is StopReason.END, "a completion ended by a stop text does not say END")
    before = bench.engine.decode(name, ended.tokens[:-1])
    require(stop not in before, f"the completion went on after the stop text {stop!r}")


def _longest(bench: Bench, name: str) -> tuple[tuple[int, ...], Completion]:
    drawn = bench.sample(name, temperature=0.0)
    pairs = [(prompt, d[0]) for prompt, d in zip(bench.encode(name), drawn, strict=True)]
    best = max(pairs, key=lambda pair: len(pair[1].tokens))
    require(len(best[1].tokens) > 1, "every greedy completion is shorter than two tokens")
    return best


def _tokens(drawn: list[list[Completion]]) -> list[list[tuple[int, ...]]]:
    return [[c.tokens for c in draws] for draws in drawn]


CHECKS: tuple[Callable[[Bench], None], ...] = (
    text_round_trips,
    created_policy_equals_its_base,
    names_are_checked,
    seed_decides_the_draw,
    draws_fit_the_request,
    greedy_is_repeatable,
    prompts_keep_their_order,
    logprobs_equal_scores,
    prompts_may_be_unlike,
    top_tokens_are_the_likeliest,
    limits_end_a_completion,
)
