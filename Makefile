# make demo: set up, count, enumerate, and a short training run that learns.
# make test: set up, then lint, types and tests. Both are fast the second time.

.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_RUN := runs/demo

# The first Python of 3.11 or later that really runs: a version manager's shim may stand on the path
# and fail. `make PYTHON=/path/to/python3` overrides it.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	if $$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$p; break; fi; done)

.PHONY: help setup demo test test-long lint types format bench wheel clean

help:
	@echo "make demo       set up, then count, enumerate and train on the embedded images"
	@echo "make test       set up, then lint, types and tests"
	@echo "make test-long  everything, with 10,000 examples for each property"
	@echo "make bench      the speed comparisons with other tools"
	@echo "make lint | types | format | wheel | clean"

setup: $(READY)

# The stamp is written last, so an install that was cut off is done again. torch and torchvision are
# installed together and pinned by the constraints: a CPU-only torch that a machine may offer beside
# the registry's has no torchvision that works with it, and the last line would say so.
$(READY): pyproject.toml constraints.txt Makefile
	@test -n "$(PYTHON)" || { echo "error: archkit needs Python 3.11 or later; set PYTHON=/path/to/it" >&2; exit 1; }
	@rm -f $(READY)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -c 'import torch, torchvision; torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)'
	@touch $(READY)

demo: $(READY)
	$(BIN)/archkit count "[2,1,1,1]x[64,128,256,512]"
	$(BIN)/archkit enumerate --max-params 5e6
	$(BIN)/archkit bench "[1,1,1]x[16,32,64]" --data shapes --epochs 8 --out $(DEMO_RUN)

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

# Two processes of one thread each are faster than one of two: the tests are many and small.
test: lint types
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "not long"

test-long: lint types
	OMP_NUM_THREADS=1 HYPOTHESIS_PROFILE=long $(BIN)/pytest -n 2

bench: $(READY)
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheel: $(READY)
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) build dist runs .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
