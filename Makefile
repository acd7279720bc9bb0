# `make` lists what can be made. Everything Python lives in .venv; nothing is installed
# into the machine's own Python.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT ?= 8000
ARGS ?=
# Compiled modules are kept, whatever the environment says: each worker begins seconds sooner.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
# What the tests need besides, but for a browser.
TEST_PROGRAMS := initdb pg_dump mariadbd mariadb-dump strace sqlite3 mount setpriv ps curl unzip jq \
	sshd ssh-keygen age xgettext /usr/share/i18n/locales
# What the field's tests need besides the packages of Python and npm: programs, files, extensions.
FIELD_PROGRAMS := initdb pg_dump mariadbd mariadb-dump strace sqlite3 chromium-headless-shell setpriv ps unzip \
	sshd ssh-keygen proftpd /usr/lib/proftpd/mod_sftp.so pgbouncer \
	extension:pg_cron extension:pg_partman extension:postgis
AZURITE := azurite@3.37.0

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: .venv/.demo ## Build the web shop, back it up, check the backup, run a plan, serve on 127.0.0.1:8000
	@PORT=$(PORT) scripts/demo.sh

.PHONY: check
check: .venv/.dev ## Lint, and run every test that stays in its own process: two minutes
	@$(MAKE) --jobs $(LINT) tests-in-process

.PHONY: tests-in-process
tests-in-process:
	@$(BIN)/python -m pytest -n auto --dist worksteal --in-process -q $(ARGS)

.PHONY: test
test: .venv/.dev ## Install what the tests need and run all of them (ARGS="-k name", ARGS=--thorough)
	@scripts/setup.sh packages "make test" $(TEST_PROGRAMS) chromium-headless-shell
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

.PHONY: test-field
test-field: .venv/.field ## Install other servers and surroundings, run the tests that need them (15 minutes)
	@scripts/setup.sh packages "make test-field" $(FIELD_PROGRAMS)
	@$(BIN)/python -m pytest --field -n auto --dist worksteal $(ARGS)

.PHONY: matrix
matrix: .venv/.dev matrix-packages ## Run the quick tests on each Python, Django, psycopg there is (ARGS="--python 3.13")
	@$(BIN)/python scripts/matrix.py $(ARGS)

.PHONY: matrix-packages
matrix-packages:
	@scripts/setup.sh packages "make matrix" $(TEST_PROGRAMS)

.PHONY: servers
servers: .venv/.field ## Walk the full round at every server for copies, write docs/reference/servers.md
	@scripts/setup.sh packages "make servers" $(FIELD_PROGRAMS)
	@$(BIN)/python -m tests.support.field.table $(ARGS)

.PHONY: lint
lint: .venv/.dev ## Check style, formatting, types and who imports whom
	@$(MAKE) --jobs --output-sync $(LINT)

LINT := lint-style lint-format lint-types lint-imports
.PHONY: $(LINT)
lint-style:
	$(BIN)/ruff check .
lint-format:
	$(BIN)/ruff format --check .
lint-types:
	$(BIN)/mypy
lint-imports:
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

.PHONY: mutants
mutants: .venv/.mutants ## Break the modules that keep the promises, see that tests notice (takes an hour)
	@$(BIN)/mutmut run $(ARGS)
	@$(BIN)/mutmut results

.PHONY: pictures
pictures: .venv/.dev ## Take the README's pictures of the page anew (takes minutes)
	@scripts/setup.sh packages "make pictures" chromium faketime
	@$(BIN)/python scripts/pictures.py

.PHONY: api
api: .venv/.dev ## Make the API's description and its page of the docs anew
	@$(BIN)/python scripts/describe_api.py

.PHONY: constraints
constraints: ## Pin the newest allowed version of everything in constraints.txt
	@scripts/setup.sh constraints

.PHONY: clean
clean: ## Remove .venv and caches; the demo's database, media and backups stay
	rm -rf .venv build dist mutants *.egg-info .mypy_cache .pytest_cache .ruff_cache \
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

# mysqlclient is compiled, for which Debian's own Python lacks a header.
.venv/.field: .venv/.dev
	@scripts/setup.sh packages "make test-field" gcc pkg-config /usr/include/stdio.h \
		/usr/include/mariadb/mysql.h \
		$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
	@scripts/setup.sh venv "make test-field" dev,field
	@scripts/setup.sh packages "make test-field" npm
	@scripts/setup.sh node "make test-field" $(AZURITE)
	@touch $@

.venv/.mutants: .venv/.dev
	@scripts/setup.sh venv "make mutants" dev,mutants
	@touch $@
