"""Many independent pieces of work, each in a process of one thread; what is done is kept.

The result of a piece is one file, so that a bench that was cut off goes on where it stopped.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Result = Mapping[str, Any]
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def run_pieces(
    work: Callable[..., Result],
    pieces: Mapping[str, Sequence[Any]],
    out: Path,
    jobs: int,
    seconds: float,
) -> dict[str, Any]:
    """Do what is missing and return all results by name.

    ``pieces`` maps names, which may have slashes, to the arguments of their calls, in the order in
    which they are begun. After ``seconds``, which may be infinite, what is not done is given up.
    ``work`` is a function of a module, since processes are spawned.
    """
    missing = [name for name in pieces if not _file(out, name).is_file()]
    calls = [(work, pieces[name], _file(out, name)) for name in missing]
    start = time.monotonic()
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    context = multiprocessing.get_context("spawn")
    with context.Pool(max(1, min(jobs, len(missing)))) as pool:
        ended = pool.imap_unordered(_do, calls)
        for number in range(len(missing)):
            try:
                left = max(0.01, start + seconds - time.monotonic())
                path = ended.next(left if math.isfinite(left) else None)
            except multiprocessing.TimeoutError:
                print(f"out of time: {len(missing) - number} pieces are left", flush=True)
                break
            print(f"{time.monotonic() - start:6.0f} s  {path.relative_to(out)}", flush=True)
    done = (name for name in pieces if _file(out, name).is_file())
    return {name: json.loads(_file(out, name).read_text()) for name in done}


def _do(call: tuple[Callable[..., Result], Sequence[Any], Path]) -> Path:
    work, arguments, path = call
    start = time.perf_counter()
    result = {**work(*arguments), "seconds": time.perf_counter() - start}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".draft")
    draft.write_text(json.dumps(result, indent=1))
    draft.replace(path)
    return path


def _file(out: Path, name: str) -> Path:
    return out / f"{name}.json"
