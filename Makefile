# Developer commands; `make` alone lists them. Needs make and any python3 from 3.9 on: everything
# else is installed into .venv and .local/tools.
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# Python keeps the bytecode of our own modules: the tests start them in hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE
export NO_PROXY := 127.0.0.1,localhost,$(NO_PROXY)
export no_proxy := $(NO_PROXY)

SETUP := @python3 -I local/environments.py
LUNAS := @.venv/bin/python -m local
CLI := @.venv/bin/python -m lunas.cli
# Where an operator's command works: on the local stack, unless ENV is given on the command line.
STACK_ENV := $(if $(filter command line,$(origin ENV)),$(ENV),local)
# Given on the command line only: NAME and ENV are common environment variables.
ENV = dev
ARCH =
SUB =
ROLE = user
TYPE = UMUM
EMAIL =
NAME =
EVENT =
PYTEST_ARGS =
ONLY =
RETRY =
ENROLL =
COURSE =
DISMISS =
BENCH_ARGS =
SIZES = 1000,1000000
DAYS = 7
REQUESTS = 0
PAYMENTS = 2000
SEED = 1
PORT = 3000
# Text goes to the commands by the environment: in a shell's quotes, the one in O'Brien would end it.
export GIVEN_SUB = $(SUB)
export GIVEN_EMAIL = $(EMAIL)
export GIVEN_NAME = $(NAME)
export GIVEN_EVENT = $(EVENT)
export GIVEN_ENROLL = $(ENROLL)
export GIVEN_COURSE = $(COURSE)

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what the other commands use (each of them does it by itself)
	$(SETUP)

demo: ## three purchases, from order to enrollment, on a local cloud of their own
	$(SETUP) dev cloud sam
	$(LUNAS) demo

up: ## start the local cloud and the simulators; addresses in .local/stack.json
	$(SETUP) dev cloud sam
	$(LUNAS) up

down: ## stop what make up started
	$(SETUP) dev
	$(LUNAS) down

token: ## print a token: SUB=u1 [ROLE=admin] [TYPE=DIKE] [EMAIL=] [NAME=]
	$(SETUP) dev
	$(LUNAS) token --sub="$$GIVEN_SUB" --role '$(ROLE)' --type '$(TYPE)' --email="$$GIVEN_EMAIL" --name="$$GIVEN_NAME"

event: ## print a sample event with the local stack's keys: EVENT=events/payments-get.json [SUB=u1] [ROLE=admin]
	$(SETUP) dev
	$(LUNAS) event --sub="$$GIVEN_SUB" --role '$(ROLE)' --type '$(TYPE)' --email="$$GIVEN_EMAIL" --name="$$GIVEN_NAME" -- "$$GIVEN_EVENT"

test: ## run every test, in parallel [PYTEST_ARGS=tests/unit]
	$(SETUP) dev cloud sam runtime iam clients clients-npm
	.venv/bin/python -m pytest -n auto $(PYTEST_ARGS)

test-full: ## run every test in its long form: every cut, all stages [PYTEST_ARGS=tests/faults]
	@LUNAS_TESTS=$${LUNAS_TESTS:-long} $(MAKE) --no-print-directory test

check: ## format, lint, types, import rules, template, roles, security
	$(SETUP) dev sam iam
	$(LUNAS) check

build: ## sam build, when something changed [ENV=prod] [ARCH=arm64]
	$(SETUP) dev sam
	$(LUNAS) build --config-env $(ENV) $(ARCH:%=--arch %)

deploy: build ## sam deploy to AWS, with samconfig.toml's settings for ENV=dev or ENV=prod
	@# SAM does not see that a setting has changed; another mark makes a new version of each function.
	@.venv/bin/python -m lunas.cli.release '$(ENV)'
	.local/tools/sam/bin/sam deploy --config-env $(ENV)

sam-local: ## the API by sam local on the stack of make up; needs Docker [PORT=3001]
	$(SETUP) dev cloud sam
	$(LUNAS) sam-local --port '$(PORT)'

soak: ## thousands of purchases while everything breaks [PAYMENTS=200] [SEED=1]
	$(SETUP) dev cloud sam
	$(LUNAS) soak --payments $(PAYMENTS) --seed $(SEED)

mutation-test: ## take every condition and check out, one at a time: each time a test must go red [ONLY=part of a path]
	$(SETUP) dev
	@.venv/bin/python -m tests.mutation --only '$(ONLY)'

redrive-deliveries: ## redrive dead-letter messages, once their cause is fixed [ENV=dev or prod; else the local stack]
	$(SETUP) dev
	$(CLI) redrive-deliveries --env '$(STACK_ENV)'

oauth-redirect-uri: ## print the redirect URI to paste into Thinkific's portal, and check it [ENV=dev or prod]
	$(SETUP) dev
	$(CLI) oauth-redirect-uri --env '$(STACK_ENV)'

smoke: ## after a deploy: what is wrong with the stack, and what to do [ENV=dev or prod; else the local stack]
	$(SETUP) dev
	$(CLI) smoke --env '$(STACK_ENV)'

sale-reports: ## reports of sales that wait for a person [RETRY=pay…] [DISMISS=pay…] [ENV=dev or prod; else the local stack]
	$(SETUP) dev
	$(CLI) sale-reports --env '$(STACK_ENV)' --retry '$(RETRY)' --dismiss '$(DISMISS)'

thinkific-webhooks: ## register the webhooks by which Thinkific sends progress [ENV=dev or prod; else the local stack]
	$(SETUP) dev
	$(CLI) thinkific-webhooks --env '$(STACK_ENV)'

thinkific-check: ## what the Thinkific site allows, and what to fix [ENV=dev or prod] [ENROLL=address COURSE=id]
	$(SETUP) dev
	$(CLI) thinkific-check --env '$(if $(filter command line,$(origin ENV)),$(ENV))' --enroll="$$GIVEN_ENROLL" --course="$$GIVEN_COURSE"

bench: ## how fast, beside FastAPI, Flask and others: a quarter of an hour [BENCH_ARGS="--starts 3"]
	$(SETUP) dev cloud sam runtime
	@.venv/bin/python -m benchmarks $(BENCH_ARGS)

bench-units: ## units of requests in large tables: half an hour for a million payments [SIZES=1000,20000]
	$(SETUP) dev cloud sam
	@.venv/bin/python -m benchmarks.units --sizes '$(SIZES)'

bench-aws: ## what Lambda reports of a deployed stack: starts, durations, memory [DAYS=1] [REQUESTS=50]
	$(SETUP) dev
	@.venv/bin/python -m benchmarks.aws --env '$(ENV)' --days '$(DAYS)' --requests '$(REQUESTS)'

openapi: ## write docs/openapi.json, after a change of the API
	$(SETUP) dev
	@.venv/bin/python -m local.openapi

golden: ## write the expanded templates that tests/golden keeps, after a change of template.yaml
	$(SETUP) dev sam
	@.venv/bin/python -m tests.golden

requirements: ## pin the newest versions that requirements/*.in allow
	$(SETUP) uv
	@python3 -I local/requirements.py

clean: ## stop what runs, remove everything the commands made
	@if [ -x .venv/bin/python ]; then .venv/bin/python -m local down --all; fi
	rm -rf .venv .local .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: bench bench-units bench-aws help setup demo up down sam-local token event test test-full check build deploy redrive-deliveries sale-reports soak mutation-test oauth-redirect-uri thinkific-webhooks thinkific-check smoke openapi golden requirements clean
