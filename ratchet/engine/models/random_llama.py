"""A random Llama with a character tokenizer: something real to try an engine on at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from ratchet.core.seeds import Seed

END = "<end>"
"""The end-of-text token; its id is 0."""
CHARACTERS = "".join(map(chr, range(32, 127))) + "\n"
"""Characters with a token each, ids from 1."""


def write_random_llama(
    folder: Path,
    seed: Seed,
    *,
    layers: int = 2,
    width: int = 64,
    heads: int = 4,
    key_heads: int = 2,
    scale: float = 0.2,
    tied: bool = True,
) -> Path:
    """Fill a folder that transformers loads and return it.

    Weights are normal with deviation ``scale``; the larger it is, the surer the model. ``width``
    is a multiple of ``heads``, ``heads`` of ``key_heads``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size, inner, key_width = len(CHARACTERS) + 1, 2 * width, width // heads * key_heads
    shapes = {"model.embed_tokens.weight": (size, width), "model.norm.weight": (width,)}
    if not tied:
        shapes["lm_head.weight"] = (size, width)
    for i in range(layers):
        block = f"model.layers.{i}."
        shapes[f"{block}input_layernorm.weight"] = (width,)
        shapes[f"{block}post_attention_layernorm.weight"] = (width,)
        shapes[f"{block}self_attn.q_proj.weight"] = (width, width)
        shapes[f"{block}self_attn.k_proj.weight"] = (key_width, width)
        shapes[f"{block}self_attn.v_proj.weight"] = (key_width, width)
        shapes[f"{block}self_attn.o_proj.weight"] = (width, width)
        shapes[f"{block}mlp.gate_proj.weight"] = (inner, width)
        shapes[f"{block}mlp.up_proj.weight"] = (inner, width)
        shapes[f"{block}mlp.down_proj.weight"] = (width, inner)
    rng = seed.child("random_llama").rng()
    weights = {
        name: np.ones(shape, np.float32)
        if len(shape) == 1
        else (scale * rng.standard_normal(shape)).astype(np.float32)
        for name, shape in shapes.items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": key_heads,
        "vocab_size": size,
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5,
        "hidden_act": "silu",
        "tie_word_embeddings": tied,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": 0,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    vocabulary = {END: 0, **{c: i for i, c in enumerate(CHARACTERS, start=1)}}
    tokenizer = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token=END))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens([END])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
