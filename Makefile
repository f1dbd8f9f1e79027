PYTHON ?= python3
EVENT ?= events/quick_connect_create.json
ARCHITECTURE ?= arm64
VERSION = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
BIN = .venv-$(VERSION)/bin
SAM := .venv-sam/bin/sam

# Where it is set, each process of a test run compiles every module of the repository again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help environment demo sandbox invoke serve build dist deploy check-aws test test-long test-older lint docs bench bench-check format lock

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

environment:
	@$(PYTHON) tools/environment.py

environment-%:
	@$(PYTHON) tools/environment.py $*

demo: environment ## Create, update and delete a stack on this machine, without an AWS account
	@$(BIN)/python -m sandbox demo

sandbox: environment ## Run an emulated AWS for the AWS CLI and sam, until you press Ctrl-C
	@$(BIN)/python -m sandbox up

invoke: environment environment-sam ## Send a request to its function in Docker (EVENT=events/...json)
	@$(BIN)/python -m sandbox invoke $(EVENT)

serve: environment environment-sam ## Prepare a request and print its `sam local invoke` (EVENT=events/...json)
	@$(BIN)/python -m sandbox serve $(EVENT)

build: environment ## Build the small artifact for sam deploy (ARCHITECTURE=arm64 or x86_64)
	@$(BIN)/python -m tools.build $(ARCHITECTURE)

dist: environment ## Build the files of a release: the wheel, and an artifact for each architecture
	@$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@for each in arm64 x86_64; do \
		$(BIN)/python -m tools.build $$each && (cd .aws-sam/build && $(PYTHON) -m zipfile -c \
		../../dist/cfn-connect-provider-$$each.zip functions template.yaml LICENSE README.md) || exit 1; \
	done

deploy: build environment-sam ## Deploy the provider to your AWS account (sam asks for the settings)
	@$(SAM) deploy --guided --stack-name cfn-connect-provider --capabilities CAPABILITY_IAM

check-aws: environment ## Ask your AWS account what we assume of AWS (see docs/assumptions.md)
	@INSTANCE_ID=$(INSTANCE_ID) QUEUE_ID=$(QUEUE_ID) CONTACT_FLOW_ID=$(CONTACT_FLOW_ID) USER_ID=$(USER_ID) \
		PHONE_NUMBER_ID=$(PHONE_NUMBER_ID) FAILOVER=$(FAILOVER) QUOTA=$(QUOTA) $(BIN)/python -m tools.check_aws

test: environment-sam environment-ministack environment ## Run every test
	@$(BIN)/python -m pytest

test-long: environment ## Run 4,000 random histories, 10,000 damaged events and 3,000 changed templates
	@HISTORIES=2000 ASSESSMENTS=2000 HOSTILE=10000 MUTANTS=2400 $(BIN)/python -m pytest \
		tests/proofs/test_histories.py tests/proofs/test_assess.py tests/proofs/test_hostile_input.py \
		tests/unit/cfn_connect/rules/test_mutations.py

test-older: environment-older ## Test with the oldest pydantic that we support, and check the coverage
	@.venv-older-$(VERSION)/bin/python -m pytest tests/unit tests/proofs -m "not large" --cov

lint: environment ## Check style, types and templates
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python tools/reference.py --check
	@$(BIN)/cfn-lint --append-rules cfn_connect.rules -- template.yaml "examples/**/*.yaml"

docs: environment ## Write docs/reference, docs/schemas and docs/assumptions.md
	@$(BIN)/python tools/reference.py

bench: environment ## Compare the provider with other ways to write one (Linux; ten minutes)
	@PYTHONPATH=functions $(BIN)/python -m benchmarks run

bench-check: environment ## Check that no cost exceeds its limit (Linux; one minute)
	@PYTHONPATH=functions $(BIN)/python -m benchmarks check

format: environment ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Nothing constrains the functions: they get the newest versions. The tests and the benchmarks get
# the versions of the functions. MiniStack and sam pin older ones, so they are resolved separately.
LOCK := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command 'make lock'
lock: ## Update every lock file to the newest versions (needs uv)
	$(LOCK) functions/requirements.in -o functions/requirements.txt
	$(LOCK) functions/requirements.in --group dev -c functions/requirements.txt -o requirements/dev.txt
	$(LOCK) functions/requirements.in --group bench -c functions/requirements.txt -o requirements/bench.txt
	$(LOCK) --group ministack -o requirements/ministack.txt
	$(LOCK) --group sam -o requirements/sam.txt
	$(LOCK) --group cdk -o requirements/cdk.txt
	$(LOCK) --group pip -o requirements/pip.txt
	$(LOCK) --group runtime -o requirements/runtime.txt
