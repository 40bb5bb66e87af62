"""SmolLM2 as we convert it is SmolLM2 as transformers reads the same file."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from ratchet.engine.models import smollm2
from ratchet.engine.models.folder import find_damage

TEXTS = [
    "Q: 12 + 345*6\nA: <calc>12+345*6</calc> = 2082\n",
    "The capital of France is",
    "<|im_start|>user\nWhat's 23+45?<|im_end|>\n<|im_start|>assistant\n",
    "héllo wörld  日本 1999 🙂\t\ttabs\n\n\n   spaces",
    "def f(x):\n    return x**2  # 3.14\n<|endoftext|><repo_name>",
    "I'm you're 100,000.50 e-mail@x.org",
]


@pytest.mark.slow
def test_conversion_equals_the_loader_of_transformers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = smollm2.find_source()
    assert source is not None, f"{smollm2.PACKAGE} is missing: run make test-full"
    has_accelerate = importlib.util.find_spec("accelerate") is not None
    assert has_accelerate, "accelerate is missing: pip install ratchet-rsi[dev]"
    monkeypatch.setenv("RATCHET_CACHE", str(tmp_path))
    home = smollm2.open_smollm2()
    assert find_damage(home, contents=True) is None
    auto: Any = transformers.AutoModelForCausalLM
    ours = auto.from_pretrained(home, dtype=torch.float32).eval()
    file = {"gguf_file": source.name, "local_files_only": True}
    theirs = auto.from_pretrained(source.parent, dtype=torch.float32, **file).eval()
    words: Any = transformers.AutoTokenizer
    mine, other = words.from_pretrained(home), words.from_pretrained(source.parent, **file)
    ends = 0
    for text in TEXTS:
        tokens = mine.encode(text, add_special_tokens=False)
        assert tokens == other.encode(text, add_special_tokens=False), text
        assert mine.decode(tokens) == text
        batch = torch.tensor([tokens])
        with torch.inference_mode():
            gap = (ours(batch).logits - theirs(batch).logits).abs().max()
        assert float(gap) <= 1e-4, text
        ends += tokens.count(mine.eos_token_id)
    assert ends == 1  # the chat marker is one token
    for name, weight in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], weight), name
    assert mine.chat_template == other.chat_template
