# Thin: each target is one command a person could type.
PYTHON ?= python3
VENV   := .venv
ZOO    := .venv-zoo
ONLY   ?=
NAME   ?=
JOBS   ?= 1
BIN    := $(VENV)/bin
BUDGET ?= 6
DEVICE ?= tx2
COVERAGE := 90
CASES  ?= 1000

.DEFAULT_GOAL := help
.PHONY: help install prune lut test fuzz lint docs experiment compare zoo board clean

help:  ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

install: $(VENV)/.installed  ## Set up .venv with the command netadapt

prune: install  ## Prune FastDepth to BUDGET ms on DEVICE: 6 ms on the TX2's GPU
	@# --distill: what the network knows of real rooms stays better so (experiments/fastdepth-tx2-6ms).
	$(BIN)/netadapt prune --budget-ms $(BUDGET) --device $(DEVICE) --distill --resume

lut: $(VENV)/.installed-tvm  ## Measure the lookup table of DEVICE on DEVICE
	$(BIN)/netadapt lut build --device $(DEVICE)

test: lint  ## Run the linters and the tests, with the share of netadapt/ that they cover
	$(BIN)/pytest -m "not slow and not device" -n 2 --dist worksteal --cov --cov-report=term --cov-fail-under=$(COVERAGE)

fuzz: $(VENV)/.installed-dev  ## Damage what every reader reads, CASES times each, within bounded memory
	NETADAPT_FUZZ=$(CASES) $(BIN)/pytest tests/fuzz -m "not device" -n 2

lint: $(VENV)/.installed-dev  ## Run the linters and the type checker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.installed-docs  ## Build the documentation as a site in site/; a warning fails it
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

experiment: $(VENV)/.installed-dev  ## Run the experiment NAME anew: its figures, its README
	$(BIN)/python scripts/experiment.py $(NAME)

compare: $(VENV)/.installed-dev  ## Compare with torch-pruning on the networks of the tests
	$(BIN)/python experiments/torch-pruning/run.py

zoo: $(ZOO)/.installed  ## Judge cuts of 200 networks of others (ONLY=timm:mixnet_s: of some)
	$(ZOO)/bin/python -m experiments.zoo.run --jobs $(JOBS) $(ONLY)
	$(ZOO)/bin/python -m experiments.zoo.summary

board: $(VENV)/.installed-tvm  ## Set up an emulated aarch64 board and register it at a tracker
	scripts/emulated_board.sh

clean:  ## Remove the virtual environment and caches
	rm -rf $(VENV) $(ZOO) site .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

# PyPI's torch for 2.13.0 is asked for by its number first, so that the rest doesn't pull another.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@echo 'installing PyTorch, then the rest: several minutes without output'
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[depth,onnx,report]'
	touch $@

$(VENV)/.installed-tvm: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[depth,onnx,report,tvm]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-tvm
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

# Their packages ask for other versions than netadapt's, so they get an environment of their own.
$(ZOO)/.installed: pyproject.toml
	$(PYTHON) -m venv $(ZOO)
	$(ZOO)/bin/python -m pip install --quiet torch==2.13.0
	$(ZOO)/bin/python -m pip install --quiet --editable '.[zoo]'
	touch $@
