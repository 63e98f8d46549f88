# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TOOLS := .venv-tools
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false
# Small models train faster on one thread than on two that wait for each other.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
ENV ?= $(or $(KEDRO_ENV),dev)
# What `make setup` installs; for an object store or PostgreSQL: EXTRAS=dev,aws,postgres
EXTRAS ?= dev
# The part of the sample that goes through emulators and servers; REGIONS= takes the whole sample.
REGIONS ?= north_texas
RUN := $(BIN)/kedro run --runner=SegmentRunner
.PHONY: help setup demo measure test lint types imports workflows audit unit e2e docs smoke package \
	sbom image test-clouds test-servers secrets twelve-weeks retrain score report comment announce sample \
	dashboard clean thorough mutants kills

help: ## Show the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(STAMP) ## Make the virtual environment (once)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $(STAMP)

# Apart from the rest: with them installed, every program here would take seconds longer to start.
$(TOOLS)/.installed: Makefile
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet 'cyclonedx-bom>=7,<8' 'pip-audit>=2.10,<3' \
		'detect-secrets>=1.5,<2'
	touch $@

demo: $(STAMP) ## Run everything on the sample: raw files to forecasts for 28 segments
	$(RUN)

measure: $(STAMP) ## The same, with its time and memory in data/08_reporting/measured.json
	$(BIN)/python .ci/measure.py data/08_reporting/measured.json $(RUN)

test: lint types imports workflows ## Lint, types, import contracts, then all tests with coverage
	$(BIN)/pytest -n 2 --cov --cov-report=term

lint: $(STAMP) ## Style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## Static types, strict
	$(BIN)/mypy

imports: $(STAMP) ## Layers of the packages
	$(BIN)/lint-imports

workflows: $(STAMP) ## GitHub workflows (schema, pinned actions, least permissions), container and compose file
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet --min-severity=medium .github/workflows
	$(BIN)/hadolint Containerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

audit: $(TOOLS)/.installed ## Known faults of the pinned packages
	$(TOOLS)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

secrets: $(TOOLS)/.installed ## Passwords and keys in any line that was ever committed
	$(TOOLS)/bin/python .ci/leaked.py

unit: $(STAMP) ## Unit tests only, with coverage
	$(BIN)/pytest -n 2 -m 'not e2e' --cov --cov-report=term --cov-fail-under=97

thorough: $(STAMP) ## Property tests with fifty times the examples, other ones each time
	HYPOTHESIS_PROFILE=thorough $(BIN)/pytest -n 2 -m hypothesis

mutants: $(STAMP) ## How many small faults, put into the code one at a time, the tests notice
	$(BIN)/python benchmarks/mutants.py

kills: $(STAMP) ## Kill a small company's run COUNT times at random moments (50); each rerun must come to the same
	$(BIN)/python .ci/kills.py $(or $(COUNT),50) $(or $(SEED),0)

test-clouds: $(STAMP) ## The sample on emulators of S3, Azure Blob and Google Cloud Storage; needs npm
	$(BIN)/python .ci/clouds.py $(REGIONS)

test-servers: $(STAMP) ## The sample through PostgreSQL and an MLflow server; needs Debian's postgresql and npm
	$(BIN)/python .ci/servers.py $(REGIONS)

e2e: $(STAMP) ## Whole sessions on the sample
	$(BIN)/pytest -n 2 -m 'e2e and not walk'

twelve-weeks: $(STAMP) ## A small company through twelve weeks, and the page of the docs about it
	TWELVE_WEEKS_PAGE=docs/explanation/twelve-weeks.md $(BIN)/pytest -n 2 -m walk

docs: $(STAMP) ## The documentation, strictly, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

package: $(STAMP) ## Wheel and configuration archive, into dist/
	$(BIN)/kedro package

smoke: $(STAMP) ## Build both, install them elsewhere and run them in an empty folder
	$(BIN)/pytest tests/e2e/test_places.py -k packaged

sbom: $(STAMP) $(TOOLS)/.installed ## What is installed, as a bill of materials (CycloneDX), into dist/
	@mkdir -p dist
	$(TOOLS)/bin/cyclonedx-py environment $(BIN)/python --output-reproducible -o dist/sbom.json

image: ## Container image with Docker or Podman; needs dist/ of `make package`
	$(or $(shell command -v docker),podman) build --file Containerfile --tag demand-forecast .

retrain: $(STAMP) ## Train and release what needs it, in ENV (default: dev)
	$(BIN)/kedro retrain --env=$(ENV)

score: $(STAMP) ## Forecasts of the coming weeks, in ENV
	$(RUN) --pipelines=score,monitor --env=$(ENV)

report: ## What a change does to the sample's figures: results/main against results/change
	python3 .ci/report.py results/main results/change results/report.md
	cat results/report.md >> "$${GITHUB_STEP_SUMMARY:-/dev/stdout}"

comment: ## The same as a comment on the pull request PULL_REQUEST
	gh pr comment "$(PULL_REQUEST)" --edit-last --create-if-none --body-file results/report.md

announce: ## A GitHub release of the tag TAG with what is in dist/
	gh release create "$(TAG)" --verify-tag --generate-notes dist/*

sample: $(STAMP) ## Make the committed sample again
	$(BIN)/kedro sample-data --output data/01_raw

dashboard: $(STAMP) ## The dashboard over what runs have published, on http://127.0.0.1:8501
	$(BIN)/kedro dashboard

clean: ## Remove what runs have made, never the sample
	git clean -fdX data mlflow.db
