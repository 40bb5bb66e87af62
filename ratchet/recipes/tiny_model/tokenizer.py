"""The tiny model's tokenizer: one token a character, in the file format of tokenizers."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"
SPECIAL = (PAD, EOS, UNKNOWN)
"""The special tokens; their ids are 0, 1 and 2."""
PAD_ID, EOS_ID = SPECIAL.index(PAD), SPECIAL.index(EOS)
CHARACTERS = ("\n", *map(chr, range(ord(" "), ord("~") + 1)))
"""The line end and the 95 printable characters of ASCII, in the order of their ids."""
VOCABULARY = len(SPECIAL) + len(CHARACTERS)
"""Number of tokens."""


def create_tokenizer() -> Tokenizer:
    """Return the tokenizer. Decoding gives back any text of ``CHARACTERS``; others are unknown.

    The names of the special tokens are read as such, also when they are written out in a text.
    """
    ids = {text: at for at, text in enumerate((*SPECIAL, *CHARACTERS))}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in SPECIAL])
    return tokenizer


def save_tokenizer(folder: Path, longest: int) -> None:
    """Write tokenizer.json and tokenizer_config.json; ``longest`` is the model's context."""
    create_tokenizer().save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": EOS,
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "clean_up_tokenization_spaces": False,
        "model_max_length": longest,
    }
    text = json.dumps(config, indent=2) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
