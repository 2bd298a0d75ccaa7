# Every target with a ## comment is listed by `make help`.
SHELL := /bin/bash
PY := .venv/bin/python
FAULT_SECONDS ?= 10
MINUTES ?= 30
# Two workers for each core: a test waits half of its time. Files in the order of their names: long ones come first.
WORKERS ?= $(shell expr $$(nproc) \* 2)
SHARED := --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
TIMED := --numprocesses auto --dist loadfile -m timed
# Every worker reads all files that it is given, for the few tests that are marked.
TIMED_FILES = $(shell grep -rl 'mark\.timed' tests --include='test_*.py' | sort)
FAULT_TABLE ?= /tmp/tada-faults.md
# Tests start some thousand processes. Without files of bytecode, each of them compiles what it imports.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help test-install install rollback docs setup setup-dev setup-bench run start start-standalone start-s3 start-distant-backend stop status logs doctor backup migrate sign configuration grammar test test-shared test-timed bench test-faults test-replicas test-js-apps test-clients test-integrations wordpress-plugin soak soak-changes soak-library soak-renders audit lint format lock vendor screenshots version release clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-21s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables of run and start: STORAGE (local, s3 or distant) S3_PORT BACKEND_PORT DATA_DIR EDGE_PORT CACHE_PORT API_PORT UPLOAD_PORT CATALOG_PORT TRANSFORM_PORT REDIS_PORT METRICS_PORT BIND MEDIA_TOKEN"

run: setup docs ## Run the whole system in the foreground; Ctrl-C stops it (STORAGE=s3: with an S3 server)
	@exec $(PY) -m tools.stack.run

start: setup docs ## Run the whole system in the background, with the variables of run
	@$(PY) -m tools.stack.background start

start-standalone: export STORAGE := local
start-standalone: start ## The same with files on this machine

start-s3: export STORAGE := s3
start-s3: export DATA_DIR ?= data-s3
start-s3: start ## The same with an S3 server, in data-s3

start-distant-backend: export STORAGE := distant
start-distant-backend: export DATA_DIR ?= data-distant-backend
start-distant-backend: start ## The same with the example of a distant backend, or with DELEGATED_STORAGE_HOST

stop: ## Stop what start or run has started
	@$(PY) -m tools.stack.background stop

status: ## Say which parts of it answer
	@$(PY) -m tools.stack.background status

logs: ## Show the log of start, and what comes
	@exec $(PY) -m tools.stack.background logs

install: ## Install this checkout for good, in /opt/tada with systemd, or upgrade to it (as root; docs/deploy.md)
	@tools/systemd/install.sh install

rollback: ## Put the release before back that make install had replaced
	@tools/systemd/install.sh rollback

doctor: setup ## Look whether this machine and the services have what they need (while make run runs)
	@$(PY) -m tools.doctor

backup: setup ## Back up catalog and files while make run runs, to a new folder in BACKUP_DIR (backups)
	@$(PY) -m tools.backup

migrate: setup ## Move an installation of the older service here: ARGS='--settings FILE --dump FILE --files FOLDER' (docs/migrating.md)
	@$(PY) -m tools.migrate $(ARGS)

sign: setup ## Sign an address: ADDRESS='/assets/media/full/DEV/cat.webp?width=200' and, if it has an end, FOR=2h
	@$(PY) -m tools.sign '$(ADDRESS)' '$(FOR)'

ifdef ARGS
test: setup-dev
	@exec $(PY) -m pytest $(ARGS)
else
test: test-shared test-timed ## Run every test (ARGS="-k purge" chooses)
endif

test-shared: setup-dev
	@$(PY) -m pytest $(SHARED) -m "not timed"

test-timed: setup-dev
	@$(PY) -m pytest $(TIMED) $(TIMED_FILES)

test-replicas: setup-dev ## Run the end-to-end tests with two processes of each service
	@REPLICAS=2 $(PY) -m pytest $(SHARED) -m "not timed" tests/e2e
	@REPLICAS=2 $(PY) -m pytest $(TIMED) $(filter tests/e2e/%,$(TIMED_FILES))

test-js-apps: setup-dev ## Build the sample apps of clients/js/examples: Next.js, Nuxt, Astro, unpic (some minutes)
	@$(PY) -m tests.programs.javascript_apps

