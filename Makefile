# Every step that CI runs is a target here, and every target sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8

.PHONY: setup demo test check fix docs bench screenshots lock sagemaker-v2 sagemaker-v3 clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock locks/datasets.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Modelyard needs Python 3.11 or newer, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --require-hashes --python $(BIN)/python -r locks/datasets.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
# Jobs see the package read-only: what is not compiled now would be compiled in each of them.
	$(BIN)/python -m compileall -q src
	touch $@

demo: setup
	$(BIN)/python examples/demo.py

test: setup check sagemaker-v2 sagemaker-v3 .venv-smclarify/.ready .venv-shap/.ready
	$(BIN)/python -m pytest -n 2 --dist worksteal -rR --cov --cov-report=term:skip-covered --cov-report=xml

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup
	$(BIN)/python -m modelyard.orchestrator.attribute_reference > docs/attributes.md.new
	mv docs/attributes.md.new docs/attributes.md

# The sagemaker SDK's lines pin what ours does not, and not the same: each lives, and is tested, in an environment of its own.
sagemaker-v2: .venv-sagemaker-v2/.ready
sagemaker-v3: .venv-sagemaker-v3/.ready

.venv-%/.ready: locks/%.lock $(VENV)/.ready
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-$*
	$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python .venv-$*/bin/python locks/$*.lock
	touch $@

bench: setup .venv-mlserver/.ready .venv-mlflow/.ready .venv-whylogs/.ready .venv-tfdv/.ready .venv-shap/.ready
	$(BIN)/python -m bench

# Pictures of the console for the documentation: of a server with real jobs, never by hand.
screenshots: setup
	$(BIN)/python -m tests.console.screenshots docs/images

# Name no index and no path in a lock: versions and hashes are what pins.
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11
lock:
	$(LOCK) --all-extras --group dev pyproject.toml -o requirements.lock
	$(LOCK) --no-deps locks/datasets.in -o locks/datasets.lock
	for name in sagemaker-v2 sagemaker-v3 mlserver mlflow whylogs tfdv smclarify shap; do $(LOCK) locks/$$name.in -o locks/$$name.lock || exit 1; done

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
