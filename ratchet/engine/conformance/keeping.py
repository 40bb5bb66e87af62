"""Checks of pin, drop, save and load."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ratchet.core.codec import hash_files
from ratchet.core.errors import EngineError
from ratchet.engine.conformance.bench import Bench, refused, require, spread
from ratchet.engine.losses import Batch, CrossEntropy, Row
from ratchet.engine.protocol import Optim


def pin_stays_fixed(bench: Bench) -> None:
    """A pinned copy keeps its scores while its policy is trained and dropped; it never trains."""
    name = bench.policy()
    rows = bench.lines(name)
    bench.train(name, rows)
    pinned = bench.engine.pin(name)
    bench.names.append(pinned)
    before = bench.lps(name, rows)
    require(bench.lps(pinned, rows) == before, "a pinned copy differs from its policy")
    bench.train(name, rows)
    require(bench.lps(name, rows) != before, "a pinned policy cannot be trained any more")
    require(bench.lps(pinned, rows) == before, "training the policy moved its pinned copy")
    with refused("training a pinned copy"):
        bench.engine.forward_backward(pinned, Batch(tuple(rows)), CrossEntropy())
    bench.engine.drop(name)
    require(bench.lps(pinned, rows) == before, "dropping the policy changed its pinned copy")
    bench.engine.drop(pinned)
    with refused("scoring a dropped pinned copy"):
        bench.lps(pinned, rows)


def dropping_frees_the_name(bench: Bench) -> None:
    """A dropped policy is gone, and its name makes a new one that equals the base."""
    name, other = bench.policy(), bench.policy()
    rows = bench.lines(name)
    bench.train(name, rows)
    bench.engine.drop(name)
    with refused("scoring a dropped policy"):
        bench.lps(name, rows)
    try:
        bench.engine.create(name, bench.base, bench.trainable)
    except EngineError as error:
        require(False, f"the name of a dropped policy is not free: {error}")
    require(bench.same(bench.lps(name, rows), bench.lps(other, rows)), "it kept what it learned")


def saved_policy_continues(bench: Bench) -> None:
    """A loaded policy scores bit for bit alike and, with its moments, learns on alike."""
    name, rows = _practised(bench)
    against = [_against(row) for row in rows]
    with _folder() as folder:
        bench.engine.save(name, folder / "first")
        fresh = bench.make()
        for engine, copy in ((bench.engine, "loaded"), (fresh, "elsewhere")):
            engine.load(copy, folder / "first")
            same = bench.lps(copy, rows, engine) == bench.lps(name, rows)
            require(same, "a loaded policy does not score bit for bit as it was saved")
        bench.names.append("loaded")
        with refused("loading to a taken name"):
            bench.engine.load("loaded", folder / "first")
        bench.engine.save("loaded", folder / "second")
        same = hash_files(folder / "first") == hash_files(folder / "second")
        require(same, "saving a loaded policy gives other files")
    bench.train(name, against)
    bench.train("loaded", against)
    gap = spread(bench.lps(name, rows), bench.lps("loaded", rows))
    require(gap <= bench.tolerance, f"after loading, training goes on {gap:.3g} nats apart")
    fresh.drop("elsewhere")


def load_without_optimiser_starts_fresh(bench: Bench) -> None:
    """Saved without moments, over a folder that had them, a policy's optimiser starts anew."""
    name, rows = _practised(bench)
    against = [_against(row) for row in rows]
    with _folder() as folder:
        bench.engine.save(name, folder)
        bench.engine.save(name, folder, optimiser=False)
        bench.engine.load("fresh", folder)
    bench.names.append("fresh")
    before = bench.lps(name, rows)
    require(bench.lps("fresh", rows) == before, "weights saved alone differ")
    bench.train(name, against)
    bench.train("fresh", against)
    went_on = spread(bench.lps(name, rows), bench.lps("fresh", rows)) <= bench.tolerance
    require(not went_on, "moments came back though they were not saved")


def damaged_files_are_refused(bench: Bench) -> None:
    """A folder without a policy, or with any file cut to half, is refused; the name stays free."""
    name, rows = _practised(bench)
    with _folder() as folder:
        with refused("a folder without a policy"):
            bench.engine.load("damaged", folder)
        bench.engine.save(name, folder)
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            whole = path.read_bytes()
            path.write_bytes(whole[: len(whole) // 2])
            with refused(f"{path.name} cut to half"):
                bench.engine.load("damaged", folder)
            path.write_bytes(whole)
        bench.engine.load("damaged", folder)
    bench.names.append("damaged")
    require(bench.lps("damaged", rows) == bench.lps(name, rows), "a whole folder loads otherwise")


def _practised(bench: Bench) -> tuple[str, list[Row]]:
    """Return a policy with two steps of momentum, and the rows it learned."""
    name = bench.policy()
    rows = bench.lines(name)
    for _ in range(2):
        bench.train(name, rows, CrossEntropy(), Optim(lr=0.01))
    return name, rows


def _against(row: Row) -> Row:
    """Return the row to be unlearned: with moments a step still goes forward, without them back."""
    return replace(row, weights=tuple(-weight for weight in row.weights))


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


CHECKS: Sequence[Callable[[Bench], None]] = (
    pin_stays_fixed,
    dropping_frees_the_name,
    saved_policy_continues,
    load_without_optimiser_starts_fresh,
    damaged_files_are_refused,
)
