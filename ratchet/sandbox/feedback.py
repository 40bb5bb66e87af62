"""What went wrong, as a short text for a model or a person; values and programs are only quoted."""

from __future__ import annotations

from itertools import islice

from ratchet.sandbox.judgement import Judgement, Ruling
from ratchet.sandbox.protocol import End, Value

_WORDS = {
    End.TIMEOUT: "it did not end in the time allowed",
    End.MEMORY: "it asked for more memory than allowed",
    End.OUTPUT: "it wrote more output than allowed",
    End.KILLED: "it crashed or did something forbidden",
    End.ERROR: "it stopped early",
}


def feedback(judgement: Judgement, limit: int = 600, *, reveal: bool = True) -> str:
    """Return at most ``limit`` characters on the first failure; empty if the program passed.

    ``reveal`` shows the expected value; without it a retry must work from the input alone.
    """
    failure = judgement.failure
    if failure is None:
        return ""
    if judgement.ruling is Ruling.UNDECIDED:
        return cut(f"Not decided: {failure.message}", limit)
    lines = ["Failed" + (f" on test {failure.case + 1}" if failure.case >= 0 else "") + "."]
    if failure.call:
        lines.append(f"Call: {failure.call}")
    if failure.error:
        where = f" (line {failure.line})" if failure.line else ""
        message = f": {failure.message}" if failure.message else ""
        lines.append(f"Error: {failure.error}{where}{message}")
    elif failure.message:
        lines.append(f"Problem: {failure.message}")
    if failure.expected and reveal:
        lines.append(f"Expected: {failure.expected}")
    if failure.got:
        lines.append(f"Got: {failure.got}")
    return cut("\n".join(lines), limit)


def word(end: End) -> str:
    """Return what an end means, in words."""
    return _WORDS.get(end, str(end))


def show(value: Value, limit: int = 200) -> str:
    """Return a value as Python writes it, cut to ``limit`` characters. Total: any depth, any size.

    A huge value costs no more than a small one: at most ``limit`` items of a container are read.
    """
    parts: list[str] = []
    stack: list[Value | _Text] = [value]
    while stack and sum(map(len, parts)) <= limit:
        item = stack.pop()
        if type(item) is list:
            row: list[Value | _Text] = [_Text("[")]
            for index, element in enumerate(item[: limit + 1]):
                row += [_Text(", "), element] if index else [element]
            stack += [_Text("]"), *reversed(row)]
        elif type(item) is dict:
            row = [_Text("{")]
            for index, (key, element) in enumerate(islice(item.items(), limit + 1)):
                row += [_Text(", " if index else ""), key, _Text(": "), element]
            stack += [_Text("}"), *reversed(row)]
        else:
            parts.append(item.text if isinstance(item, _Text) else _atom(item, limit))
    return cut("".join(parts), limit)


def cut(text: str, limit: int) -> str:
    """Return a printable text of at most ``limit`` characters, marked where it was cut off."""
    clean = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: max(0, limit - 3)] + "..."[:limit]


class _Text:
    """Punctuation among the values still to be shown."""

    def __init__(self, text: str) -> None:
        self.text = text


def _atom(item: Value, limit: int) -> str:
    if type(item) is int and item.bit_length() > 1000:
        return f"<an integer of {item.bit_length()} bits>"
    if type(item) is str:
        return repr(item[: limit + 1])
    return repr(item)
