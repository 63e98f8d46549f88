# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false
# Small models train faster on one thread than on two that wait for each other.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types imports unit e2e docs sample clean thorough mutants

help: ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: $(STAMP) ## Make the virtual environment (once)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

demo: $(STAMP) ## Run everything on the sample: raw files to forecasts for 28 segments
	$(BIN)/kedro run --runner=demand_forecast.framework.runner.SegmentRunner

test: lint types imports ## Lint, types, import contracts, then all tests with coverage
	$(BIN)/pytest -n 2 --cov --cov-report=term

lint: $(STAMP) ## Style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## Static types, strict
	$(BIN)/mypy

imports: $(STAMP) ## Layers of the packages
	$(BIN)/lint-imports

unit: $(STAMP) ## Unit tests only, with coverage
	$(BIN)/pytest -n 2 -m 'not e2e' --cov --cov-report=term

thorough: $(STAMP) ## Property tests with fifty times the examples, other ones each time
	HYPOTHESIS_PROFILE=thorough $(BIN)/pytest -n 2 -m hypothesis

mutants: $(STAMP) ## How many small faults, put into the code one at a time, the tests notice
	$(BIN)/python benchmarks/mutants.py

e2e: $(STAMP) ## Whole sessions on the sample
	$(BIN)/pytest -n 2 -m e2e

docs: $(STAMP) ## The documentation, strictly, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

sample: $(STAMP) ## Make the committed sample again
	$(BIN)/kedro sample-data --output data/01_raw

clean: ## Remove what runs have made, never the sample
	git clean -fdX data mlflow.db
