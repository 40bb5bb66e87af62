"""Sampling against ``transformers.generate``: ``python -m bench.sampler [--json]``.

SmolLM2-135M in float32, random prompts of 64 tokens without a common prefix, 32 new tokens,
temperature 1, nothing stops early. ``generate`` is used as well as it can be: batched, a group's
prompt given once as ``num_return_sequences``. Then rollouts with two tool results, against
``generate`` on each turn's whole texts and against our own sampler made to read them anew (which
still reads what texts share once), and the million-weight model at 512 rows.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
import transformers

from bench.paired import Row, arguments, clock, compare, geomean, report
from bench.workload import Prompts, Shapes, fill_adapter, peak_flops, random_prompts
from ratchet.engine import models
from ratchet.engine.local import LocalEngine
from ratchet.engine.local.network import Network
from ratchet.engine.protocol import Adapter, Sampling

GROUPS = ((16, 1), (16, 8), (4, 32), (64, 2))
"""(prompts, completions of each)."""
PROMPT, NEW = 64, 32


def main() -> None:
    """Measure and print."""
    options = arguments()
    engine = LocalEngine(threads=options.threads)
    engine.create("p", "smollm2", Adapter(16))
    fill_adapter(engine, "p")
    engine.create("bare", "smollm2", Adapter(16))  # B = 0: the base itself
    for name in ("p", "bare"):
        _make_endless(engine, name)
    peer = _load_peer()
    rows = [_against_generate(engine, peer, groups, options.rounds) for groups in GROUPS]
    turns = _turns(engine, peer, options.rounds)
    share, every, rate = _shape_share(engine, "p")
    bare_share, _, bare_rate = _shape_share(engine, "bare")
    tiny = _tiny(options.threads)
    peak = peak_flops(options.threads)
    summary = {
        "ratio_geomean": geomean([row.ratio for row in rows]),
        "ratio_lowest": min(row.ratio for row in rows),
        "shape_limited_share": share,
        "shape_limited_share_with_the_adapters_products": every,
        "shape_limited_share_without_adapter": bare_share,
        "decode_tokens_per_s_at_128_rows": 128 / rate,
        "decode_tokens_per_s_without_adapter": 128 / bare_rate,
        "multi_turn_ratio": turns[0].ratio,
        "multi_turn_ratio_to_ours_reading_anew": turns[1].ratio,
        "tiny_tokens_per_s": tiny,
        "machine_peak_gflops": peak / 1e9,
        "share_of_peak_at_128_rows": Shapes(_network(engine), 128).flops() / rate / peak,
    }
    notes = [
        "ours: a policy with a LoRA adapter of rank 16, not merged; peer: the bare model",
        f"threads {options.threads}, rounds {options.rounds}, torch {torch.__version__}, "
        f"transformers {transformers.__version__}",
    ]
    report("sampling, SmolLM2-135M", [*rows, *turns], summary, notes, options.json)


def _make_endless(engine: LocalEngine, name: str) -> None:
    """Take the end token away, so that nothing stops early."""
    policy = engine.policy(name)
    policy.base = dataclasses.replace(policy.base, ends=frozenset())


def _network(engine: LocalEngine) -> Network:
    network = engine.policy("p").network
    assert isinstance(network, Network)
    return network


def _load_peer() -> Any:
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(
        models.resolve("smollm2"), dtype=torch.float32
    )
    return model.eval()


def _against_generate(engine: LocalEngine, peer: Any, groups: tuple[int, int], rounds: int) -> Row:
    count, n = groups
    prompts = random_prompts(count, PROMPT, 49152)
    tokens = torch.tensor(prompts)

    def ours() -> object:
        drawn = engine.sample("p", prompts, Sampling(seed=1, max_tokens=NEW, n=n))
        assert all(len(c.tokens) == NEW for group in drawn for c in group)
        return drawn

    def theirs() -> object:
        whole = _generate(peer, tokens, n, NEW)
        assert whole.shape == (count * n, PROMPT + NEW)
        return whole

    return compare(f"{count} prompts x {n}", ours, theirs, rounds)


def _generate(peer: Any, tokens: torch.Tensor, n: int, new: int) -> Any:
    """Return what ``generate`` writes after prompts of one length, with the prompts."""
    with torch.inference_mode():
        return peer.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            num_return_sequences=n,
            max_new_tokens=new,
            min_new_tokens=new,
            pad_token_id=0,
        )


def _turns(engine: LocalEngine, peer: Any, rounds: int) -> tuple[Row, Row]:
    """Three turns of 8 tokens with results of 4 between, 16 prompts x 8."""
    prompts = [p for p in random_prompts(16, PROMPT, 49152) for _ in range(8)]
    result = (33, 34, 35, 36)

    def roll(anew: bool) -> None:
        texts: Prompts = list(prompts)
        for turn in range(3):
            if anew:
                engine.drop(engine.pin("p"))  # forgets what was read
            drawn = engine.sample("p", texts, Sampling(seed=turn, max_tokens=8, stop=("\0",)))
            texts = [(*t, *c[0].tokens, *result) for t, c in zip(texts, drawn, strict=True)]

    def generate() -> None:
        texts = torch.tensor(prompts)
        for turn in range(3):
            start, n = (texts[::8], 8) if turn == 0 else (texts, 1)
            whole = _generate(peer, start, n, 8)
            texts = torch.cat([whole, torch.tensor([result] * len(prompts))], dim=1)

    def ours() -> None:
        roll(False)

    return (
        compare("two tool results", ours, generate, rounds),
        compare("the same, ours reading anew", ours, lambda: roll(True), rounds),
    )


def _shape_share(engine: LocalEngine, name: str) -> tuple[float, float, float]:
    """Return the share of a decode step at 128 rows that the base's products take, that they and an
    adapter's take, and its time."""
    prompts = random_prompts(16, PROMPT, 49152)

    def draw(tokens: int) -> float:
        return clock(lambda: engine.sample(name, prompts, Sampling(seed=1, max_tokens=tokens, n=8)))

    products = [Shapes(_network(engine), 128, rank).step() for rank in (0, 16)]
    draw(2)
    steps: list[float] = []
    alone: list[list[float]] = [[], []]
    for _ in range(3):
        steps.append((draw(1 + NEW) - draw(1)) / NEW)
        for found, work in zip(alone, products, strict=True):
            found.append(min(clock(work) for _ in range(4)))
    step = sorted(steps)[1]
    return sorted(alone[0])[1] / step, sorted(alone[1])[1] / step, step


def _tiny(threads: int) -> float:
    """Return sampled tokens a second of the tiny model at 512 rows."""
    engine = LocalEngine(threads=threads)
    engine.create("p", "tiny", Adapter(8))
    fill_adapter(engine, "p")
    _make_endless(engine, "p")
    prompts = [engine.encode("p", f"Q: {i} + {i * 7 % 90}\nA:") for i in range(64)]
    sampling = Sampling(seed=1, max_tokens=NEW, n=8)
    engine.sample("p", prompts, sampling)
    times = [clock(lambda: engine.sample("p", prompts, sampling)) for _ in range(5)]
    return 512 * NEW / sorted(times)[2]


if __name__ == "__main__":
    main()
