"""One peer's work of ``bench.symbolic``, once: PEER SECONDS SEED; rows come in as JSON.

It runs in the environment of the peers and needs nothing of Ratchet. Prints what the peer found,
its predictions for the rows beyond, and the seconds it took, imports apart.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings
from typing import Any

import numpy as np

POPULATION = 500


def main() -> None:
    """Fit and print."""
    warnings.simplefilter("ignore")
    peer, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    given = json.load(sys.stdin)
    x, y, far = (np.array(given[name]) for name in ("x", "y", "far"))
    make = {"gplearn": _gplearn, "pyoperon": _pyoperon}[peer]
    importlib.import_module(f"{peer}.{'genetic' if peer == 'gplearn' else 'sklearn'}")
    start = time.perf_counter()
    model, told = make(x, y, seconds, seed)
    spent = time.perf_counter() - start
    with np.errstate(all="ignore"):
        found = [float(v) for v in np.nan_to_num(model.predict(far), nan=1e6)]
    print(json.dumps({"predicted": found, "seconds": spent, "model": told}))


def _gplearn(x: np.ndarray, y: np.ndarray, seconds: float, seed: int) -> tuple[Any, str]:
    """Generation by generation until the time is over."""
    from gplearn.genetic import SymbolicRegressor

    model = SymbolicRegressor(
        population_size=POPULATION,
        generations=1,
        function_set=("add", "sub", "mul", "div", "log", "sqrt", "inv"),
        parsimony_coefficient=0.001,
        warm_start=True,
        random_state=seed,
    )
    end = time.perf_counter() + seconds
    model.fit(x, y)
    while time.perf_counter() < end:
        model.set_params(generations=model.generations + 1)
        model.fit(x, y)
    return model, str(model._program)


def _pyoperon(x: np.ndarray, y: np.ndarray, seconds: float, seed: int) -> tuple[Any, str]:
    """With its own limit of time, one thread, and constants fitted by Levenberg-Marquardt."""
    from pyoperon.sklearn import SymbolicRegressor

    model = SymbolicRegressor(
        allowed_symbols="add,sub,mul,div,exp,log,pow,constant,variable",
        population_size=POPULATION,
        pool_size=POPULATION,
        generations=10**6,
        max_evaluations=10**9,
        max_length=30,
        optimizer_iterations=10,
        max_time=max(1, round(seconds)),
        n_threads=1,
        random_state=seed,
    )
    model.fit(x, y)
    return model, str(model.get_model_string(model.model_, 4))


if __name__ == "__main__":
    main()
