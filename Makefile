# Every target sets up what it needs; a fresh machine needs only Python 3.10+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench notebooks clean

help: ## Show this help
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Create .venv with everything that development needs

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed: make PYTHON=/path/to/python3" if sys.version_info < (3, 10) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[all]" --group dev
	touch $@

demo: $(READY) ## Replay a conversation, restart, recall it with citations
	$(BIN)/spectronctl demo

test: $(READY) ## Run the whole test suite
	$(BIN)/python -m pytest

check: $(READY) ## Format, lint, types, generated twins, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --warnings
	$(BIN)/python tests/unasync.py --check
	$(BIN)/python -m pytest -q tests/unit/test_import_directions.py

format: $(READY) ## Format, fix what can be fixed, regenerate the sync twins
	$(BIN)/python tests/unasync.py
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: $(READY) ## Measure the local engine against plain SQLite, and what its extractor reads
	$(BIN)/python -m benchmarks.local_engine
	$(BIN)/python -m benchmarks.extraction

notebooks: $(READY) ## Run every notebook from top to bottom
	$(BIN)/python -m pip install --quiet --editable ".[notebooks]"
	$(BIN)/jupyter execute notebooks/*.ipynb

clean: ## Remove .venv and caches
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
