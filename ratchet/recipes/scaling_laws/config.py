"""Settings of the search for scaling laws."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ratchet.loop.config import RunConfig


class Config(RunConfig):
    """Settings of the search for scaling laws."""

    data: str = ""
    """Folder with the tables: TASK.csv or train/TASK.csv."""
    task: str = ""
    """The one task to search; all whose tables are there if left out."""
    budget: int = Field(default=600, ge=1)
    """Programs evaluated for each task, over all generations."""
    strategy: Literal["evolve", "best_of_n", "refine"] = "evolve"
    """How programs are made: by evolution, or by one of its equal-budget baselines."""
    selection: Literal["holdout", "sample"] = "holdout"
    """What programs are scored by: extrapolation to inner hold-outs, or the fit itself."""
    fitter: Literal["evolve", "fixed"] = "evolve"
    """Whether the fitting routine evolves with the form, or is plain least squares."""
    seeds: Literal["all", "plain"] = "all"
    """First programs: human laws and variants of them too, or the plain power law alone."""
    proposer: Literal["gp", "patch", "endpoint"] = "gp"
    """Who writes laws: genetic programming over typed trees, edits of a law's text, or a language
    model at ``endpoint``."""
    endpoint: str = ""
    """Address of a server with the OpenAI chat interface whose ``model`` writes the laws, such as
    http://127.0.0.1:8000/v1."""
    endpoint_key: str = ""
    """File that holds the server's key; no variable of the environment is ever read."""
    endpoint_tokens: int = Field(default=200_000, ge=1)
    """Most tokens that the model may read and write for one table, from one start of the run."""
    islands: int = Field(default=3, ge=1)
    """Islands of the archive."""
