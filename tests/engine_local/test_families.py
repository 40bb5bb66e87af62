"""Models of other families than Llama: read as our own network, or through their own forward."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from ratchet.core.seeds import Seed
from ratchet.engine.local import LocalEngine, foreign
from ratchet.engine.local.export import export_merged
from ratchet.engine.local.foreign import Foreign
from ratchet.engine.local.network import Network
from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.engine.models.random_llama import write_random_llama
from ratchet.engine.protocol import Adapter, Completion, Full, Optim, Sampling

SIZES: dict[str, Any] = {
    "vocab_size": 97,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "bos_token_id": None,
    "eos_token_id": 0,
    "pad_token_id": None,
    "initializer_range": 0.2,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
OURS: dict[str, Any] = {
    "llama3": transformers.LlamaConfig(**SIZES, rope_parameters=LLAMA3, head_dim=32),
    "llama_bias": transformers.LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True),
    "mistral": transformers.MistralConfig(**SIZES, sliding_window=None),
    "qwen2": transformers.Qwen2Config(**SIZES, tie_word_embeddings=False),
    "qwen3": transformers.Qwen3Config(**SIZES, head_dim=16, tie_word_embeddings=True),
}
THEIRS = transformers.GPT2Config(
    vocab_size=97,
    n_embd=64,
    n_layer=2,
    n_head=4,
    n_positions=128,
    eos_token_id=0,
    bos_token_id=None,
    initializer_range=0.2,
)
PROMPTS = [(1, 2, 3, 4, 5), (1, 2, 3, 9), (1, 2, 3, 9, 8, 7, 6)]
GREEDY = Sampling(seed=0, max_tokens=8, temperature=0.0)
ROW = Row((5, 6, 7, 8, 9, 10), (0.0, 0.0, 1.0, 1.0, 1.0, 1.0))


def write(folder: Path, config: Any) -> str:
    """Write a random model of a configuration, with the character tokenizer."""
    write_random_llama(folder, Seed(1))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = transformers.AutoModelForCausalLM.from_config(config)
        for name, tensor in model.named_parameters():
            if name.endswith(("bias", "norm.weight")):
                torch.nn.init.normal_(tensor, 1.0, 0.3)
    model.save_pretrained(folder)
    return str(folder)


def check_against_transformers(engine: LocalEngine, base: str, folder: Path) -> None:
    """Greedy tokens, log-probabilities, a training step, export."""
    plain: Any = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    for name, kind in (("adapter", Adapter(4)), ("full", Full())):
        engine.create(name, base, kind)
        for prompt, (written,) in zip(PROMPTS, engine.sample(name, PROMPTS, GREEDY), strict=True):
            tokens = torch.tensor([prompt])
            whole = plain.generate(tokens, max_new_tokens=8, do_sample=False)
            assert written.tokens == tuple(whole[0, len(prompt) :].tolist())
            with torch.inference_mode():
                logp = plain(whole).logits[0].log_softmax(1)
            at = range(len(prompt) - 1, len(prompt) - 1 + len(written.tokens))
            expected = [float(logp[i, t]) for i, t in zip(at, written.tokens, strict=True)]
            assert written.logprobs == pytest.approx(expected, abs=1e-4)
        first = engine.forward_backward(name, Batch((ROW,)), CrossEntropy()).loss
        engine.optim_step(name, Optim(lr=1e-3))
        assert engine.forward_backward(name, Batch((ROW,)), CrossEntropy()).loss < first
        out = export_merged(engine, name, folder / name)
        theirs: Any = transformers.AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
        with torch.inference_mode():
            logp = theirs(torch.tensor([ROW.tokens])).logits[0].log_softmax(1)
        expected = [float(logp[i, t]) for i, t in enumerate(ROW.tokens[1:])]
        assert engine.score(name, [ROW.tokens])[0].logprobs == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", OURS)
def test_families_are_read_as_our_own_network(
    engine: LocalEngine, tmp_path: Path, name: str
) -> None:
    base = write(tmp_path / "model", OURS[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        engine.create("p", base, Adapter(4))
    assert isinstance(engine.policy("p").network, Network)
    check_against_transformers(engine, base, tmp_path)


def test_other_families_go_through_their_own_forward(engine: LocalEngine, tmp_path: Path) -> None:
    base = write(tmp_path / "model", THEIRS)
    with pytest.warns(UserWarning, match="GPT2LMHeadModel"):
        engine.create("p", base, Full())
    assert isinstance(engine.policy("p").network, Foreign)
    plain: Any = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    drawn = engine.sample("p", PROMPTS, GREEDY)
    for prompt, (written,) in zip(PROMPTS, drawn, strict=True):
        whole = plain.generate(torch.tensor([prompt]), max_new_tokens=8, do_sample=False)
        assert written.tokens == tuple(whole[0, len(prompt) :].tolist())
    first = engine.forward_backward("p", Batch((ROW,)), CrossEntropy()).loss
    engine.optim_step("p", Optim(lr=1e-3))
    assert engine.forward_backward("p", Batch((ROW,)), CrossEntropy()).loss < first


def test_other_families_go_on_within_a_call(
    engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing appended, a row writes what it would have written without stop texts."""
    monkeypatch.setattr(foreign, "ROWS", 5)
    with pytest.warns(UserWarning, match="GPT2LMHeadModel"):
        engine.create("p", write(tmp_path / "model", THEIRS), Full())
    sampling = Sampling(seed=3, max_tokens=24, n=3)
    whole = engine.sample("p", PROMPTS, sampling)
    stops = tuple({engine.decode("p", c.tokens[1:2]) for group in whole for c in group} - {""})
    told: list[list[Completion]] = [[] for _ in range(9)]

    def follow(place: int, completion: Completion) -> tuple[int, ...] | None:
        told[place].append(completion)
        return () if completion.tokens[-1] != 0 else None

    last = engine.sample("p", PROMPTS, replace(sampling, stop=stops), follow)
    assert max(map(len, told)) > 2
    assert [c for group in last for c in group] == [seen[-1] for seen in told]
    joined = [tuple(token for c in seen for token in c.tokens) for seen in told]
    assert joined == [c.tokens for group in whole for c in group]


def test_a_window_that_is_too_short_is_refused(engine: LocalEngine, tmp_path: Path) -> None:
    config = transformers.MistralConfig(**SIZES, sliding_window=16)
    base = write(tmp_path / "model", config)
    engine.create("p", base, Adapter(4))
    engine.score("p", [tuple(range(1, 17))])
    with pytest.raises(Exception, match="window of 16"):
        engine.score("p", [tuple(range(1, 30))])