test-clients: setup-dev ## Compile the clients that openapi-generator makes of the API's document, and upload with them (some minutes; needs Java and Maven; Go, and PHP with Guzzle, where they are there)
	@$(PY) -m tests.programs.generated_clients

test-integrations: setup-dev ## What is in integrations/ with the real thing (ONLY=strapi; some minutes each)
	@$(PY) -m tests.programs.integrations $(ONLY)

wordpress-plugin: ## Pack the plugin for WordPress, in integrations/wordpress/dist
	@python3 -m tools.wordpress_plugin

test-install: setup-dev ## Install, upgrade and roll back with a real systemd (as root; 4 minutes)
	@$(PY) -m tests.programs.install

soak: setup-dev ## A whole system under mixed load, every answer looked at, for MINUTES=n (30); plot and numbers in soak-results/
	@$(PY) -m tests.programs.soak $(MINUTES) soak-results

soak-changes: setup-dev ## 10 000 changes, as many that are undone, and as many that a webhook is told of, while parts are killed; no old byte may be seen, nothing lost (CHANGES=n)
	@$(PY) -m tests.programs.soak_changes $(or $(CHANGES),10000)
	@$(PY) -m tests.programs.soak_undo $(or $(CHANGES),10000)
	@$(PY) -m tests.programs.soak_webhooks $(or $(CHANGES),10000)

soak-library: setup-dev ## Scroll in a library of 100 000 files for MINUTES=n (10): first pictures, frames, memory
	@$(PY) -m tests.programs.library_scroll $(if $(filter file,$(origin MINUTES)),10,$(MINUTES))

soak-renders: setup-dev ## Render 20 000 times in one process and look what is left in memory (2 minutes)
	@MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=4194304 MALLOC_TRIM_THRESHOLD_=16777216 VIPS_DISC_THRESHOLD=1g $(PY) -m tests.programs.soak_renders

bench: setup-bench ## Measure what visitors feel, and every hot path beside its limit (QUICK=1: below 3 minutes; PEERS=1: thumbor and sharp too)
	@$(PY) -m tools.bench

test-faults: setup-dev ## Every part killed, frozen and restarted for longer than in the tests; writes what clients saw (10 minutes)
	@rm -f $(FAULT_TABLE)
	@FAULT_SECONDS=$(FAULT_SECONDS) FAULT_REDIS_SECONDS=60 FAULT_TABLE=$(FAULT_TABLE) $(PY) -m pytest -s tests/e2e/test_faults*.py $(ARGS)
	@cat $(FAULT_TABLE)

audit: ## Ask OSV about known vulnerabilities of all dependencies; ends with 75 where it cannot be reached
	@tools/audit.sh

lint: setup-dev ## Check style, types and the boundaries between services
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: setup-dev ## Format the code
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

setup: ## Install what running needs
	@tools/setup.sh run$(if $(filter s3,$(STORAGE)),-s3)

setup-dev: ## Install what the tests need
	@tools/setup.sh dev

configuration: setup-dev ## Write docs/configuration.md anew from the settings of the services
	@$(PY) -m tools.configuration > docs/configuration.md

grammar: setup-dev ## Write what follows from the arguments of addresses: maps of nginx, tables in the docs, test vectors of clients
	@$(PY) -m tools.grammar

setup-bench: ## Install what measuring needs on top
	@tools/setup.sh bench

docs: setup ## Write the documents as a site, in site/
	@$(PY) -m tools.docs_site.build --if-stale

vendor: ## Take the modules of other projects for the library anew, as tools/vendor.py names them
	@python3 -m tools.vendor

screenshots: setup-dev ## Take the screenshots of docs/library.md while make run runs
	@$(PY) -m tools.screenshots

version: setup-dev ## Write VERSION=1.2.3 wherever the version is said, and begin its section of the changelog
	@$(PY) -m tools.release.version '$(VERSION)'

release: setup-dev ## Build what is released into dist/, twice, and sign it with SIGN_KEY (docs/releasing.md)
	@$(PY) -m tools.release

lock: ## Resolve the dependencies anew
	@tools/lock.sh

clean: ## Remove what was installed and generated, not the data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
