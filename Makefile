# Everything here sets itself up: a fresh machine needs Python >= 3.10 with venv, and make.
#
#   make demo    a data set from the built-in photo, checked, with a contact sheet and a report
#   make test    linters, types, import order, tests
#   make lint    all but the tests
#   make dist    the wheel

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt

.PHONY: demo test lint dist clean

demo: $(VENV)/.base maskgen/native/kernels.so
	$(BIN)/unmask demo

test: lint
	$(BIN)/pytest -q -n 2

lint: $(VENV)/.dev
	$(BIN)/python maskgen/native/build.py -Werror
	$(BIN)/ruff check .
# names that nobody defined, where no shape of an array looks like one
	$(BIN)/ruff check --isolated --select F821 benchmarks tools tests cli.py
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if $(BIN)/python -c 'import torch' 2>/dev/null; then $(BIN)/mypy -p unmasknet; \
	else echo "torch is not installed: types and tests of unmasknet are left out"; fi
	$(BIN)/lint-imports

dist: | $(BIN)/python
	rm -rf dist
	$(BIN)/python -m pip wheel --disable-pip-version-check -q --no-deps -w dist .

# Installing compiles it; this is for when a source has changed since. Without a compiler that can it stays away.
maskgen/native/kernels.so: $(wildcard maskgen/native/*.[ch]) maskgen/native/build.py | $(VENV)/.base
	-$(BIN)/python maskgen/native/build.py

# The stamps stand for "installed as pyproject.toml and constraints.txt say now".
$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e '.[dev]'
	touch $@ $(VENV)/.base

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis maskgen/native/kernels.so
