# make demo: set up, count, enumerate, and a short training run that learns.
# make test: set up, then lint, types and tests. Both are fast the second time.

.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OLDEST := .venv-oldest

# The first of these that really runs and fits is taken: a version manager's shim may stand on the path
# and fail, and Debian's Python comes without ensurepip. `make PYTHON=/path/to/python3` overrides the list.
PYTHON ?= python3 python3.13 python3.12 python3.11 python
FITS := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))

.PHONY: help setup demo test test-long test-oldest lint types format bench docs figures examples build wheel clean

help:
	@echo "make demo         set up, then count, enumerate and train on the embedded images"
	@echo "make test         set up, then lint, types and tests"
	@echo "make test-long    everything, with 10,000 examples for each property"
	@echo "make test-oldest  the tests with the oldest versions that pyproject.toml allows"
	@echo "make bench        the speed comparisons with other tools"
	@echo "make docs         the site of the documentation into build/docs, which needs no server"
	@echo "make figures      the measured figures into the pages, from benchmarks/results"
	@echo "make examples     what the commands on the pages, and the notebooks, print now"
	@echo "make setup | lint | types | format | wheel | clean"

setup: $(READY)

# The stamp is written last, so an install that was cut off is done again, in the same environment if
# that is whole. torch and torchvision are installed together and pinned by the constraints: a CPU-only
# torch that a machine may offer beside the registry's has no torchvision that works with it, and the
# call of nms, an operator that torchvision compiles against its torch, would say so.
$(READY): pyproject.toml constraints.txt Makefile
	@rm -f $@
	@$(BIN)/python -c 'import pip; $(FITS)' >/dev/null 2>&1 || { \
		for python in $(PYTHON); do \
			if "$$python" -c '$(FITS)' >/dev/null 2>&1; then exec "$$python" -m venv --clear $(VENV); fi; \
		done; \
		echo "error: no Python 3.11 or later with venv and ensurepip among: $(PYTHON); set PYTHON=/path/to/one" >&2; \
		exit 1; }
	@echo "installing into $(VENV); the first time downloads torch, some 3 GB, which takes minutes"
	$(BIN)/python -m pip install --progress-bar on --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -c 'import torch, torchvision; torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)'
	@touch $@

# The run's folder is named after all that decides its result, so a second demo finds the first one's.
# One thread: on two idle cores a second one saves a quarter of a minute, but where other work keeps the
# cores busy the two wait for each other at every layer, and a step was measured to take 20 times as long.
demo: $(READY)
	$(BIN)/archkit count "[2,1,1,1]x[64,128,256,512]"
	$(BIN)/archkit enumerate --max-params 5e6
	OMP_NUM_THREADS=1 $(BIN)/archkit bench "[1,1,1]x[16,32,64]" --data shapes --recipe demo

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

# Two processes of one thread each take half the time of one of two: the tests are many and small.
test: lint types
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "not long"

test-long: lint types
	OMP_NUM_THREADS=1 HYPOTHESIS_PROFILE=long $(BIN)/pytest -n 2

# The lower bounds of pyproject.toml: each package that it names, extras and test tools too, in the lowest
# version that it allows, and what those need in the newest. uv resolves that; pip cannot. Python is 3.11, the
# oldest; uv fetches one if there is none. It takes some 6 GB in $(OLDEST), and minutes of downloads.
# All tests run there but the long ones, and those named in TODAYS: they hold archkit against today's timm, and
# the oldest one has other networks under these names; or they write ONNX, or a .pt2 of a network, that need a newer
# torch than the rest. ruff and mypy go by constraints.txt alone.
TODAYS := ecaresnext50t or resnetblur or ResNetV2 or standardisation or zepto_rms
TODAYS += or onnx or opset or other_answers or feeds_bytes or page_shows or (torch_export and (eca or mix))
test-oldest: $(READY)
	$(BIN)/python -m venv $(OLDEST)/uv
	$(OLDEST)/uv/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(OLDEST)/uv/bin/uv venv --quiet --clear --python 3.11 $(OLDEST)/env
	$(OLDEST)/uv/bin/uv pip install --quiet --python $(OLDEST)/env --resolution lowest-direct --editable '.[dev]'
	OMP_NUM_THREADS=1 $(OLDEST)/env/bin/python -m pytest -n 2 -m "not long" -k "not ($(TODAYS))"

# What is measured without a GPU; `python benchmarks/gpu.py --out FOLDER` has the rest.
bench: $(READY)
	@for name in startup counting arrays mobile solver best joint report training; do \
		echo "== benchmarks/$$name.py"; $(BIN)/python "benchmarks/$$name.py" || exit 1; \
	done

# A link or a name that leads nowhere ends it.
docs: $(READY)
	$(BIN)/python docs/website

# What the commands on the pages, and the notebooks, print now; it takes minutes, since some train.
examples: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python docs/website/examples.py README.md docs/*.md docs/tutorials/*.md
	OMP_NUM_THREADS=1 $(BIN)/python docs/website/notebooks.py

# The tables and drawings of the pages, from benchmarks/results, the options of the language and `archkit draw`.
figures: $(READY)
	$(BIN)/python benchmarks/figures.py
	$(BIN)/python docs/tables.py
	$(BIN)/python docs/pictures.py

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

build wheel: $(READY)
	$(BIN)/python -m build --wheel --no-isolation

clean:
	rm -rf $(VENV) $(OLDEST) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
