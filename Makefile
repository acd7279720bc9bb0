# `make` lists what can be made. Everything Python lives in .venv; nothing is installed
# into the machine's own Python.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT ?= 8000
ARGS ?=
BIN := .venv/bin

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: .venv/.demo ## Build the web shop, back it up, check the backup, serve on 127.0.0.1:8000
	@PORT=$(PORT) scripts/demo.sh

.PHONY: test
test: .venv/.dev ## Install what the tests need and run all of them (ARGS="-k name" and so on)
	@scripts/setup.sh packages "make test" initdb pg_dump strace sqlite3 mount setpriv ps \
		chromium unzip sshd ssh-keygen xgettext
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

.PHONY: lint
lint: .venv/.dev ## Check style, formatting, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: .venv/.dev ## Format the code and sort the imports
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# --no-location and --no-wrap: a change in the code changes only the lines of its own messages.
.PHONY: messages
messages: .venv/.dev ## Collect the pages' words into the German and Turkish catalogues, compile them
	@scripts/setup.sh packages "make messages" xgettext
	@cd trustbackup && ../$(BIN)/python -m django makemessages --locale de --locale tr \
		--no-location --no-wrap --no-obsolete
	@sed -i '/^"POT-Creation-Date:/d' trustbackup/locale/*/LC_MESSAGES/django.po
	@cd trustbackup && ../$(BIN)/python -m django compilemessages

.PHONY: bench
bench: .venv/.dev ## Measure dumps beside the peers (takes minutes and a few GB of disk)
	@scripts/setup.sh packages "make bench" initdb pg_dump setpriv
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: pictures
pictures: .venv/.dev ## Take the README's pictures of the page anew (takes minutes)
	@scripts/setup.sh packages "make pictures" chromium faketime
	@$(BIN)/python scripts/pictures.py

.PHONY: constraints
constraints: ## Pin the newest allowed version of everything in constraints.txt
	@scripts/setup.sh constraints

.PHONY: clean
clean: ## Remove .venv and caches; the demo's database, media and backups stay
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache \
		.hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What the demo needs is a part of what the tests need: `make test` first, and
# `make demo` has nothing left to install.
.venv/.demo: pyproject.toml constraints.txt
	@scripts/setup.sh venv "make demo" webshop,postgres
	@touch $@

.venv/.dev: pyproject.toml constraints.txt
	@scripts/setup.sh venv "make test" dev
	@touch .venv/.demo $@
