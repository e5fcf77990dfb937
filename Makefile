# Needs Python 3.11 or newer and make; everything else comes from setup.cfg
# into .venv. Paths are relative and tools run as `python -m`, so the checkout
# may live in a folder with a space in its name.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
  if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
  then echo $$p; break; fi; done)
TORCH ?= torch==2.13.0
# Not the files of most tests first: those of few are the slow ones, and one of
# them would be waited for at the end.
PYTEST_ARGS ?= -n auto --dist loadfile --no-loadscope-reorder --durations 30
DEMO_QUERIES ?= 'a cyan square blinks' \
  'a cyan square falls' 'a blue square shrinks'
VENV_PYTHON := .venv/bin/python
PIP := $(VENV_PYTHON) -m pip --disable-pip-version-check -qq
RECIPE_INPUTS := setup.cfg pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help demo test check check-tpu check-real bench format clean
.DELETE_ON_ERROR:

help:
	@echo 'make demo        ground a query in the shipped clip: out/demo.png'
	@echo 'make test        the tests that need no torch'
	@echo 'make check       formatting, lint, import table, parity with torch'
	@echo 'make check-tpu   plans for TPU slices, compiled without one (700 MB)'
	@echo 'make check-real  real weights and vocabularies (fetched, 250 MB)'
	@echo 'make bench       benchmarks, and their table in the README'
	@echo 'make format      ruff format and the safe lint fixes'
	@echo 'make clean       removes .venv, out and build products'

.venv/base.stamp: $(RECIPE_INPUTS)
	@test -n "$(PYTHON)" || { echo 'make: no Python >= 3.11 found; name one \
	with make PYTHON=/where/it/is/python3' >&2; exit 1; }
	@echo 'making .venv: about 900 MB, a few minutes the first time'
	"$(PYTHON)" -m venv .venv
	$(PIP) install --editable .
	@touch $@

.venv/test.stamp: .venv/base.stamp
	$(PIP) install --editable '.[test]'
	@touch $@

# torch first and pinned: asked for by another package it would come as the
# newest build with several gigabytes of CUDA.
.venv/check.stamp: .venv/test.stamp
	$(PIP) install '$(TORCH)'
	$(PIP) install --editable '.[dev,torch]'
	@touch $@

.venv/tpu.stamp: .venv/test.stamp
	$(PIP) install --editable '.[test,tpu]'
	@touch $@

.venv/real.stamp: .venv/check.stamp
	$(PIP) install --editable '.[real]'
	@touch $@

demo: .venv/base.stamp
	@mkdir -p out
	$(VENV_PYTHON) -m vtg_jax ground vtg_jax/testing/data/demo.mp4 \
	  $(DEMO_QUERIES) --plot out/demo.png
	@echo 'the timeline: out/demo.png'

test: .venv/test.stamp
	$(VENV_PYTHON) -m pytest $(PYTEST_ARGS)

check: .venv/check.stamp
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m pytest $(PYTEST_ARGS) -m '(torch or features) and not real'

check-tpu: .venv/tpu.stamp
	JAX_DISABLE_MOST_OPTIMIZATIONS=0 \
	  $(VENV_PYTHON) -m pytest -m tpu_aot tests/planning tests/commands

check-real: .venv/real.stamp
	$(VENV_PYTHON) -m pytest -m real tests/real

bench: .venv/check.stamp
	$(VENV_PYTHON) -m benchmarks.table

format: .venv/check.stamp
	$(VENV_PYTHON) -m ruff format .
	$(VENV_PYTHON) -m ruff check --fix .

clean:
	rm -rf .venv out build dist *.egg-info .pytest_cache .ruff_cache
