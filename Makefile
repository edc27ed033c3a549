# Two commands do everything on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCHEMA := tests/dashboards/schema
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check lint types contracts unit real lab bench dashboards schema servers docs lock format clean

demo: $(VENV)/.ready  ## an embedded mail system, and the probe that watches it
	$(BIN)/mailflow demo

test: servers check  ## real servers, lint, types, contracts and all tests

check: lint types contracts unit real

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready schema
	$(BIN)/mypy

contracts: $(VENV)/.ready
	$(BIN)/lint-imports

unit: $(VENV)/.ready schema  ## tests that need no server
	$(BIN)/python -m pytest -n 4 --dist loadfile -m "not lab" --cov --cov-report=term:skip-covered

real: $(VENV)/.ready schema  ## tests on real servers
	$(BIN)/python -m pytest -n 4 --dist loadfile -m lab

lab: servers $(VENV)/.ready  ## real servers to play with by hand
	$(BIN)/python -m tests.lab

bench: servers $(VENV)/.ready  ## all measurements of docs/measurements.md; takes some twenty minutes
	$(BIN)/python -m bench.detection
	$(BIN)/python -m bench.backlog
	$(BIN)/python -m bench.members
	$(BIN)/python -m bench.answers
	$(BIN)/python -m bench.scrape
	$(BIN)/python -m bench.smtp
	$(BIN)/python -m bench.evidence
	$(BIN)/python -m bench.pipelining
	$(BIN)/python -m bench.frozen
	$(BIN)/python -m bench.page

dashboards: $(VENV)/.ready  ## the JSON that Grafana reads, from dashboards/source
	$(BIN)/python -m dashboards.source

schema: $(SCHEMA)/node_modules/.ready  ## Grafana's own types, to judge the dashboards by

servers:
	sh tests/lab/install.sh

format: $(VENV)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.ready  ## pages that are written from what the program decides by
	$(BIN)/python -m tests.docs.failures

lock: $(VENV)/.ready  ## after a change of the dependencies in pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group dev --all-extras --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements.lock

# The lock is complete; left to resolve, pip takes a newer coverage[toml] for one that is not pinned.
$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(SCHEMA)/node_modules/.ready: $(SCHEMA)/package-lock.json
	cd $(SCHEMA) && npm ci --ignore-scripts --no-audit --no-fund --silent
	touch $@

clean:
	rm -rf $(VENV) $(SCHEMA)/node_modules dist build
