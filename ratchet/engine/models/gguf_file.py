"""Converting a GGUF file of a Llama model to what transformers loads: config, tokenizer, weights.

Weights are stored as float32. A Q4_1 weight is scale * q + offset with half-precision scale and
offset, which bfloat16 (8 significant bits) cannot hold.

Every numeral is a piece of its own, as llama.cpp does for this tokenizer; transformers' reader of
GGUF does that for ASCII digits alone.

Only what SmolLM2 needs is done: Llama architecture, byte-level BPE with single digits. Anything
else is refused.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from ratchet.core.errors import ModelError

_OUTER = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
_INNER = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_CONTROL = 3
"""The token type of special tokens in GGUF."""
_END_OF_TEXT = "<|endoftext|>"
"""Ends a document; a completion ends with it as with the end of a turn."""

Weights = NDArray[np.float32]


def convert(source: Path, folder: Path) -> None:
    """Write config.json, generation_config.json, tokenizer files and model.safetensors.

    Raises ModelError on a file that cannot be read or holds another kind of model.
    """
    import gguf  # 40 ms to import, needed once

    try:
        reader = gguf.GGUFReader(source)
        fields = {
            key: field.contents()
            for key, field in reader.fields.items()
            if not key.startswith("GGUF.")
        }
        _check(source, fields)
        weights = {
            _name(tensor.name): _dequantise(tensor, fields, gguf) for tensor in reader.tensors
        }
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelError(f"cannot read {source}: {error}", "reinstall it") from error
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    ends = [fields["tokenizer.ggml.eos_token_id"]]
    ends += [i for i, t in enumerate(fields["tokenizer.ggml.tokens"]) if t == _END_OF_TEXT]
    start = fields["tokenizer.ggml.bos_token_id"]
    pad = fields["tokenizer.ggml.padding_token_id"]
    special = {"bos_token_id": start, "eos_token_id": ends[0], "pad_token_id": pad}
    _write(folder / "config.json", {**_config(fields, "lm_head.weight" not in weights), **special})
    _write(folder / "generation_config.json", {**special, "eos_token_id": sorted(set(ends))})
    _write_tokenizer(folder, fields)


def _check(source: Path, fields: dict[str, Any]) -> None:
    expected = {
        "general.architecture": "llama",
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
    }
    for key, value in expected.items():
        if fields.get(key) != value:
            raise ModelError(
                f"{source}: {key} is {fields.get(key)!r}, and only {value!r} can be converted",
                "use a model in safetensors format",
            )


def _name(name: str) -> str:
    """Return the transformers name of a tensor."""
    stem, suffix = name.rsplit(".", 1)
    block = re.fullmatch(r"blk\.(\d+)\.(\w+)", stem)
    if block:
        return f"model.layers.{block[1]}.{_INNER[block[2]]}.{suffix}"
    return f"{_OUTER[stem]}.{suffix}"


def _dequantise(tensor: Any, fields: dict[str, Any], gguf: Any) -> Weights:
    weights: Weights = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
    if tensor.name.endswith("attn_q.weight"):
        weights = _part_halves(weights, fields["llama.attention.head_count"])
    if tensor.name.endswith("attn_k.weight"):
        weights = _part_halves(weights, fields["llama.attention.head_count_kv"])
    return np.ascontiguousarray(weights)


def _part_halves(weights: Weights, heads: int) -> Weights:
    """Undo GGUF's interleaving of the two rotary halves of each head."""
    rows, columns = weights.shape
    pairs = weights.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def _config(fields: dict[str, Any], tied: bool) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": fields["llama.embedding_length"],
        "intermediate_size": fields["llama.feed_forward_length"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_attention_heads": fields["llama.attention.head_count"],
        "num_key_value_heads": fields["llama.attention.head_count_kv"],
        "vocab_size": fields["llama.vocab_size"],
        "max_position_embeddings": fields["llama.context_length"],
        "rms_norm_eps": float(fields["llama.attention.layer_norm_rms_epsilon"]),
        "rope_theta": float(fields["llama.rope.freq_base"]),
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": tied,
        "torch_dtype": "float32",
    }


def _write_tokenizer(folder: Path, fields: dict[str, Any]) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens = fields["tokenizer.ggml.tokens"]
    kinds = fields["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [t for t, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in control])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[fields["tokenizer.ggml.bos_token_id"]],
        "eos_token": tokens[fields["tokenizer.ggml.eos_token_id"]],
        "pad_token": tokens[fields["tokenizer.ggml.padding_token_id"]],
        "unk_token": tokens[fields["tokenizer.ggml.unknown_token_id"]],
        "clean_up_tokenization_spaces": False,
        "chat_template": fields["tokenizer.chat_template"],
    }
    _write(folder / "tokenizer_config.json", settings)


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")
