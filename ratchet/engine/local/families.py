"""Reading a Hugging Face model of the Llama family into a network of our own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ratchet.engine.local.network import Block, Network, Product, Rope, Shape

FAMILIES = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
"""Classes whose layers are those of ``network.Block``."""
ROPES = ("default", "linear", "llama3", "yarn")
"""Rotary embeddings that depend on the position alone."""


def read_network(model: Any) -> Network | None:
    """Return the model as a network, its weights moved, or None if it is of another family.

    What was read is taken out of the model, which is not usable afterwards.
    """
    config, core = model.config, model.base_model
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    if type(model).__name__ not in FAMILIES or rope not in ROPES or config.hidden_act != "silu":
        return None
    named = _owned(model)
    blocks = tuple(
        _block(layer, f"{model.base_model_prefix}.layers.{i}.", named)
        for i, layer in enumerate(core.layers)
    )
    width = core.layers[0].self_attn.head_dim
    embedding = named[f"{model.base_model_prefix}.embed_tokens.weight"]
    return Network(
        shape=Shape(
            config.num_attention_heads,
            config.num_key_value_heads,
            width,
            config.rms_norm_eps,
            getattr(config, "sliding_window", None),
        ),
        embedding=embedding,
        blocks=blocks,
        norm=named[f"{model.base_model_prefix}.norm.weight"],
        head=named.get("lm_head.weight", embedding),
        rope=Rope(core.rotary_emb, embedding.dtype, embedding.device),
        named=named,
        dtype=embedding.dtype,
    )


def copy_network(network: Network) -> Network:
    """Return an independent network with weights of its own in float32, and no additions."""
    named = {name: tensor.detach().float().clone() for name, tensor in network.named.items()}
    embedding = _renamed(network, network.embedding, named)
    return Network(
        shape=network.shape,
        embedding=embedding,
        blocks=tuple(_copy_block(network, block, named) for block in network.blocks),
        norm=_renamed(network, network.norm, named),
        head=_renamed(network, network.head, named),
        rope=network.rope,
        named=named,
        dtype=network.dtype,
        recompute=network.recompute,
    )


def _owned(model: Any) -> dict[str, Tensor]:
    """Return the tensors by name, those that stay as they are in memory of their own.

    A loaded tensor may be a view of the mapped file, and one of them keeps all of it in memory.
    """
    layers = f"{model.base_model_prefix}.layers."
    return {
        name: parameter.detach()
        if name.startswith(layers) and parameter.dim() > 1
        else parameter.detach().clone()
        for name, parameter in model.named_parameters()
    }


def _block(layer: Any, prefix: str, named: dict[str, Tensor]) -> Block:
    attention, gated = layer.self_attn, layer.mlp
    has_norms = hasattr(attention, "q_norm")
    block = Block(
        before=named[f"{prefix}input_layernorm.weight"],
        qkv=_fuse([f"{prefix}self_attn.{n}_proj" for n in "qkv"], named),
        out=_fuse([f"{prefix}self_attn.o_proj"], named),
        between=named[f"{prefix}post_attention_layernorm.weight"],
        gate_up=_fuse([f"{prefix}mlp.gate_proj", f"{prefix}mlp.up_proj"], named),
        down=_fuse([f"{prefix}mlp.down_proj"], named),
        query_norm=named[f"{prefix}self_attn.q_norm.weight"] if has_norms else None,
        key_norm=named[f"{prefix}self_attn.k_norm.weight"] if has_norms else None,
    )
    # The fused copies replace these, a layer at a time, so that no second copy of all exists.
    for module in (attention, gated):
        for child in module.children():
            child._parameters.clear()
    return block


def _fuse(names: list[str], named: dict[str, Tensor]) -> Product:
    """Return one product and put the views of it in place of the layers' tensors."""
    weight, parts = _join([f"{name}.weight" for name in names], named)
    biased = f"{names[0]}.bias" in named
    bias, bias_parts = _join([f"{n}.bias" for n in names], named) if biased else (None, ())
    return Product(tuple(names), weight, parts, bias, bias_parts)


def _join(names: list[str], named: dict[str, Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
    with torch.no_grad():
        whole = torch.cat([named[name] for name in names])
    sizes = [len(named[name]) for name in names]
    parts = tuple(part.detach() for part in torch.split(whole, sizes))
    named.update(zip(names, parts, strict=True))
    return whole, parts


def _renamed(network: Network, tensor: Tensor, named: dict[str, Tensor]) -> Tensor:
    """Return the copy of one of a network's tensors."""
    return next(named[name] for name, own in network.named.items() if own is tensor)


def _copy_block(network: Network, block: Block, named: dict[str, Tensor]) -> Block:
    def of(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else _renamed(network, tensor, named)

    return Block(
        before=_renamed(network, block.before, named),
        qkv=_fuse(list(block.qkv.names), named),
        out=_fuse(list(block.out.names), named),
        between=_renamed(network, block.between, named),
        gate_up=_fuse(list(block.gate_up.names), named),
        down=_fuse(list(block.down.names), named),
        query_norm=of(block.query_norm),
        key_norm=of(block.key_norm),
    )
