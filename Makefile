PYTHON ?= python3
EVENT ?= events/quick_connect_create.json
ARCHITECTURE ?= arm64
BIN := .venv/bin
SAM := .venv-sam/bin/sam

.DEFAULT_GOAL := help
.PHONY: help environment demo sandbox invoke serve build deploy test test-long lint docs bench bench-check format lock

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

environment:
	@$(PYTHON) tools/environment.py

environment-%:
	@$(PYTHON) tools/environment.py $*

demo: environment ## Create, update and delete a stack on this machine, without an AWS account
	@$(BIN)/python -m sandbox demo

sandbox: environment ## Keep an emulated AWS running, for the AWS CLI and sam
	@$(BIN)/python -m sandbox up

invoke: environment environment-sam ## Send a request to its function in Docker: make invoke EVENT=events/quick_connect_create.json
	@$(BIN)/python -m sandbox invoke $(EVENT)

serve: environment environment-sam ## Keep running what a request needs, for `sam local invoke`: make serve EVENT=...
	@$(BIN)/python -m sandbox serve $(EVENT)

build: environment ## Build the small artifact for sam deploy (ARCHITECTURE=x86_64 for that one)
	@$(BIN)/python -m tools.build $(ARCHITECTURE)

deploy: build environment-sam ## Deploy the provider to your AWS account, which sam asks about
	@$(SAM) deploy --guided --stack-name cfn-connect-provider --capabilities CAPABILITY_IAM

test: environment environment-sam ## Run every test
	@$(BIN)/python -m pytest

test-long: environment ## Run 2,000 random histories and 10,000 spoiled events, new ones each time
	@HISTORIES=2000 HOSTILE=10000 $(BIN)/python -m pytest tests/test_histories.py tests/test_hostile_input.py

lint: environment ## Check style, types and templates
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python tools/reference.py --check
	@$(BIN)/cfn-lint --append-rules cfn_connect.rules -- template.yaml "examples/**/*.yaml"

docs: environment ## Write docs/reference and docs/schemas from the models, and the picture
	@$(BIN)/python tools/reference.py
	@$(BIN)/python docs/picture.py

bench: environment ## Measure the provider beside its peers (Linux; ten minutes)
	@PYTHONPATH=functions $(BIN)/python -m benchmarks run

bench-check: environment ## Check that nothing costs more than it may (Linux; a minute)
	@PYTHONPATH=functions $(BIN)/python -m benchmarks check

format: environment ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command 'make lock'
lock: ## Pin the dependencies anew (needs uv)
	$(LOCK) --group dev functions/requirements.in -o requirements/dev.txt
	$(LOCK) functions/requirements.in -c requirements/dev.txt -o functions/requirements.txt
	$(LOCK) --group cdk -o requirements/cdk.txt
	$(LOCK) --group runtime -o requirements/runtime.txt
	$(LOCK) --group sam -o requirements/sam.txt
	$(LOCK) --group bench functions/requirements.in -c functions/requirements.txt -o requirements/bench.txt
