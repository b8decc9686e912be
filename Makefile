# All targets install what they need; a new machine needs Python >= 3.10 with venv, and make.
#
#   make demo    make and verify a data set from the built-in photo, with a contact sheet and a report
#   make test    run linters, type checks, import checks and tests
#   make lint    run all checks except the tests
#   make dist    build the wheel
#   make site    build the documentation as a site in site/
#   make compat  open a data set with the readers that people use: docs/readers.md

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt

.PHONY: demo test lint dist site compat clean

demo: $(VENV)/.base maskgen/native/kernels.so
	$(BIN)/unmask demo

test: lint
	$(BIN)/pytest -q -n 2

lint: $(VENV)/.dev
	$(BIN)/python maskgen/native/build.py -Werror
	$(BIN)/ruff check .
# undefined names (F821), in folders without jaxtyping shapes, which look like undefined names
	$(BIN)/ruff check --isolated --select F821 benchmarks tools tests cli.py
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if $(BIN)/python -c 'import torch' 2>/dev/null; then $(BIN)/mypy -p unmasknet; \
	else echo "torch is not installed: type checks and tests of unmasknet are skipped"; fi
	$(BIN)/lint-imports

dist: | $(BIN)/python
	rm -rf dist
	$(BIN)/python -m pip wheel --disable-pip-version-check -q --no-deps -w dist .

compat: $(VENV)/.base maskgen/native/kernels.so
	$(BIN)/python -m compat

site: $(VENV)/.docs
	$(BIN)/python -m tools.build_site

# The installation compiles the kernels; this rule rebuilds them after a change. Without a C compiler it does nothing.
maskgen/native/kernels.so: $(wildcard maskgen/native/*.[ch]) maskgen/native/build.py | $(VENV)/.base
	-$(BIN)/python maskgen/native/build.py

# A stamp file means that the installation is up to date with pyproject.toml and constraints.txt.
$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e '.[dev]'
	touch $@ $(VENV)/.base $(VENV)/.docs

$(VENV)/.docs: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e '.[docs]'
	touch $@ $(VENV)/.base

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis maskgen/native/kernels.so maskgen/native/kernels.sha256
