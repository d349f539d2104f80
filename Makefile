# Thin: every target calls esn-pulse or a tool configured in pyproject.toml.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

SEED ?= 1
MINUTES ?= 60
OUTAGE ?= 16

.PHONY: help install demo test check chaos bench previews

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(VENV)/.installed ## .venv/ with everything, esn-pulse included

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "esn-pulse needs Python 3.11 or newer: make PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=24"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: install ## replay a real record through a real Kafka and ClickHouse, and show what it says
	@$(BIN)/esn-pulse demo

test: check ## every test, the live ones against real Kafka and ClickHouse too
	$(BIN)/python -m pytest -n 3 --dist loadfile

chaos: install ## kill everything again and again, then compare all rows: SEED=1 MINUTES=60 OUTAGE=16
	$(BIN)/python -m tests.chaos --seed $(SEED) --minutes $(MINUTES) --outage $(OUTAGE)

bench: install ## what it costs, side by side with what else could be used; takes about an hour
	$(BIN)/python -m tests.bench

previews: install ## a picture of each dashboard, drawn from its executed queries; needs chromium
	$(BIN)/python -m tests.grafana

check: install ## lint, types, the direction of imports, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
