"""The eight tasks of SLDBench (Lin et al., arXiv 2507.21184): columns, units, caps, physics.

Units are fixed numbers: a law never computes them from the rows it is given. What is declared of a
task's physics (how a target behaves without end) is prior knowledge and stated here, not searched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Variable:
    """A feature as laws see it."""

    column: str
    """Its column in the table."""
    unit: float = 1.0
    """What it is divided by."""
    kind: str = "size"
    """``size``: positive, counted in decades; ``share``: in [0, 1]; ``level``: any real number."""
    falls: bool = False
    """Whether the target must never rise as it grows."""
    rises: bool = False
    """Whether the target must never fall as it grows beyond the rows seen."""


@dataclass(frozen=True)
class Task:
    """One table and what must be known to fit laws to it."""

    name: str
    """Name of the file, without ``.csv``."""
    variables: Mapping[str, Variable]
    """Features by the short name used in expressions."""
    targets: tuple[str, ...]
    """Columns to be predicted; several are fitted one by one, by the same form."""
    cap: int
    """Most constants of one group and target."""
    beyond: tuple[str, ...]
    """Variables in whose largest values the hidden rows lie; empty: hidden rows are other mixtures,
    not larger ones."""
    split: str = "any"
    """How hidden rows exceed the table: ``any`` of ``beyond`` is large, ``all`` are, or a ``share``
    of each group's rows lies beyond, or ``mixtures``."""
    width: int = 1
    """Distinct values of each of ``beyond`` that are held out at a time."""
    folds: int = 3
    """Nested hold-outs."""
    own: Mapping[str, str] = field(default_factory=dict)
    """The variable that belongs to each target; laws see it as ``own``."""
    limits: tuple[float, float] | None = None
    """What the target must stay within, however large its inputs."""
    closes: float = 0.0
    """Least share of the distance to its upper limit that a target covers within 1.5 units beyond
    the rows seen, where the hidden rows are known to lie in a rising regime."""


def _params(column: str, unit: float = 1e9) -> Variable:
    return Variable(column, unit, falls=True)


_MIX = {f"r{i}": Variable(f"proportion_{i}", 1.0, "share") for i in range(1, 6)}

TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(
            "parallel",
            {"n": _params("num_params"), "p": Variable("parallel_size", falls=True)},
            ("loss",),
            4,
            ("p",),
            folds=1,
        ),
        Task(
            "vocab",
            {
                "n": _params("non_vocab_parameters", 1e8),
                "v": Variable("vocab_size", 1e4),
                "d": _params("num_characters", 1e10),
            },
            ("unigram_normalized_loss",),
            7,
            ("v",),
        ),
        Task(
            "sft",
            {"d": _params("sft_data_size", 1e4)},
            ("sft_loss",),
            4,
            ("d",),
        ),
        Task(
            "domain_mixture",
            _MIX,
            tuple(f"loss_{i}" for i in range(1, 6)),
            7,
            (),
            split="mixtures",
            folds=4,
            own={f"loss_{i}": f"r{i}" for i in range(1, 6)},
        ),
        Task(
            "moe",
            {
                "x": Variable("num_experts", falls=True),
                "n": _params("dense_parameter_count", 1e8),
            },
            ("loss_validation",),
            6,
            ("n",),
        ),
        Task(
            "data_constrained",
            {
                "u": Variable("unique_tokens", 1e9),
                "n": _params("params"),
                "d": Variable("tokens", 1e9),
            },
            ("loss",),
            7,
            ("d", "n"),
            width=2,
        ),
        Task(
            "lr_bsz_variant",
            {
                "l": Variable("lr", 1e-3),
                "b": Variable("bsz", 1e2),
                "d": _params("data_size", 1e10),
                "n": _params("non_embedding_param_size"),
            },
            ("lm_loss",),
            24,
            ("n", "d"),
            split="all",
        ),
        Task(
            "easy_question",
            {"f": Variable("log_flops", 1.0, "level", rises=True)},
            ("brier_score",),
            6,
            ("f",),
            split="share",
            limits=(-1.0, 0.0),
            closes=0.35,
        ),
    )
}
"""By name. ``lr_bsz_variant`` is a variant of SLDBench's ``lr_bsz``: its scores compare with none
published."""
