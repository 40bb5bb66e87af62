"""A GGUF file written from known weights converts back to them, and loads in transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from ratchet.core.errors import ModelError
from ratchet.core.seeds import Seed
from ratchet.engine.models.gguf_file import convert
from ratchet.engine.models.random_llama import write_random_llama

TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TOKENS += [chr(c) for c in range(33, 126)] + ["Ġ", "Ċ", "an", "Ġan"]
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def interleave(weights: NDArray[Any], heads: int) -> NDArray[Any]:
    """Lay the two rotary halves of each head side by side, as GGUF stores them."""
    rows, columns = weights.shape
    halves = weights.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


def write_gguf(path: Path, weights: dict[str, NDArray[Any]], pre: str = "smollm") -> None:
    writer: Any = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_context_length(512)
    writer.add_embedding_length(64)
    writer.add_feed_forward_length(128)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(TOKENS)
    writer.add_token_types([3] * 3 + [1] * (len(TOKENS) - 3))
    writer.add_token_merges(["a n", "Ġ an"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_chat_template("{{ messages }}")
    for name, weight in weights.items():
        stem, block = name.removesuffix(".weight"), ""
        if stem.startswith("model.layers."):
            _, _, number, stem = stem.split(".", 3)
            block = f"blk.{number}."
        stored = interleave(weight, 4 if "q_proj" in stem else 2) if stem[-6:-5] in "qk" else weight
        writer.add_tensor(f"{block}{NAMES[stem]}.weight", np.ascontiguousarray(stored))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture
def known(tmp_path: Path) -> dict[str, NDArray[Any]]:
    folder = write_random_llama(tmp_path / "known", Seed(0))
    weights = dict(load_file(folder / "model.safetensors"))
    rows = Seed(1).rng().standard_normal((len(TOKENS), 64)).astype(np.float32)
    return {**weights, "model.embed_tokens.weight": rows}


def test_weights_come_back(tmp_path: Path, known: dict[str, NDArray[Any]]) -> None:
    write_gguf(tmp_path / "m.gguf", known)
    (tmp_path / "out").mkdir()
    convert(tmp_path / "m.gguf", tmp_path / "out")
    found = load_file(tmp_path / "out" / "model.safetensors")
    assert found.keys() == known.keys()
    for name, weight in known.items():
        np.testing.assert_array_equal(found[name], weight, err_msg=name)
    q = "model.layers.0.self_attn.q_proj.weight"
    assert not np.array_equal(interleave(known[q], 4), known[q])
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert model.generation_config.eos_token_id == [0, 2]
    assert model.config.rms_norm_eps == pytest.approx(1e-5)
    assert model.dtype == torch.float32
    assert torch.equal(model.lm_head.weight, model.model.embed_tokens.weight)


def test_tokenizer_splits_digits_and_knows_special_tokens(
    tmp_path: Path, known: dict[str, NDArray[Any]]
) -> None:
    write_gguf(tmp_path / "m.gguf", known)
    (tmp_path / "out").mkdir()
    convert(tmp_path / "m.gguf", tmp_path / "out")
    tokenizer = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    assert tokenizer.encode("12 an<|im_end|>").tokens == ["1", "2", "Ġan", "<|im_end|>"]
    ids = tokenizer.encode("<|im_start|>an 42\n").ids
    assert tokenizer.decode(ids) == "an 42\n"
    settings = json.loads((tmp_path / "out" / "tokenizer_config.json").read_text())
    assert settings["eos_token"] == "<|im_end|>" and "messages" in settings["chat_template"]


def test_other_kinds_are_refused(tmp_path: Path, known: dict[str, NDArray[Any]]) -> None:
    write_gguf(tmp_path / "m.gguf", known, pre="llama-bpe")
    with pytest.raises(ModelError, match=r"tokenizer\.ggml\.pre"):
        convert(tmp_path / "m.gguf", tmp_path)


def test_truncated_file_is_refused(tmp_path: Path, known: dict[str, NDArray[Any]]) -> None:
    write_gguf(tmp_path / "m.gguf", known)
    data = (tmp_path / "m.gguf").read_bytes()
    for size in (0, 100, len(data) // 2):
        (tmp_path / "m.gguf").write_bytes(data[:size])
        with pytest.raises(ModelError, match="cannot read"):
            convert(tmp_path / "m.gguf", tmp_path)
