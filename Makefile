# Forebay's commands. Python 3.11 to 3.13 and make are all they need; `make` alone lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first of these that is a Python we support; PYTHON=... chooses another.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	"$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo "$$name" && break; done)
PIP := .venv/bin/python -m pip --disable-pip-version-check --quiet

.PHONY: help env demo test lint format docs lock clean

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 14

env: .venv/.env-made ## make .venv with .venv/bin/forebay

demo: env ## show it: an origin, a gateway, a table (ARGS=--once exits after the table)
	.venv/bin/forebay demo $(ARGS)

test: lint ## prove it: checks and all tests (ARGS=... goes to pytest)
	.venv/bin/python -m pytest $(ARGS)

lint: .venv/.tests-made ## style, types and the layers of the rooms
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

format: .venv/.tests-made ## let ruff put the code into shape
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs: .venv/.tests-made ## write the tables in docs/ anew from the code
	.venv/bin/python -m tests.support.reference_docs

lock: .venv/.env-made ## choose the newest versions that pyproject.toml allows
	$(PIP) install uv
	PATH="$(CURDIR)/.venv/bin:$$PATH" .ci/lock

clean: ## remove what these commands made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/.env-made: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Forebay needs Python 3.11, 3.12 or 3.13; PYTHON=... names one" >&2; exit 1; }
	@echo "making .venv with $(PYTHON)"
	$(PYTHON) -m venv .venv
	sed '/^# --- what tests/,$$d' requirements.lock > .venv/runtime.lock
	$(PIP) install --require-hashes --requirement .venv/runtime.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.tests-made: .venv/.env-made requirements-fuse.lock requirements-kerberos.lock
	$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --require-hashes --requirement requirements-fuse.lock >/dev/null 2>&1 \
		|| echo "pyfuse3 does not build here (libfuse3-dev, pkg-config, a C compiler): tests of mounts are skipped"
	@CFLAGS="-O0 -g0" $(PIP) install --require-hashes --requirement requirements-kerberos.lock >/dev/null 2>&1 \
		|| echo "gssapi does not build here (libkrb5-dev, a C compiler): tests of Kerberos are skipped"
	@touch $@
