# Everything a developer or an operator runs. Needs Python 3.11+ and make, nothing else.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Only wheels with the hashes of the lock file: nothing from an index runs while installing.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet
LOCKED := $(INSTALL) --require-hashes --only-binary :all: --requirement
ITSELF := $(INSTALL) --no-deps --no-build-isolation --no-index --editable .
RUN_READY := $(VENV)/.run-ready
TEST_READY := $(VENV)/.test-ready
LOCK := uv pip compile --universal --generate-hashes --only-binary :all: --no-emit-index-url \
	--custom-compile-command "make lock" --quiet
# At most eight: PostgreSQL lends a hundred connections.
ON_EVERY_CORE := --numprocesses logical --maxprocesses 8 --dist worksteal
KILLS ?= 20
CASES ?= 2000
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test check fmt crash storm bench migrate lock clean

help:  ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN_READY)  ## Install what is locked and start the demo: storefront, daemon, console.
	@exec $(BIN)/pyeongpan demo $(ARGS)

test: $(TEST_READY)  ## Run the tests; those that need a server skip where there is none.
	$(BIN)/python -m pytest $(ON_EVERY_CORE) $(ARGS)

check: $(TEST_READY)  ## Format, lint, types and import contracts.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(TEST_READY)  ## Format and mend what can be mended.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

crash: $(TEST_READY)  ## Kill real workers KILLS times on each set-up and count what is left.
	$(BIN)/python -m tests.crash --kills $(KILLS) $(ARGS)

storm: $(TEST_READY)  ## Let CASES cases rain on Slack and the console within minutes.
	$(BIN)/python -m tests.storm --cases $(CASES) $(ARGS)

bench: $(TEST_READY)  ## Run the benchmarks.
	$(BIN)/pyeongpan bench $(ARGS)

migrate: $(RUN_READY)  ## Bring the configured database to this version's schema.
	$(BIN)/pyeongpan db upgrade

lock:  ## Make both lock files anew from pyproject.toml; the only target that needs uv.
	$(LOCK) pyproject.toml --group build --output-file requirements.lock
	$(LOCK) pyproject.toml --group build --extra dev --constraint requirements.lock \
		--output-file requirements-dev.lock

clean:  ## Remove the virtual environment and every cache; databases in var/ stay.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Debian and Ubuntu keep venv apart: apt install python3-venv" >&2; exit 1; }

$(RUN_READY): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(LOCKED) requirements.lock
	@$(ITSELF)
	@touch $@

# Holds everything that runs, too: whoever tests need not install twice.
$(TEST_READY): requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked development dependencies into $(VENV) ..."
	@$(LOCKED) requirements-dev.lock
	@$(ITSELF)
	@touch $@ $(RUN_READY)
