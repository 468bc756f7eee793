# The few commands of the house, the same for people and CI. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
# Hashes are checked for every package; --no-deps since the lock already names them all.
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
LOCKED := $(PIP) install --no-deps --require-hashes
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header $(UPGRADE)
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

.PHONY: help demo test test-full check format lock clean

help: ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1  \2/p' Makefile

demo: $(VENV)/.stamp-run ## Install and run three small chains, offline, with a scripted model
	@$(BIN)/refine demo
	@echo "To have refine as a command: source $(BIN)/activate"

test: check $(VENV)/.stamp-browser ## Install what tests need, then lint, types, contracts and tests (pytest options in ARGS)
	@$(PYTEST) -m "not full" $(ARGS)

test-full: check $(VENV)/.stamp-browser ## The same tests at full counts
	@REFINE_TEST_FULL=1 $(PYTEST) $(ARGS)

check: $(VENV)/.stamp-dev ## Lint, format, types and import contracts, without the tests
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.stamp-dev ## Put the code in order
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: $(VENV)/.stamp-dev ## Write the lock files anew (UPGRADE=--upgrade takes newer versions)
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) --group build -c requirements.txt -o requirements-build.txt
	$(COMPILE) pyproject.toml --extra dev --group build -c requirements.txt -o requirements-dev.txt

clean: ## Remove the environment and every cache
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps say what was installed, so that the second run of a command installs nothing.
$(VENV)/.stamp-run: $(VENV)/.stamp-venv requirements.txt requirements-build.txt pyproject.toml
	@echo "Installing Refine into $(VENV) (once)"
	@$(LOCKED) -r requirements.txt
	@$(LOCKED) -r requirements-build.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-venv requirements-dev.txt pyproject.toml
	@echo "Installing Refine and what its tests need into $(VENV) (once)"
	@$(LOCKED) -r requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# The checks drive a Chromium that is installed like any program; it comes by apt only where there is none.
$(VENV)/.stamp-browser: $(VENV)/.stamp-dev
	@if ! $(BIN)/python -c 'from refine.render import find_chromium; find_chromium()' 2>/dev/null; then \
		if [ "$$(id -u)" = 0 ]; then root=; \
		elif sudo -n true 2>/dev/null; then root=sudo; \
		else echo "Chromium is missing; install the package chromium, or name one in REFINE_CHROMIUM, and run this again" >&2; exit 1; fi; \
		$$root apt-get update -qq && $$root apt-get install -qq -y --no-install-recommends chromium; \
	fi
	@touch $@

# Debian splits venv off from Python: it comes by apt, as root or through sudo, only where it is missing.
$(VENV)/.stamp-venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Refine needs Python 3.11 or newer; name one: make PYTHON=python3.12 …" >&2; exit 1; }
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		package="$$(basename $$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'))"; \
		if [ "$$(id -u)" = 0 ]; then root=; \
		elif sudo -n true 2>/dev/null; then root=sudo; \
		else echo "Python's venv module is missing; install the package $$package and run this again" >&2; exit 1; fi; \
		$$root apt-get update -qq && $$root apt-get install -qq -y --no-install-recommends "$$package"; \
	fi
	@$(PYTHON) -m venv $(VENV)
	@touch $@
