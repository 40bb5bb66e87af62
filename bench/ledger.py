"""What keeping a run provable costs: ledger, records, versions and gate as a share of its time.

    python -m bench.ledger                       # the toys as shipped, in seconds
    python -m bench.ledger agent0 --tier tiny    # minutes
    python -m bench.ledger agent0 --tier smol --generations 2

Time is measured around the calls themselves, in the run's own process; anchors are drawn and scored
inside the gate, and that is the evaluator's share, not the gate's.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from ratchet.loop.folder import RunFolder
from ratchet.loop.gate import IntervalGate
from ratchet.loop.ledger import Ledger
from ratchet.loop.loop import Loop
from ratchet.loop.pair import Pair
from ratchet.loop.sequential_gate import SequentialGate
from ratchet.loop.versions import Store
from ratchet.recipes.launch import find_method

PARTS: dict[str, tuple[tuple[type, str], ...]] = {
    "ledger": ((Ledger, "append"), (Ledger, "entries"), (Ledger, "__init__")),
    "records": ((RunFolder, "write_records"), (RunFolder, "read_records")),
    "versions": ((Store, "close"), (Store, "open"), (Store, "keep")),
    "gate": ((IntervalGate, "decide"), (SequentialGate, "decide")),
    "drawing": ((Pair, "__call__"),),
}


class Clock:
    """Seconds by part; time inside another part counts for the inner one alone."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self._inner = [0.0]

    def watch(self, part: str, kind: type, name: str) -> None:
        """Time every call of a method."""
        method: Callable[..., Any] = getattr(kind, name)

        @wraps(method)
        def timed(*given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            self._inner.append(0.0)
            try:
                return method(*given, **named)
            finally:
                whole = time.perf_counter() - began
                self.seconds[part] += whole - self._inner.pop()
                self._inner[-1] += whole

        setattr(kind, name, timed)


def measure(
    recipe: str, tier: str, generations: int, clock: Clock
) -> tuple[float, dict[str, float]]:
    """Run a recipe in a scratch folder; return its seconds, whole and by part."""
    method = find_method(recipe)
    config = method.configure(tier or None, **({"generations": generations} if generations else {}))
    before = dict(clock.seconds)
    with tempfile.TemporaryDirectory() as scratch:
        folder = RunFolder(Path(scratch) / "run")
        folder.path.mkdir()
        config.write(folder.config)
        store = folder.store()
        made = method.module.build(config, store)
        began = time.perf_counter()
        Loop(made, config, folder, store).run()
        whole = time.perf_counter() - began
    return whole, {part: clock.seconds[part] - before[part] for part in PARTS}


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=["toy_program", "toy_policy"])
    parser.add_argument("--tier", default="")
    parser.add_argument("--generations", type=int, default=0, help="fewer than the tier has")
    given = parser.parse_args()
    clock = Clock()
    for part, methods in PARTS.items():
        for kind, name in methods:
            clock.watch(part, kind, name)
    for recipe in given.recipes:
        whole, parts = measure(recipe, given.tier, given.generations, clock)
        kept = sum(seconds for part, seconds in parts.items() if part != "drawing")
        told = ", ".join(f"{part} {1000 * s:.0f} ms" for part, s in parts.items())
        print(f"{recipe}: {whole:.2f} s, of it {100 * kept / whole:.1f}% kept: {told}")


if __name__ == "__main__":
    main()
