# Needs make and Python 3.11 or newer, nothing else. `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
READY := .venv/.ready
RUN := .venv/bin/
# Two workers: most tests wait for servers. make test PYTEST_ARGS="-k journal" runs a part.
WORKERS ?= -n 2 --dist worksteal
PYTEST_ARGS ?=
DEMO_ARGS ?=
MONTH_ARGS ?=
# What offline kits are made for.
ARCH ?= x86_64 aarch64
PYTHONS ?= 3.11 3.13

.PHONY: help demo test lint format docs migration servers faults month bench offline-kit clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

$(READY): uv.lock pyproject.toml scripts/setup.sh
	@scripts/setup.sh

demo: $(READY) ## broker, simulated devices, gateway and pages; prints its address
	@$(RUN)hygeia demo $(DEMO_ARGS)

test: $(READY) ## all tests but the long ones; installs missing servers where it may
	@scripts/servers.sh --try
	@$(RUN)pytest -m "not slow" $(WORKERS) $(PYTEST_ARGS)

lint: $(READY) ## rules, format, types, direction of imports, lock
	@echo 'lint: rules' && $(RUN)ruff check -q .
	@echo 'lint: format' && $(RUN)ruff format -q --check .
	@echo 'lint: types' && $(RUN)mypy --no-error-summary
	@echo 'lint: imports' && $(RUN)lint-imports >.venv/imports.log || (cat .venv/imports.log && exit 1)
	@echo 'lint: lock' && UV_PYTHON_DOWNLOADS=never $(RUN)uv lock -q --check --python $(RUN)python

format: $(READY) ## bring all files into form
	@$(RUN)ruff check -q --fix-only .
	@$(RUN)ruff format -q .

docs: $(READY) ## write docs/configuration.md and docs/cli.md from the code
	@PYTHONPATH=. $(RUN)python scripts/write_docs.py

migration: $(READY) ## draft a migration from gateway/state.py: make migration WHAT="..."
	@PYTHONPATH=. $(RUN)python scripts/migration.py "$(WHAT)"

servers: ## install mosquitto, influxdb, chromium and fonts, which some tests need
	@scripts/servers.sh

faults: $(READY) ## the long tests: fifty kills in each scenario
	@scripts/servers.sh --try
	@$(RUN)pytest -m slow $(PYTEST_ARGS)

month: $(READY) ## a month of waste of a whole city through decide, clean and with mishaps (an hour or so; MONTH_ARGS="--folder F" to stop and go on)
	@PYTHONPATH=. $(RUN)python -m benchmarks.waste_month $(MONTH_ARGS)

bench: $(READY) ## measure against the budgets, write docs/benchmarks.md
	@scripts/servers.sh --try
	@PYTHONPATH=. $(RUN)python -m benchmarks

offline-kit: $(READY) ## one tar for a closed network in dist/, a machine kind each (ARCH=aarch64 PYTHONS="3.11 3.13")
	@$(RUN)python scripts/offline_kit.py --arch $(ARCH) --python $(PYTHONS)

clean: ## remove the environment and all caches
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
