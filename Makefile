# One command from a bare machine: every target makes what it stands on, and does so once.
#   PYTHON=python3.12      the interpreter of a new .venv; else the first of 3.12, 3.11, 3.10 that is there
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

.PHONY: help demo test lint benchmark models pin clean

help:  ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 20

demo: models  ## convert a song it makes itself, or yours: make demo SONG=my.mp3 VOICE=me.wav
	@$(BIN)/autovoice demo $${SONG:+--song "$$SONG"} $${VOICE:+--voice "$$VOICE"} --output demo

models: $(INSTALLED)  ## fetch the weights of the embedded models
	@$(BIN)/autovoice models fetch

# Two at a time: many tests wait for services of their own. A file's tests stay together, as they share them.
test: $(INSTALLED_DEV)  ## run every test
	@$(BIN)/autovoice models fetch
	@$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(INSTALLED_DEV)  ## check style, types and the architecture's rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

benchmark: $(INSTALLED_DEV) models  ## measure speed, memory and quality
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python "$$script" || failed=1; done; exit $${failed:-0}

pin: $(INSTALLED_DEV)  ## pin what pyproject.toml asks for; UPGRADE=1: at its newest
	@scripts/pin.sh $(if $(UPGRADE),--upgrade)

clean:  ## remove what was made here, .venv included; models and voices stay
	@rm -rf $(VENV) demo build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache src/*.egg-info
	@find src tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.txt pyproject.toml scripts/setup.sh
	@scripts/setup.sh requirements.txt
	@touch $@

$(INSTALLED_DEV): requirements.txt requirements-dev.txt pyproject.toml scripts/setup.sh
	@scripts/setup.sh requirements.txt requirements-dev.txt
	@touch $(INSTALLED) $@
