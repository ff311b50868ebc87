# Baton: `make help` lists the targets. Everything is made in .venv and .servers; nothing outside this folder is changed
# but the caches of pip and Maven, and that `make test` as root on Debian installs the servers that its tests need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := services schemas tests
CASES ?= 100000
WORKERS ?= 2
# A file's tests stay together, as they share servers; each worker starts its own.
PYTEST := $(BIN)/pytest -q -n $(WORKERS) --dist loadfile
QUIX := .servers/quix

.DEFAULT_GOAL := help
.PHONY: help demo test test-quick lint types servers lock messages test-deep mutate bench-replay bench-store bench-live bench-board bench-metrics bench-alert picture clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Baton needs Python 3.11 or newer; give it with: make PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Installing python3-venv, which Debian packs apart"; apt-get update -qq && apt-get install -y -qq python3-venv; } || { echo "python3 lacks venv: install Debian's python3-venv, then run make again"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## Start Baton on a fresh directory and play signed CRM webhooks into it, time-lapsed
	$(BIN)/baton demo

messages: $(STAMP) ## Take new messages of the board into its catalogues, where they wait for their words
	$(BIN)/python -m tests.board.catalogues

servers: $(STAMP) ## Install the real servers that tests need (Debian, as root; elsewhere it says what is missing)
	@sh tests/servers.sh
	@$(BIN)/python -m tests.servers.prepare

lint: $(STAMP) ## Style
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

types: $(STAMP) ## Types, strictly
	$(BIN)/mypy

test-quick: lint types ## Style, types and the tests that need no server
	$(PYTEST) --ignore=tests/e2e

test: lint types servers ## Everything, by so many processes at a time (WORKERS=2)
	$(PYTEST)

test-deep: $(STAMP) ## As many random cases against the second judge as asked (CASES=1000000), over all cores
	$(BIN)/python -m tests.domain.deep $(CASES)

mutate: $(STAMP) ## Change the domain in some 1,500 small ways, which its tests should notice (an hour)
	$(BIN)/mutmut run
	@$(BIN)/mutmut results
	@$(BIN)/mutmut export-cicd-stats && cat mutants/mutmut-cicd-stats.json

bench-replay: $(STAMP) ## Events judged per second, memory, and what a late event costs
	$(BIN)/python -m tests.bench.replay

bench-store: $(STAMP) ## Events committed per second on SQLite and PostgreSQL, beside plain writes of the same rows
	$(BIN)/python -m tests.bench.store

$(QUIX)/.installed: tests/bench/live/quix-requirements.lock
	$(PYTHON) -m venv --clear $(QUIX)
	$(QUIX)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

bench-live: $(STAMP) servers $(QUIX)/.installed ## Events per second from Kafka to committed PostgreSQL, beside what one would build otherwise
	$(BIN)/python -m tests.bench.live

bench-board: $(STAMP) ## How long pages and lists take with 1,000,000 leads, and 500 open pages
	$(BIN)/python -m tests.bench.board

bench-metrics: $(STAMP) ## Milliseconds of a scrape of 10,000 series, beside as many of prometheus_client
	$(BIN)/python -m tests.bench.metrics

bench-alert: $(STAMP) servers ## Milliseconds from a webhook to /metrics, and from due_at to a webhook and to Alertmanager
	$(BIN)/python -m tests.bench.alert

picture: $(STAMP) servers ## Draw docs/images/joint-view.png anew, from a demo that a real Prometheus reads
	$(BIN)/python -m tests.dashboards.picture

lock: $(STAMP) ## Make the locked dependency files anew from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-annotate --no-header --universal --python-version 3.11 --extra salesforce pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-annotate --no-header --universal --python-version 3.11 --extra salesforce --extra dev pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-annotate --no-header --universal --python-version 3.11 tests/bench/live/quix-requirements.in -o tests/bench/live/quix-requirements.lock

clean: ## Remove what make made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .servers build dist mutants
