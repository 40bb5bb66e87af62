"""What every engine must do, as a suite that any back-end can run against itself.

    from ratchet.engine.conformance import check_engine
    check_engine(lambda: MyEngine(...), "tiny", ["2+3=", "7-1="], trainable=Full(), tolerance=1e-4)

``sampling``, ``following``, ``losses``, ``training`` and ``keeping`` hold the checks, ``bench``
what they share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ratchet.engine.conformance import following, keeping, losses, sampling, training
from ratchet.engine.conformance.bench import Bench, Broken, ConformanceError
from ratchet.engine.protocol import Adapter, Engine, Full

__all__ = ["CHECKS", "ConformanceError", "check_engine"]

CHECKS: tuple[Callable[[Bench], None], ...] = (
    *sampling.CHECKS,
    *following.CHECKS,
    *training.CHECKS,
    *losses.CHECKS,
    *keeping.CHECKS,
)
"""Every check in the order it runs: what later ones rely on comes first."""


def check_engine(
    make: Callable[[], Engine],
    base: str,
    prompts: Sequence[str],
    *,
    trainable: Adapter | Full,
    tolerance: float,
) -> list[str]:
    """Run every check and return the names of those passed; the first that fails raises.

    ``make`` returns a fresh engine that knows ``base``, whose vocabulary is larger than 2. At least
    two prompts are needed, not all
    with the same greedy completion, one of which is two tokens or longer. ``tolerance`` is the
    difference in a log-probability (nats) that rounding may make, e.g. 1e-9 in float64, 1e-4 in
    float32. Raises ConformanceError naming the check.
    """
    passed: list[str] = []
    for check in CHECKS:
        bench = Bench(make, base, tuple(prompts), trainable, tolerance)
        try:
            check(bench)
        except Exception as error:
            what = str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}"
            raise ConformanceError(
                f"{check.__name__}: {what}", f"read {check.__module__}.{check.__name__}"
            ) from error
        finally:
            bench.close()
        passed.append(check.__name__)
    return passed
