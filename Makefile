# Everything a person does with this repository. Needs Python 3.11 or newer, git and make.
#
#   make install   .venv with the project in it (.venv/bin/robot)
#   make run       the farm on this machine, with a demo wiki
#   make test      all tests          make check   lint, types, import layers
#   make bench     speed beside a stock Otterwiki (CONTENT=PATH takes another repository)
#   make docs      the pages of settings and permissions, from the declarations
#   make soak      long kill, load and isolation runs

SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# One stamp a step: it is done again only when what it depends on has changed.
VENV_READY := $(VENV)/.venv-ready
RUN_READY := $(VENV)/.run-ready
DEV_READY := $(VENV)/.dev-ready
TEST_READY := $(VENV)/.test-ready
DECLARED := setup.cfg pyproject.toml
JOBS ?= 2
CONTENT ?=
PYTEST := $(BIN)/python -m pytest -n $(JOBS)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: install run test check format docs bench soak clean

install: $(RUN_READY)

$(VENV_READY):
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || \
	  { echo "$(PYTHON) can't make virtual environments; on Debian install python3-venv" >&2; exit 1; }
	@touch $@

$(RUN_READY): $(VENV_READY) $(DECLARED)
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

# pip resolves the project and its tools in one call, so that no tool lifts a pinned dependency.
$(DEV_READY): $(VENV_READY) $(DECLARED)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(RUN_READY)

$(TEST_READY): $(DEV_READY) tests/install-browser
	tests/install-browser
	@touch $@

run: $(RUN_READY)
	@ROBOT_DEV=1 $(BIN)/robot demo
	@ROBOT_DEV=1 exec $(BIN)/robot serve

# Otterwiki is one application a process: as a single wiki in the engine's tests, as a farm in the
# others. With ARGS, one of the two runs may select no test (pytest's code 5).
test: $(TEST_READY)
	$(BIN)/python tests/upstream/fetch.py
	$(PYTEST) plugins/engine/tests $(ARGS) || { [ $$? = 5 ] && [ -n "$(ARGS)" ]; }
	$(PYTEST) $(ARGS) || { [ $$? = 5 ] && [ -n "$(ARGS)" ]; }

check: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py

format: $(DEV_READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(RUN_READY)
	ROBOT_DEV=1 $(BIN)/robot settings --markdown > docs/settings.md
	$(BIN)/python -m otterwiki_robot.permissions_reference > docs/permissions.md

bench: $(DEV_READY)
	$(BIN)/python -m tests.bench $(if $(CONTENT),--content "$(CONTENT)") $(ARGS)
	$(BIN)/python -m tests.bench.clones $(if $(CONTENT),--content "$(CONTENT)") $(ARGS)

soak: $(TEST_READY)
	$(PYTEST) -m soak $(ARGS)

clean:
	rm -rf $(VENV) build dist .cache .pytest_cache .mypy_cache .ruff_cache
