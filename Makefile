# Every target with a ## comment is listed by `make help`.
SHELL := /bin/bash
PY := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-bench run test bench soak-renders lint format lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables of run: STORAGE (local or s3) S3_PORT DATA_DIR EDGE_PORT CACHE_PORT API_PORT CATALOG_PORT TRANSFORM_PORT REDIS_PORT BIND MEDIA_TOKEN"

run: setup ## Run the whole system in the foreground; Ctrl-C stops it (STORAGE=s3: with an S3 server)
	@exec $(PY) -m tools.stack.run

test: setup-dev ## Run every test (ARGS="-k purge" chooses)
	@exec $(PY) -m pytest $(ARGS)

soak-renders: setup-dev ## Render 20 000 times in one process and look what is left in memory (2 minutes)
	@MALLOC_ARENA_MAX=2 VIPS_DISC_THRESHOLD=1g $(PY) -m tests.soak

bench: setup-bench ## Measure every hot path beside its limit (QUICK=1: below 3 minutes; PEERS=1: thumbor and sharp too)
	@$(PY) -m tools.bench

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

setup-bench: ## Install what measuring needs on top
	@tools/setup.sh bench

lock: ## Resolve the dependencies anew
	@tools/lock.sh

clean: ## Remove what was installed and generated, not the data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
