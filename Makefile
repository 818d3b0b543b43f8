# Everything a newcomer needs: `make tour` and `make test`. Both make .venv from pinned versions.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet install -c constraints.txt

.PHONY: tour test check bench docs clean help

help:
	@echo "make tour   the main job on real input, end to end, into striate-tour/"
	@echo "make test   all tests (installs PyTorch and SciPy to compare with)"
	@echo "make check  style, types and import rules"
	@echo "make bench  layers, networks, filters and training beside their peers on this machine, into runs/"
	@echo "make docs   the documentation as a site in site/"

tour: $(VENV)/.user
	$(BIN)/striate tour

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist worksteal
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -q tests/ops -k small
	NUMBA_BOUNDSCHECK=1 STRIATE_CACHE="$$(mktemp -d)" $(BIN)/python -m pytest -q tests/ops -k small

check: $(VENV)/.dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench
	$(BIN)/striate bench layers --json runs/layers.json --plot runs/layers.svg
	$(BIN)/striate bench networks --json runs/networks.json --plot runs/networks.svg
	$(BIN)/striate bench filters --json runs/filters.json --plot runs/filters.svg --markdown runs/filters.md
	$(BIN)/striate bench training --json runs/training.json --plot runs/training.svg --markdown runs/training.md

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -W --keep-going -q docs site

clean:
	rm -rf $(VENV) site dist striate-tour

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "striate needs Python 3.11 or newer; say which: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.user: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[train]'
	@touch $@

# pip learnt dependency groups in 25.1; older Pythons bring older pips
$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) pip
	$(PIP) -e '.[train]' --group dev
	@touch $@ $(VENV)/.user

$(VENV)/.bench: $(VENV)/.dev
	$(PIP) -e '.[bench,train]'
	@mkdir -p runs
	@touch $@

$(VENV)/.docs: $(VENV)/.dev
	$(PIP) --group docs
	@touch $@
